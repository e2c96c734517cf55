import * as z from 'zod';
import { type Failure, failure } from '../codes.ts';
import type { Sha256 } from '../crypto.ts';
import { type CborValue, decodeCanonical, encodeCanonical } from '../evidence/cbor.ts';
import { err, ok, type Result } from '../result.ts';
import { compileArguments, compilePattern } from './argument-pattern.ts';
import { type CompiledCircumstances, type CompiledPolicy, type CompiledRule, type PackagePattern, STRICT_FAILURES } from './compiled.ts';
import { decodeExpression, findBoundFault } from './expression.ts';
import { parseNetwork } from './network.ts';
import { ALERTS, CHILDREN, NO_OBLIGATIONS, RECORDS } from './obligations.ts';
import { DAY_MINUTES } from './period.ts';
import { compileRegex } from './regular-expression.ts';

/** The form of a bundle. Another one: BELAY_E_FEATURE, as a device must not guess at what it does not know. */
export const BUNDLE_VERSION = 2;
export const MAX_BUNDLE_BYTES = 16 * 1024 * 1024;

/** One compiled policy as canonical CBOR: one policy, one sequence of bytes, one digest. */
export function encodeBundle(policy: CompiledPolicy): Uint8Array {
  return encodeCanonical({ v: BUNDLE_VERSION, ...(withoutUndefined(policy) as Record<string, CborValue>) });
}

/** What a manifest names a bundle by: SHA-256 of its bytes. */
export function bundleDigest(bundle: Uint8Array, sha256: Sha256): Uint8Array {
  return sha256(bundle);
}

/**
 * Errors: BELAY_E_TOO_LARGE, BELAY_E_MALFORMED, BELAY_E_FEATURE. Never throws. Everything that loading relies on is checked:
 * form, unknown keys, argument patterns, expressions and their bounds.
 */
export function decodeBundle(bytes: Uint8Array): Result<CompiledPolicy, Failure> {
  if (bytes.length > MAX_BUNDLE_BYTES) return err(failure('BELAY_E_TOO_LARGE'));
  const value = decodeCanonical(bytes);
  if (!value.ok) return value;
  const version = z.looseObject({ v: z.number() }).safeParse(value.value);
  if (!version.success) return err(failure('BELAY_E_MALFORMED'));
  const upgraded = version.data.v === 1 ? fromVersion1(value.value) : value.value;
  if (version.data.v !== BUNDLE_VERSION && version.data.v !== 1) return err(failure('BELAY_E_FEATURE', 'The policy is in a newer form; update the agent.'));
  const shape = bundleShape.safeParse(upgraded);
  // SECURITY(T-25): one key too many and the whole is refused; the last good one stays.
  if (!shape.success) return err(failure('BELAY_E_MALFORMED', 'The policy bundle has an unknown form.'));
  const { v: _version, ...policy } = shape.data;
  const checked = new Set<string>();
  return policy.rules.every((rule) => isSound(rule as CompiledRule, checked)) ? ok(policy as CompiledPolicy) : err(failure('BELAY_E_MALFORMED', 'A rule of the policy bundle cannot be read.'));
}

type Version1 = { readonly rules?: readonly { readonly demands?: object; readonly outlivesManifest?: boolean }[] };

/** Version 1 knew no circumstances and no obligations; its shape is checked after this like any other. */
function fromVersion1(value: unknown): unknown {
  const { rules, ...policy } = value as Version1;
  const isNewer = !Array.isArray(rules) || 'mode' in policy || rules.some((each) => 'circumstances' in each || 'obligations' in each || 'failures' in each);
  if (isNewer) return undefined;
  return {
    ...policy,
    v: BUNDLE_VERSION,
    mode: 'enforce',
    rules: rules.map(({ demands: asked, outlivesManifest, ...rest }: NonNullable<Version1['rules']>[number]) => ({
      ...rest,
      circumstances: {},
      demands: { ...withoutPatterns(asked), confirm: false, approval: [] },
      obligations: withoutUndefined(NO_OBLIGATIONS),
      failures: { ...(withoutUndefined(STRICT_FAILURES) as object), manifestExpired: outlivesManifest === true ? 'allow' : 'deny' },
    })),
  };
}

function withoutPatterns(asked: object | undefined): object {
  const reason = (asked as { readonly reason?: object } | undefined)?.reason;
  return reason === undefined ? { ...asked } : { ...asked, reason: { ...reason, patterns: [], suggestions: [] } };
}

function isSound(rule: CompiledRule, checked: Set<string>): boolean {
  const targets = [...rule.run.is, ...rule.run.not];
  const readable = targets.every(({ args, package: owner }) => (args === undefined || compileArguments(args).ok) && (owner === undefined || arePatterns(globsOfPackage(owner))));
  if (!readable || !areSoundCircumstances(rule.circumstances) || !(rule.demands.reason?.patterns ?? []).every((source) => compileRegex(source).ok)) return false;
  return (rule.when === undefined || isSoundExpression(rule.when.parsed, checked));
}

function arePatterns(globs: readonly string[]): boolean {
  return globs.every((glob) => compilePattern(glob).ok);
}

function globsOfPackage({ name: names, version, repository }: PackagePattern): readonly string[] {
  return [...(names === undefined ? [] : [names]), ...(repository ?? []), ...(version ?? []).flatMap((each) => (each.is === 'like' ? [each.version] : []))];
}

function areSoundCircumstances({ cwd, environment, networks, device }: CompiledCircumstances): boolean {
  const values = (environment ?? []).flatMap((each) => each.value ?? []);
  const labels = (device?.labels ?? []).map((each) => each.value);
  return arePatterns([...(cwd ?? []), ...values, ...labels, ...(device?.osVersion ?? [])]) && (networks ?? []).every((network) => parseNetwork(network) !== undefined);
}

function isSoundExpression(parsed: Uint8Array, checked: Set<string>): boolean {
  const key = String(parsed);
  if (checked.has(key)) return true;
  const expr = decodeExpression(parsed);
  if (expr === undefined || findBoundFault(expr) !== undefined) return false;
  checked.add(key);
  return true;
}

/** CBOR has no "undefined": what is not there is left out, at every depth. */
function withoutUndefined(value: unknown): CborValue {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value as CborValue;
  if (Array.isArray(value)) return value.map(withoutUndefined);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.map(([key, each]) => [key, withoutUndefined(each)]));
}

const name = z.string().min(1).max(256);
const id = z.number().int().min(0).max(0xffff_fffe);
const bytes = z.custom<Uint8Array>((value) => ArrayBuffer.isView(value) && value.byteLength <= 65_536, 'expected bytes');

const selection = <T extends z.ZodType>(item: T) => z.strictObject({ any: z.boolean(), is: z.array(item), not: z.array(item) });

const subject = z.union([
  z.strictObject({ kind: z.enum(['user', 'group']), name }),
  z.strictObject({ kind: z.enum(['uid', 'gid']), id }),
]);
const identity = z.union([z.strictObject({ name }), z.strictObject({ id })]);
const glob = z.string().min(1).max(4096);
const texts = z.array(glob).max(1000);
const someTexts = texts.min(1);
const path = z.string().startsWith('/').max(4096);
const count = z.number().int().min(1);
const ms = z.number().int().min(0);

const packagePattern = z.strictObject({
  name: glob.optional(),
  version: z.array(z.strictObject({ is: z.enum(['<', '<=', '=', '>=', '>', 'like']), version: glob })).min(1).max(16).optional(),
  repository: someTexts.optional(),
  key: z.array(z.string().regex(/^[0-9A-F]{40,64}$/)).min(1).max(256).optional(),
  unmodified: z.boolean().optional(),
});
const target = z.strictObject({
  command: path.optional(),
  args: z.array(z.union([z.string().max(4096), z.strictObject({ regex: z.string().max(512) }), z.strictObject({ either: z.array(z.string().max(4096)).min(1).max(256) })])).max(256).optional(),
  sha256: z.array(z.string().regex(/^[0-9a-f]{64}$/)).min(1).max(256).optional(),
  package: packagePattern.optional(),
});

const minute = z.number().int().min(0).max(DAY_MINUTES);
const circumstances = z.strictObject({
  cwd: someTexts.optional(),
  environment: z.array(z.strictObject({ name, value: z.string().max(4096).optional() })).min(1).max(256).optional(),
  parent: z.array(path).min(1).max(1000).optional(),
  ancestor: z.array(path).min(1).max(1000).optional(),
  login: z.array(z.enum(['console', 'desktop', 'ssh', 'service'])).min(1).optional(),
  networks: someTexts.optional(),
  terminal: z.boolean().optional(),
  during: z.array(z.strictObject({ days: z.array(z.number().int().min(0).max(6)).min(1).optional(), fromMinute: minute, toMinute: minute, zone: name.optional() })).min(1).max(64).optional(),
  device: z.strictObject({
    groups: someTexts.optional(),
    labels: z.array(z.strictObject({ name, value: z.string().max(1024) })).min(1).optional(),
    encrypted: z.boolean().optional(),
    secureBoot: z.boolean().optional(),
    firewall: z.boolean().optional(),
    healthy: z.boolean().optional(),
    os: someTexts.optional(),
    osVersion: someTexts.optional(),
    maxPatchAgeDays: z.number().int().min(0).optional(),
  }).optional(),
});

const failure3 = z.enum(['deny', 'spool', 'allow']);
const failures = z.strictObject({
  manifestExpired: failure3,
  serverUnreachable: z.strictObject({ afterMs: ms, then: failure3 }).optional(),
  recorderUnable: failure3,
  diskFull: failure3,
});

const demands = z.strictObject({
  reason: z.strictObject({ minLength: count, patterns: z.array(z.string().max(512)).max(16), suggestions: z.array(z.string().max(200)).max(64) }).optional(),
  reauth: z.strictObject({ maxAgeMs: ms }).optional(),
  confirm: z.boolean(),
  approval: z.array(z.strictObject({
    from: someTexts, count, withinMs: ms,
    stage: z.number().int().min(1).max(15).optional(),
    escalate: z.strictObject({ afterMs: ms, to: someTexts }).optional(),
  })).max(16),
  emergency: z.boolean().optional(),
});

const obligations = z.strictObject({
  durationMs: ms.optional(),
  uses: count.optional(),
  totalMs: ms.optional(),
  children: z.enum(CHILDREN),
  capabilities: texts.optional(),
  network: z.enum(['allow', 'deny']),
  writable: z.array(path).max(1000).optional(),
  environment: z.strictObject({ keep: texts, set: z.array(z.strictObject({ name, values: z.array(z.string().max(4096)).min(1) })).max(256) }),
  umask: z.number().int().min(0).max(0o777).optional(),
  cwd: z.array(path).max(16),
  record: z.enum(RECORDS),
  alert: z.enum(ALERTS),
});

const rule = z.strictObject({
  name,
  // oxlint-disable-next-line unicorn/no-thenable -- the word policies use; nothing awaits a schema's fields
  then: z.enum(['allow', 'ask', 'deny']),
  priority: z.number().int(),
  who: selection(subject),
  run: selection(target),
  as: z.strictObject({
    users: z.union([z.enum(['any', 'requester']), z.array(identity).min(1)]),
    groups: z.union([z.enum(['any', 'own']), z.array(identity).min(1)]),
  }),
  circumstances,
  when: z.strictObject({ source: z.string().max(8192), parsed: bytes }).optional(),
  demands,
  obligations,
  failures,
  message: z.string().max(4096).optional(),
  recovery: z.boolean(),
});

const bundleShape = z.strictObject({
  v: z.literal(BUNDLE_VERSION),
  name,
  description: z.string().max(4096),
  targets: selection(z.strictObject({ kind: z.enum(['group', 'device', 'label']), name })),
  mode: z.enum(['enforce', 'monitor']),
  rules: z.array(rule),
});
