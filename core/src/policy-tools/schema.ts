import { z } from 'zod';
import { compilePattern } from '../policy/argument-pattern.ts';

/** What YAML may say. Every leaf's message tells what is wrong; `params.remedy` what to do. The JSON Schema is made from it. */
type Check = (value: string) => { readonly message: string; readonly remedy: string } | undefined;

function text(check: Check) {
  return z.string().superRefine((value, context) => {
    const wrong = check(value);
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong.message, params: { remedy: wrong.remedy } });
  });
}

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

function label(what: string, longest: number): Check {
  return (value) => {
    if (value.trim() === '') return { message: `${what} is empty`, remedy: 'Write a few words.' };
    if (value.length > longest) return { message: `${what} is longer than ${longest} characters`, remedy: 'Shorten it.' };
    if (CONTROL.test(value)) return { message: `${what} holds a control or invisible character`, remedy: 'Remove it; this text is shown in terminals.' };
    return undefined;
  };
}

/** Messages and descriptions may have several lines. */
function prose(what: string, longest: number): Check {
  const check = label(what, longest);
  return (value) => check(value.replace(/\n/g, ' '));
}

const policyName = text((value) =>
  /^[a-z0-9][a-z0-9._-]{0,62}$/.test(value)
    ? undefined
    : { message: 'A policy name is 1 to 63 of a-z, 0-9, ".", "_" and "-", and begins with a letter or digit', remedy: 'For instance developers or base-eu.' },
).meta({ description: 'Unique among all policies.', pattern: '^[a-z0-9][a-z0-9._-]{0,62}$' });

/** ASCII only, so that nothing looks like root and is not (T-01). */
const ACCOUNT = /^[A-Za-z0-9_.][A-Za-z0-9_.@\\ $-]{0,255}$/;
const MAX_ID = 0xffff_fffe;

function isId(value: string): boolean {
  return /^(?:0|[1-9][0-9]{0,9})$/.test(value) && Number(value) <= MAX_ID;
}

function accountFault(name: string, kind: 'user' | 'group'): ReturnType<Check> {
  if (/^[0-9]+$/.test(name)) return { message: `"${name}" is a number, not a name`, remedy: `Write ${kind === 'user' ? 'uid' : 'gid'}:${name}.` };
  return ACCOUNT.test(name) ? undefined : { message: `"${name}" is no ${kind} name`, remedy: 'Names are ASCII letters, digits and . _ - @ \\ $.' };
}

function idFault(value: string): ReturnType<Check> {
  return isId(value) ? undefined : { message: `"${value}" is no id`, remedy: `Write a decimal number from 0 to ${MAX_ID}.` };
}

const subject = text((value) => {
  const bare = value.startsWith('!') ? value.slice(1) : value;
  if (value === 'any') return undefined;
  const [, kind, name] = /^(user|group|uid|gid):(.*)$/s.exec(bare) ?? [];
  if (kind === undefined || name === undefined) {
    return { message: `"${value}" says nobody`, remedy: 'Write user:NAME, group:NAME, uid:N, gid:N, one of these after "!" to exclude, or any.' };
  }
  return kind === 'user' || kind === 'group' ? accountFault(name, kind) : idFault(name);
}).meta({ description: 'user:NAME, group:NAME, uid:N, gid:N; "!" before it excludes; any.', pattern: '^(any|!?(user|group|uid|gid):.+)$' });

function identity(kind: 'user' | 'group') {
  const idKind = kind === 'user' ? 'uid' : 'gid';
  return text((value) => {
    if (value === 'any') return undefined;
    return value.startsWith(`${idKind}:`) ? idFault(value.slice(4)) : accountFault(value, kind);
  }).meta({ description: `A ${kind} name, ${idKind}:N, or any.` });
}

const SHELL_MEANING = /[*?$`{}~]/;

const command = text((value) => {
  if (!value.startsWith('/')) return { message: 'A command is an absolute path', remedy: 'Write it in full, for instance /usr/bin/apt-get.' };
  // SECURITY(T-07): nothing in a policy is expanded, so what looks like it would be is refused.
  if (SHELL_MEANING.test(value)) return { message: 'Nothing in a command path is expanded', remedy: 'Write one file in full, without * ? $ ~ ` { }; wildcards belong into args.' };
  if (CONTROL.test(value)) return { message: 'The path holds a control or invisible character', remedy: 'Remove it.' };
  if (value.length > 4095) return { message: 'The path is longer than a path can be', remedy: 'Shorten it.' };
  if (value === '/' || value.endsWith('/')) return { message: 'The path names a folder', remedy: 'Name the file in it.' };
  if (/\/(?:\.{0,2})(?:\/|$)/.test(value)) return { message: 'The path has a part that is empty, "." or ".."', remedy: 'Write it without.' };
  return undefined;
}).meta({ description: 'Absolute path of one file.', pattern: '^/' });

const argument = text((value) => {
  if (value.includes('\0')) return { message: 'An argument cannot hold a NUL byte', remedy: 'Remove it.' };
  if (value.length > 1024) return { message: 'The pattern is longer than 1024 characters', remedy: 'Shorten it, with * for instance.' };
  if (value === '**') return undefined;
  const compiled = compilePattern(value);
  return compiled.ok ? undefined : compiled.error;
}).meta({ description: 'One pattern an argument: * is any one argument (inside a pattern: anything but /), ** at the end is the rest.' });

const hash = text((value) =>
  /^[0-9a-fA-F]{64}$/.test(value) ? undefined : { message: 'A SHA-256 is 64 hexadecimal digits', remedy: 'Take the first column of `sha256sum FILE`.' },
).meta({ description: 'SHA-256 of the file, in hexadecimal.', pattern: '^[0-9a-fA-F]{64}$' });

const runFields = {
  command: command.optional(),
  args: z.array(argument).max(256).optional().meta({ description: 'Left out: any arguments. []: none.' }),
  sha256: z.union([hash, z.array(hash).min(1).max(256)]).optional(),
};
const runTarget = z.strictObject({
  ...runFields,
  not: z.strictObject(runFields).optional().meta({ description: 'Excepts this from the other entries; alone in its entry.' }),
});

const deviceSelector = text((value) => {
  if (value === 'all') return undefined;
  return /^!?(?:group|device):[^\p{Cc}\p{Cf}]{1,256}$/u.test(value)
    ? undefined
    : { message: `"${value}" names no devices`, remedy: 'Write all, group:NAME, device:ID, or one of these after "!" to exclude.' };
}).meta({ description: 'all, group:NAME, device:ID; "!" before it excludes.', pattern: '^(all|!?(group|device):.+)$' });

const duration = text((value) => {
  const ms = durationMs(value);
  if (ms === undefined) return { message: `"${value}" is no length of time`, remedy: 'Write a number and s, m or h, for instance 5m.' };
  return ms > MAX_REAUTH_MS ? { message: 'Longer than 24 hours', remedy: 'Shorten it.' } : undefined;
}).meta({ description: 'For instance 30s, 5m, 1h.', pattern: '^[0-9]+[smh]$' });

const MAX_REAUTH_MS = 24 * 3_600_000;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** Undefined when it is no duration. */
export function durationMs(value: string): number | undefined {
  const [, count, unit] = /^([0-9]{1,6})([smh])$/.exec(value) ?? [];
  return count === undefined || unit === undefined ? undefined : Number(count) * (UNIT_MS[unit] as number);
}

const requirements = z.strictObject({
  reason: z.union([z.literal(true), z.strictObject({ minLength: z.number().int().min(1).max(500) })]).optional().meta({ description: 'A reason in words.' }),
  reauth: z.union([z.literal(true), duration]).optional().meta({ description: 'A password; with a length of time, one entered that recently in this login session will do.' }),
});

const runAs = z.strictObject({
  user: identity('user').optional(),
  users: z.union([z.literal('any'), z.array(identity('user')).min(1).max(1000)]).optional(),
  group: identity('group').optional(),
  groups: z.union([z.literal('any'), z.array(identity('group')).min(1).max(1000)]).optional(),
});

export const MAX_PRIORITY = 1_000_000;
const oneOrMore = (item: typeof subject) => z.union([z.literal('any'), z.array(item).min(1).max(1000)]);

const rule = z.strictObject({
  name: text(label('The name', 128)).meta({ description: 'Unique in its policy; shown to whoever asks why.' }),
  priority: z.number().int().min(-MAX_PRIORITY).max(MAX_PRIORITY).optional().meta({ description: 'Default 0; the highest decides. A deny wins whatever its priority.' }),
  who: oneOrMore(subject).optional(),
  run: z.union([z.literal('any'), z.array(z.union([z.literal('any'), runTarget])).min(1).max(1000)]).optional(),
  as: z.union([z.literal('any'), runAs]).optional().meta({ description: 'Whom the command may run as. In allow and ask, left out: root:root.' }),
  when: z.string().min(1).max(4096).optional().meta({ description: 'A CEL expression over the facts.' }),
  // oxlint-disable-next-line unicorn/no-thenable -- the word policy authors write; nothing awaits a schema's fields
  then: z.enum(['allow', 'ask', 'deny']),
  require: requirements.optional().meta({ description: 'What an ask wants before it runs.' }),
  message: text(prose('The message', 1000)).optional().meta({ description: 'Shown to the requester.' }),
  recovery: z.boolean().optional().meta({ description: 'The way in when all else fails; holds when the policy has expired.' }),
  whenExpired: z.enum(['allow', 'deny']).optional().meta({ description: 'Whether the rule still holds when the policy has expired. Default deny.' }),
});

export const policySchema = z.strictObject({
  apiVersion: z.literal('belay/v1'),
  kind: z.literal('Policy'),
  metadata: z.strictObject({ name: policyName, description: text(prose('The description', 1000)).optional() }),
  targets: z.strictObject({ devices: z.array(deviceSelector).min(1).max(1000) }).optional().meta({ description: 'Left out: every device.' }),
  rules: z.array(rule).min(1).max(20_000),
});

export type PolicyShape = z.infer<typeof policySchema>;
export type RuleShape = PolicyShape['rules'][number];

declare const policyBrand: unique symbol;
/** A policy without errors, as written. Made only by `parsePolicyFiles`. */
export type Policy = PolicyShape & { readonly [policyBrand]: true };

/** For editors: complete and check while typing. Meaning (what an allow must say, expressions) is checked by Belay itself. */
export function policyJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(policySchema, { io: 'input', unrepresentable: 'any' });
  return { $schema, title: 'Belay policy', ...schema };
}
