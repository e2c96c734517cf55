import * as z from 'zod';
import { aroundFields } from './schema-around.ts';
import { alert, limits, onFailure, record, requirements } from './schema-outcome.ts';
import { openTarget, parameters, runTarget, setUse } from './schema-run.ts';
import { accountFault, documentName, idFault, label, prose, text } from './texts.ts';

/** What YAML may say. The JSON Schema is made from it. */
const SET_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

function subjectFault(value: string): ReturnType<typeof idFault> {
  const bare = value.startsWith('!') ? value.slice(1) : value;
  if (value === 'any') return undefined;
  const [, kind, name] = /^(user|group|uid|gid|set):(.*)$/s.exec(bare) ?? [];
  if (kind === undefined || name === undefined) {
    return { message: `"${value}" says nobody`, remedy: 'Write user:NAME, group:NAME, uid:N, gid:N, set:NAME, one of these after "!" to exclude, or any.' };
  }
  if (kind === 'set') return SET_NAME.test(name) ? undefined : { message: `"${name}" is no name of a user set`, remedy: 'Small letters, digits and . _ -.' };
  return kind === 'user' || kind === 'group' ? accountFault(name, kind) : idFault(name);
}

const subject = text(subjectFault).meta({ description: 'user:NAME, group:NAME, uid:N, gid:N, set:NAME; "!" before it excludes; any.', pattern: '^(any|!?(user|group|uid|gid|set):.+)$' });
const excluded = text((value) => (value === 'any' || value.startsWith('!') ? { message: `"${value}" cannot be excluded`, remedy: 'Write user:NAME, group:NAME, uid:N, gid:N or set:NAME.' } : subjectFault(value))).meta({ description: 'user:NAME, group:NAME, uid:N, gid:N or set:NAME.' });
const notSubject = z.strictObject({ not: z.union([excluded, z.array(excluded).min(1).max(1000)]).meta({ description: 'Excludes these.' }) }).meta({ title: 'An exclusion' });

function identity(kind: 'user' | 'group') {
  const idKind = kind === 'user' ? 'uid' : 'gid';
  return text((value) => {
    if (value === 'any') return undefined;
    return value.startsWith(`${idKind}:`) ? idFault(value.slice(4)) : accountFault(value, kind);
  }).meta({ description: `A ${kind} name, ${idKind}:N, or any.` });
}

const deviceSelector = text((value) => {
  if (value === 'all') return undefined;
  return /^!?(?:(?:group|device|set):[^\p{Cc}\p{Cf}]{1,256}|label:[^\p{Cc}\p{Cf}=]{1,256}=[^\p{Cc}\p{Cf}]{0,256})$/u.test(value)
    ? undefined
    : { message: `"${value}" names no devices`, remedy: 'Write all, group:NAME, device:ID, label:KEY=VALUE, set:NAME, or one of these after "!" to exclude.' };
}).meta({ description: 'all, group:NAME, device:ID, label:KEY=VALUE, set:NAME; "!" before it excludes.', pattern: '^(all|!?(group|device|label|set):.+)$' });

const runAs = z.strictObject({
  user: identity('user').optional(),
  users: z.union([z.literal('any'), z.array(identity('user')).min(1).max(1000)]).optional().meta({ description: 'One of these users. Left out, with a group: oneself in allow and ask, any in deny.' }),
  group: identity('group').optional(),
  groups: z.union([z.literal('any'), z.array(identity('group')).min(1).max(1000)]).optional().meta({ description: "One of these groups. Left out, with a user: that user's own primary group in allow and ask, any in deny." }),
});

export const MAX_PRIORITY = 1_000_000;

const rule = z.strictObject({
  name: text(label('The name', 128)).meta({ description: 'Unique in its policy; shown to whoever asks why.' }),
  priority: z.number().int().min(-MAX_PRIORITY).max(MAX_PRIORITY).optional().meta({ description: 'The highest that holds decides; a deny wins whatever its priority. Default 0.' }),
  who: z.union([z.literal('any'), z.array(z.union([subject, notSubject])).min(1).max(1000)]).optional().meta({ description: 'Whom the rule is for: one of the list, and none of its exclusions. Left out: anyone in deny; allow and ask must say it.' }),
  run: z.union([z.literal('any'), z.array(z.union([z.literal('any'), setUse, runTarget])).min(1).max(1000)]).optional().meta({ description: 'What runs: one of the list, and none of its exceptions. Left out: anything in deny; allow and ask must say it.' }),
  as: z.union([z.literal('any'), runAs]).optional().meta({ description: 'Whom the command runs as. Left out: root:root in allow and ask, any identity in deny.' }),
  ...aroundFields,
  when: z.string().min(1).max(4096).optional().meta({ description: 'A CEL expression over the facts, which must be true too.' }),
  // oxlint-disable-next-line unicorn/no-thenable -- the word policy authors write; nothing awaits a schema's fields
  then: z.enum(['allow', 'ask', 'deny']).meta({ description: 'What becomes of a request for which all the rest is true.' }),
  require: requirements.optional().meta({ description: 'What an ask wants before it runs. An ask needs one, an allow and a deny have none.' }),
  limits: limits.optional().meta({ description: 'What the command may do.' }),
  record: record.optional(),
  alert: alert.optional(),
  onFailure: onFailure.optional().meta({ description: 'Whether the rule still holds when something fails: with allow and spool it does, with deny not. Left out: it does not.' }),
  message: text(prose('The message', 1000)).optional().meta({ description: 'Shown to the requester.' }),
  recovery: z.boolean().optional().meta({ description: 'The way in when all else fails; holds whatever fails. Default false.' }),
  emergency: z.literal(true).optional().meta({ description: 'Break-glass: two people or more approve, everybody is told, the session is recorded, and somebody looks at it afterwards.' }),
  whenExpired: z.enum(['allow', 'deny']).optional().meta({ description: 'The same as onFailure.manifestExpired. Default deny.' }),
});

const apiVersion = z.literal('belay/v1').meta({ description: 'The version of the language.' });
const metadataOf = (what: string) =>
  z.strictObject({ name: documentName(what), description: text(prose('The description', 1000)).optional().meta({ description: 'For people.' }) }).meta({ title: 'Metadata', description: 'What the document is called.' });
const defaultsName = documentName('defaults').meta({ description: 'A name of Defaults.' });
const extendsNames = z.union([defaultsName, z.array(defaultsName).min(1).max(8)]).optional().meta({ description: 'Defaults that this builds on; the later of two wins.' });

export const policySchema = z.strictObject({
  apiVersion,
  kind: z.literal('Policy'),
  metadata: metadataOf('policy'),
  extends: extendsNames,
  mode: z.enum(['enforce', 'monitor']).optional().meta({ description: 'monitor: its rules are decided and recorded, and nothing is enforced. Default enforce.' }),
  targets: z
    .strictObject({ devices: z.array(deviceSelector).min(1).max(1000).meta({ description: 'One of these, and none of the exclusions.' }) })
    .optional()
    .meta({ description: 'The devices that it is for. Left out: every device.' }),
  rules: z.array(rule).min(1).max(50_000).meta({ description: 'In any order.' }),
});

export const commandSetSchema = z.strictObject({
  apiVersion,
  kind: z.literal('CommandSet'),
  metadata: metadataOf('command set'),
  parameters: parameters.optional().meta({ description: 'Stand as {{name}} in commands and arguments.' }),
  run: z.array(openTarget).min(1).max(1000).meta({ description: 'The commands; each use of the set stands for all of them.' }),
});

export const userSetSchema = z.strictObject({
  apiVersion,
  kind: z.literal('UserSet'),
  metadata: metadataOf('user set'),
  who: z.array(z.union([subject, notSubject])).min(1).max(1000).meta({ description: 'The people; other user sets may be among them.' }),
});

export const deviceSetSchema = z.strictObject({
  apiVersion,
  kind: z.literal('DeviceSet'),
  metadata: metadataOf('device set'),
  devices: z.array(deviceSelector).min(1).max(1000).meta({ description: 'The devices; other device sets may be among them.' }),
});

/** Devices that only watch: there, every policy but those with a recovery rule is in monitor mode. */
export const monitorSchema = z.strictObject({
  apiVersion,
  kind: z.literal('Monitor'),
  metadata: metadataOf('monitor'),
  devices: z.array(deviceSelector).min(1).max(1000).meta({ description: 'On these, policies decide and record and enforce nothing; those with a recovery rule go on as they are.' }),
});

const { from, during, device, cwd, env, parent, ancestor } = aroundFields;
export const defaultsSchema = z.strictObject({
  apiVersion,
  kind: z.literal('Defaults'),
  metadata: metadataOf('defaults'),
  extends: extendsNames,
  rule: z
    .strictObject({
      from, during, device, cwd, env, parent, ancestor,
      require: requirements.optional().meta({ description: 'For rules that ask.' }),
      limits: limits.optional().meta({ description: 'What the command may do.' }),
      record: record.optional(),
      alert: alert.optional(),
      onFailure: onFailure.optional().meta({ description: 'Whether the rule still holds when something fails: with allow and spool it does, with deny not. Left out: it does not.' }),
      message: text(prose('The message', 1000)).optional().meta({ description: 'Shown to the requester.' }),
    })
    .meta({ description: 'For every rule that does not say otherwise; of these a deny takes alert and message only.' }),
});

export const SCHEMAS = { Policy: policySchema, CommandSet: commandSetSchema, UserSet: userSetSchema, DeviceSet: deviceSetSchema, Defaults: defaultsSchema, Monitor: monitorSchema } as const;
export type Kind = keyof typeof SCHEMAS;
export const KINDS = Object.keys(SCHEMAS) as readonly Kind[];

export type PolicyShape = z.infer<typeof policySchema>;
export type RuleShape = PolicyShape['rules'][number];
export type CommandSetShape = z.infer<typeof commandSetSchema>;
export type UserSetShape = z.infer<typeof userSetSchema>;
export type DeviceSetShape = z.infer<typeof deviceSetSchema>;
export type DefaultsShape = z.infer<typeof defaultsSchema>;
export type MonitorShape = z.infer<typeof monitorSchema>;
export type AnyShape = PolicyShape | CommandSetShape | UserSetShape | DeviceSetShape | DefaultsShape | MonitorShape;

declare const policyBrand: unique symbol;
/** A policy without errors, its sets and defaults filled in. Made only by `parsePolicyFiles`. */
export type Policy = PolicyShape & { readonly [policyBrand]: true };

/** For editors: complete and check while typing. Meaning (what an allow must say, expressions) is checked by Belay itself. */
export function policyJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(z.discriminatedUnion('kind', [policySchema, commandSetSchema, userSetSchema, deviceSetSchema, defaultsSchema, monitorSchema]), { io: 'input', unrepresentable: 'any', reused: 'ref' });
  return { $schema, title: 'Belay policy', ...schema };
}
