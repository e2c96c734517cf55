import { type Failure, failure } from '../codes.ts';
import type { Sha256 } from '../crypto.ts';
import { err, ok, type Result } from '../result.ts';
import { type CborValue, NotCanonical, readCanonical } from './cbor-read.ts';
import { withCanonical, writeCanonical } from './cbor-write.ts';

/** What signed content is made of. Integers are safe integers; no floats. */
export type { CborValue };

/** Deterministic CBOR (RFC 8949, 4.2): one value, one sequence of bytes. */
export function encodeCanonical(value: CborValue): Uint8Array {
  return writeCanonical(value);
}

/** The hash of `prefix` and the encoding of `value`. */
export function hashCanonical(prefix: Uint8Array, value: CborValue, sha256: Sha256): Uint8Array {
  return withCanonical(prefix, value, sha256);
}

/**
 * Reads deterministic CBOR and nothing else: one value has one form, so bytes that a signature covers have exactly one
 * meaning. Never throws. Byte strings in the value are views of `bytes`.
 */
export function decodeCanonical(bytes: Uint8Array): Result<CborValue, Failure> {
  try {
    return ok(readCanonical(bytes));
  } catch (error) {
    if (error instanceof NotCanonical) return err(failure('BELAY_E_MALFORMED', `The content is not canonical CBOR: ${error.message}.`));
    throw error;
  }
}
