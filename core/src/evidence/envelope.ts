import { concatBytes, equalBytes } from '../bytes.ts';
import { type Failure, failure } from '../codes.ts';
import type { Ed25519Sign, Ed25519Verify } from '../crypto.ts';
import { err, ok, type Result } from '../result.ts';
import { type CborValue, decodeCanonical, encodeCanonical } from './cbor.ts';
import { lengthPrefixed, utf8 } from './identity.ts';
import { type EnvelopeKind, envelopeShape, type Payload, PAYLOADS, type RoleKey, SIGNER } from './payloads.ts';

/** Whom a verifier trusts. `rootKey` is raw Ed25519 (32 bytes); its SPKI's hash is the pinned `serverId`. */
export type Trust = { readonly serverId: Uint8Array; readonly rootKey: Uint8Array; readonly keys: readonly RoleKey[] };

export type Signer = { readonly keyId: string; readonly sign: Ed25519Sign };

export const MAX_ENVELOPE_BYTES = 4 * 1024 * 1024;

function signedBytes(kind: string, serverId: Uint8Array, payload: Uint8Array): Uint8Array {
  return concatBytes(utf8('belay/envelope/v1'), lengthPrefixed(utf8(kind)), serverId, lengthPrefixed(payload));
}

/** Signs a payload. The signer's key must have the kind's role; `root` is the key id of the root key. */
export function sealEnvelope<K extends EnvelopeKind>(kind: K, payload: Payload<K>, signer: Signer): Uint8Array {
  const shaped = PAYLOADS[kind].parse(payload) as Payload<K>;
  const encoded = encodeCanonical(shaped as unknown as CborValue);
  const sig = signer.sign(signedBytes(kind, shaped.server, encoded));
  return encodeCanonical({ kind, payload: encoded, key: signer.keyId, sig });
}

/**
 * Opens an envelope of this kind: signature, the key's role and life, the server. `nowMs` judges the key's life; with
 * 'when-signed' the payload's own `time` does, for what is verified long afterwards.
 *
 * Errors: BELAY_E_MALFORMED, BELAY_E_SIGNATURE, BELAY_E_WRONG_SERVER.
 */
export function openEnvelope<K extends EnvelopeKind>(
  bytes: Uint8Array,
  kind: K,
  trust: Trust,
  verify: Ed25519Verify,
  nowMs: number | 'when-signed',
): Result<Payload<K>, Failure> {
  if (bytes.length > MAX_ENVELOPE_BYTES) return err(failure('BELAY_E_TOO_LARGE'));
  const outer = shaped(bytes, envelopeShape);
  if (!outer.ok) return outer;
  const { payload, key, sig } = outer.value;
  if (outer.value.kind !== kind) return err(failure('BELAY_E_MALFORMED', `This is signed as "${inert(outer.value.kind)}", not as "${kind}".`));
  const inner = shaped<unknown>(payload, PAYLOADS[kind]);
  const atMs = nowMs === 'when-signed' ? timeOf(inner) : nowMs;
  const publicKey = keyFor(kind, key, trust, atMs);
  // SECURITY(T-25): only a living, unrevoked key of the right role counts; the kind and the server are under the signature.
  if (publicKey === undefined || !verify(publicKey, signedBytes(kind, trust.serverId, payload), sig)) {
    // Said so only to help whoever looks for the cause: nothing unsigned is used.
    const isOther = inner.ok && !equalBytes((inner.value as Payload<K>).server, trust.serverId);
    return err(failure(isOther ? 'BELAY_E_WRONG_SERVER' : 'BELAY_E_SIGNATURE'));
  }
  if (!inner.ok) return inner;
  const value = inner.value as Payload<K>;
  return equalBytes(value.server, trust.serverId) ? ok(value) : err(failure('BELAY_E_WRONG_SERVER'));
}

function timeOf(payload: Result<unknown, Failure>): number {
  const time = payload.ok ? (payload.value as { time?: unknown }).time : undefined;
  return typeof time === 'number' ? time : Number.NaN;
}

function keyFor(kind: EnvelopeKind, keyId: string, trust: Trust, nowMs: number): Uint8Array | undefined {
  const role = SIGNER[kind];
  if (role === 'root') return keyId === 'root' ? trust.rootKey : undefined;
  const key = trust.keys.find((candidate) => candidate.id === keyId);
  if (key === undefined || key.role !== role || key.revoked) return undefined;
  return nowMs >= key.notBefore && nowMs <= key.notAfter ? key.public : undefined;
}

function shaped<T>(bytes: Uint8Array, shape: { safeParse(value: unknown): { success: true; data: T } | { success: false; error: unknown } }): Result<T, Failure> {
  const decoded = decodeCanonical(bytes);
  if (!decoded.ok) return decoded;
  const parsed = shape.safeParse(decoded.value);
  return parsed.success ? ok(parsed.data) : err(failure('BELAY_E_MALFORMED'));
}

function inert(text: string): string {
  return text.replace(/[^ -~]/g, '?');
}
