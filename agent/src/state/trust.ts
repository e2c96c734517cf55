import { type Failure, failure } from '@belay/core/codes';
import { type CborValue, decodeCanonical, encodeCanonical, openEnvelope, type RoleKeyList, type Trust } from '@belay/core/evidence';
import { ed25519Verify, rawOfSpki, sha256 } from '@belay/core/node-crypto';
import { err, ok, type Result } from '@belay/core/result';
import * as z from 'zod';

/** Which server this device belongs to. `rootKey`: SPKI DER, pinned by the enrolment token. */
export type Enrolment = {
  readonly rootKey: Uint8Array;
  readonly device: string;
  readonly deviceName: string;
  readonly serverAddress: string;
  readonly enrollmentAddress: string;
};

const bytes = z.custom<Uint8Array>((value) => ArrayBuffer.isView(value));
const enrolmentShape = z.strictObject({
  rootKey: bytes,
  device: z.string().min(1),
  deviceName: z.string(),
  serverAddress: z.string().min(1),
  enrollmentAddress: z.string(),
});

export function encodeEnrolment(enrolment: Enrolment): Uint8Array {
  return encodeCanonical(enrolment as unknown as CborValue);
}

export function decodeEnrolment(content: Uint8Array): Enrolment | undefined {
  const decoded = decodeCanonical(content);
  const parsed = decoded.ok ? enrolmentShape.safeParse(decoded.value) : undefined;
  return parsed?.success === true ? parsed.data : undefined;
}

/** Errors: BELAY_E_SIGNATURE when this is no Ed25519 key or not the pinned one. */
export function rootTrust(rootKey: Uint8Array, pinned: Uint8Array | undefined): Result<Trust, Failure> {
  const raw = rawOfSpki(rootKey);
  const serverId = sha256(rootKey);
  // SECURITY(T-26): the token that root typed in names the root key; whoever answers with another is not that server.
  if (raw === undefined || (pinned !== undefined && !Buffer.from(serverId).equals(pinned))) return err(failure('BELAY_E_SIGNATURE', 'The server did not show the root key that the token names.'));
  return ok({ serverId, rootKey: raw, keys: [] });
}

/** Opens a root-signed role key list newer than what is held. Errors: also BELAY_E_STALE. */
export function openRoleKeys(envelope: Uint8Array, trust: Trust, heldVersion: number, nowMs: number): Result<RoleKeyList, Failure> {
  const opened = openEnvelope(envelope, 'role-keys', trust, ed25519Verify, nowMs);
  if (!opened.ok) return opened;
  return opened.value.version < heldVersion ? err(failure('BELAY_E_STALE')) : opened;
}
