import { z } from 'zod';
import { type Failure, failure } from '../codes.ts';
import type { Sha256 } from '../crypto.ts';
import { type CborValue, decodeCanonical, encodeCanonical } from '../evidence/cbor.ts';
import { err, ok, type Result } from '../result.ts';
import { compileArguments } from './argument-pattern.ts';
import type { CompiledPolicy, CompiledRule } from './compiled.ts';
import { decodeExpression, findBoundFault } from './expression.ts';

/** The form of a bundle. Another one: BELAY_E_FEATURE, as a device must not guess at what it does not know. */
export const BUNDLE_VERSION = 1;
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
  if (version.data.v !== BUNDLE_VERSION) return err(failure('BELAY_E_FEATURE', 'The policy is in a newer form; update the agent.'));
  const shape = bundleShape.safeParse(value.value);
  // SECURITY(T-25): one key too many and the whole is refused; the last good one stays.
  if (!shape.success) return err(failure('BELAY_E_MALFORMED', 'The policy bundle has an unknown form.'));
  const { v: _version, ...policy } = shape.data;
  const checked = new Set<string>();
  return policy.rules.every((rule) => isSound(rule as CompiledRule, checked)) ? ok(policy as CompiledPolicy) : err(failure('BELAY_E_MALFORMED', 'A rule of the policy bundle cannot be read.'));
}

function isSound(rule: CompiledRule, checked: Set<string>): boolean {
  const readable = [...rule.run.is, ...rule.run.not].every(({ args }) => args === undefined || compileArguments(args).ok);
  return readable && (rule.when === undefined || isSoundExpression(rule.when.parsed, checked));
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
const target = z.strictObject({
  command: z.string().startsWith('/').max(4096).optional(),
  args: z.array(z.string().max(4096)).max(256).optional(),
  sha256: z.array(z.string().regex(/^[0-9a-f]{64}$/)).min(1).max(256).optional(),
});

const rule = z.strictObject({
  name,
  then: z.enum(['allow', 'ask', 'deny']),
  priority: z.number().int(),
  who: selection(subject),
  run: selection(target),
  as: z.strictObject({
    users: z.union([z.enum(['any', 'requester']), z.array(identity).min(1)]),
    groups: z.union([z.enum(['any', 'own']), z.array(identity).min(1)]),
  }),
  when: z.strictObject({ source: z.string().max(8192), parsed: bytes }).optional(),
  demands: z.strictObject({
    reason: z.strictObject({ minLength: z.number().int().min(1) }).optional(),
    reauth: z.strictObject({ maxAgeMs: z.number().int().min(0) }).optional(),
  }),
  message: z.string().max(4096).optional(),
  recovery: z.boolean(),
  outlivesManifest: z.boolean(),
});

const bundleShape = z.strictObject({
  v: z.literal(BUNDLE_VERSION),
  name,
  description: z.string().max(4096),
  targets: selection(z.strictObject({ kind: z.enum(['group', 'device']), name })),
  rules: z.array(rule),
});
