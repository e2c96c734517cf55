import { type Failure, failure } from '@belay/core/codes';
import { decodeEvent, eventHash, openEnvelope, type Trust } from '@belay/core/evidence';
import { ed25519Verify, sha256 } from '@belay/core/node-crypto';
import { err, ok, type Result } from '@belay/core/result';
import type { Journal } from './journal.ts';

/**
 * Takes a server's statement of what it has. It must be about this chain and about the very event we hold at that place.
 * Errors: those of envelopes, BELAY_E_WRONG_DEVICE, BELAY_E_CHAIN_FORK.
 */
export function takeReceipt(envelope: Uint8Array, trust: Trust | undefined, journal: Journal, nowMs: number): Result<void, Failure> {
  if (trust === undefined) return err(failure('BELAY_E_NOT_ENROLLED'));
  const opened = openEnvelope(envelope, 'receipt', trust, ed25519Verify, nowMs);
  if (!opened.ok) return opened;
  const receipt = opened.value;
  const { id, device, durableSeq, receipted } = journal.chain;
  if (receipt.device !== device || !Buffer.from(receipt.chain).equals(id)) return err(failure('BELAY_E_WRONG_DEVICE'));
  if (receipt.seq <= receipted) return ok(undefined);
  const event = receipt.seq > durableSeq ? undefined : journal.read(receipt.seq, 1, Number.MAX_SAFE_INTEGER)[0];
  const record = event?.seq === receipt.seq ? decodeEvent(event.bytes, sha256) : undefined;
  // SECURITY(T-36): a receipt for what we never wrote would let the uplink have unsent events dropped.
  if (record?.ok !== true || !Buffer.from(eventHash(record.value.payloadBytes, sha256)).equals(receipt.head)) return err(failure('BELAY_E_CHAIN_FORK'));
  journal.receipted(receipt.seq, envelope);
  return ok(undefined);
}
