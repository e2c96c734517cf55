import { type Failure, failure } from '@belay/core/codes';
import { type CborValue, decodeCanonical, encodeCanonical, type Grant, openEnvelope, type Trust } from '@belay/core/evidence';
import { type Budget, isWellBound, withinGrant } from '@belay/core/grants';
import { ed25519Verify } from '@belay/core/node-crypto';
import { err, ok, type Result } from '@belay/core/result';
import * as z from 'zod';

/** A grant that this device holds, and what is left of it. */
export type Held = {
  readonly grant: Grant;
  readonly envelope: Uint8Array;
  /** When it came, Unix ms by this device's clock: the key that signed it must have lived then. */
  readonly acceptedAt: number;
  readonly budget: Budget;
  /** What it is for, as people read it; inert. */
  readonly command: string;
};

const shape = z.strictObject({
  envelope: z.custom<Uint8Array>((value) => ArrayBuffer.isView(value)),
  acceptedAt: z.number(),
  usesLeft: z.number().int().optional(),
  bootId: z.string(),
  deadlineMs: z.number().int(),
  command: z.string(),
});

export function encodeHeld({ envelope, acceptedAt, budget, command }: Held): Uint8Array {
  const { usesLeft, bootId, deadlineMs } = budget;
  return encodeCanonical({ envelope, acceptedAt, ...(usesLeft === undefined ? {} : { usesLeft }), bootId, deadlineMs: Math.max(0, deadlineMs), command } as CborValue);
}

/**
 * SECURITY(T-25): verified again whenever it is read, as if it had just come; what is left of it is never more than was granted.
 * Errors: those of envelopes, BELAY_E_WRONG_DEVICE.
 */
export function decodeHeld(content: Uint8Array, trust: Trust, device: string): Result<Held, Failure> {
  const decoded = decodeCanonical(content);
  const parsed = decoded.ok ? shape.safeParse(decoded.value) : undefined;
  if (parsed?.success !== true) return err(failure('BELAY_E_MALFORMED'));
  const { envelope, acceptedAt, usesLeft, bootId, deadlineMs, command } = parsed.data;
  const opened = openGrant(envelope, trust, device, acceptedAt);
  if (!opened.ok) return opened;
  const budget = withinGrant({ usesLeft, bootId, deadlineMs }, opened.value);
  return ok({ grant: opened.value, envelope: new Uint8Array(envelope), acceptedAt, budget, command });
}

/** Errors: those of envelopes, BELAY_E_WRONG_DEVICE, BELAY_E_MALFORMED (what binds it does not go together). */
export function openGrant(envelope: Uint8Array, trust: Trust, device: string, nowMs: number): Result<Grant, Failure> {
  const opened = openEnvelope(envelope, 'grant', trust, ed25519Verify, nowMs);
  if (!opened.ok) return opened;
  if (opened.value.device !== device) return err(failure('BELAY_E_WRONG_DEVICE'));
  if (!isWellBound(opened.value)) return err(failure('BELAY_E_MALFORMED'));
  return opened;
}
