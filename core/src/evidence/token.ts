import { concatBytes, equalBytes } from '../bytes.ts';
import { type Failure, failure } from '../codes.ts';
import type { Sha256 } from '../crypto.ts';
import { err, ok, type Result } from '../result.ts';
import { base64UrlOf, bytesOfBase64Url } from './base64.ts';
import { decodeCanonical, encodeCanonical } from './cbor.ts';

/** What `belay enroll TOKEN` is given: where, a secret, and the hash of the root key to pin. */
export type EnrollmentToken = { readonly address: string; readonly secret: string; readonly serverId: Uint8Array };

const PREFIX = 'belay1.';
const CHECKSUM_BYTES = 4;

export function encodeToken(token: EnrollmentToken, sha256: Sha256): string {
  const body = encodeCanonical({ a: token.address, s: token.secret, r: token.serverId });
  return PREFIX + base64UrlOf(concatBytes(body, sha256(body).subarray(0, CHECKSUM_BYTES)));
}

/** Errors: BELAY_E_TOKEN, saying whether it is no token at all or was cut or mistyped. */
export function parseToken(text: string, sha256: Sha256): Result<EnrollmentToken, Failure> {
  const trimmed = text.trim();
  if (!trimmed.startsWith(PREFIX) || trimmed.length > 2048) return err(failure('BELAY_E_TOKEN', 'This is not an enrolment token: one begins with "belay1.".'));
  const bytes = bytesOfBase64Url(trimmed.slice(PREFIX.length));
  const damaged = err(failure('BELAY_E_TOKEN', 'The enrolment token is damaged: copy the whole of it again.'));
  if (bytes === undefined || bytes.length <= CHECKSUM_BYTES) return damaged;
  const body = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  if (!equalBytes(sha256(body).subarray(0, CHECKSUM_BYTES), bytes.subarray(body.length))) return damaged;
  const decoded = decodeCanonical(body);
  if (!decoded.ok) return damaged;
  const { a, s, r } = decoded.value as { a?: unknown; s?: unknown; r?: unknown };
  if (typeof a !== 'string' || typeof s !== 'string' || !ArrayBuffer.isView(r) || r.byteLength !== 32) return damaged;
  if (!/^[^\s/@]+:[0-9]{1,5}$/.test(a)) return damaged;
  return ok({ address: a, secret: s, serverId: r as Uint8Array });
}
