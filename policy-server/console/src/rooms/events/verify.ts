import { fromHex, toHex } from '@belay/core/bytes';
import { deviceIdOf, eventHash, openEnvelope, serverIdOf, type Trust, verifyEvents } from '@belay/core/evidence';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { z } from 'zod';
import type { EventProof } from '../../api/types.ts';
import { bytesOfBase64 } from '../../ui/inert.ts';

// Zod would try whether it may make functions out of text; the content security policy says no, loudly.
z.config({ jitless: true });

export type Step = { readonly what: string; readonly holds: boolean | undefined; readonly detail: string };
export type Verified = { readonly steps: readonly Step[]; readonly isGood: boolean; readonly server: string };

const sha256 = (bytes: Uint8Array): Uint8Array => nobleSha256(bytes);
const verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  try {
    return ed25519.verify(signature, message, publicKey);
  } catch {
    return false;
  }
};

const SPKI_BYTES = 44;
const RAW_BYTES = 32;

/**
 * Verifies one event from the checkpoint before it to the next receipt: the root key signed the role keys; a role key vouches for the
 * device's first key; each event in between is signed with the key that the one before it left and names the hash of the one before it;
 * and the server's receipt names the hash at the end.
 */
export function verifyProof(proof: EventProof): Verified {
  const rootKey = bytesOfBase64(proof.rootKey);
  const server = serverIdOf(rootKey, sha256);
  const root: Trust = { serverId: server, rootKey: rootKey.subarray(SPKI_BYTES - RAW_BYTES), keys: [] };
  const list = openEnvelope(bytesOfBase64(proof.roleKeys), 'role-keys', root, verify, Date.now());
  const keys: Step = { what: 'The server’s keys', holds: rootKey.length === SPKI_BYTES && list.ok && toHex(server) === proof.server, detail: 'The list of role keys is signed by the offline root key.' };
  const trust: Trust = list.ok ? { ...root, keys: list.value.keys } : root;
  const steps = [keys, writerStep(proof, trust), ...chainSteps(proof, trust)];
  return { steps, isGood: steps.every(({ holds }) => holds !== false), server: toHex(server) };
}

function writerStep({ admission, event, writer }: EventProof, trust: Trust): Step {
  const opened = openEnvelope(bytesOfBase64(admission), 'admission', trust, verify, 'when-signed');
  const isOwn = opened.ok && opened.value.device === event.device && (writer === 'server' ? event.device === 'server' : event.device === deviceIdOf(opened.value.evidenceKey, sha256));
  return { what: 'Who wrote it', holds: isOwn, detail: writer === 'server' ? 'The chain’s first key is a server’s own.' : 'The device’s id is the hash of the chain’s first key, and the server vouches for it.' };
}

function chainSteps(proof: EventProof, trust: Trust): readonly Step[] {
  const { start, event, writer } = proof;
  const chain = fromHex(event.chain) ?? new Uint8Array(RAW_BYTES);
  const from = { chain, seq: start.seq, head: fromHex(start.head) ?? new Uint8Array(RAW_BYTES), keyIndex: start.keyIndex, publicKey: fromHex(start.publicKey) ?? new Uint8Array(RAW_BYTES) };
  const followed = verifyEvents(from, proof.records.map(bytesOfBase64), { writer, sha256, verify });
  const own = followed.events.find(({ record }) => record.payload.seq === event.seq)?.record;
  const isShown = own !== undefined && own.payload.type === event.type;
  const { fault } = followed;
  const signed: Step = { what: 'Signature and place', holds: isShown, detail: isShown ? `Signed with evidence key ${own.payload.key}; event ${event.seq} follows from event ${event.seq - 1} by its hash.` : (fault?.detail ?? 'The event is not where it was said to be.') };
  return [signed, receiptStep(proof, trust, followed)];
}

function receiptStep({ receipt, event }: EventProof, trust: Trust, followed: ReturnType<typeof verifyEvents>): Step {
  const what = 'The server’s receipt';
  if (receipt === null) return { what, holds: undefined, detail: 'There is none yet: it comes with the next batch of events.' };
  const opened = openEnvelope(bytesOfBase64(receipt), 'receipt', trust, verify, 'when-signed');
  if (!opened.ok) return { what, holds: false, detail: opened.error.message };
  const { seq, head, chain } = opened.value;
  const last = followed.events.find(({ record }) => record.payload.seq === seq);
  const holds = seq >= event.seq && toHex(chain) === event.chain && last !== undefined && toHex(eventHash(last.record.payloadBytes, sha256)) === toHex(head);
  return { what, holds, detail: holds ? `A receipt for event ${seq} fixes it: it cannot change unseen any more.` : 'The receipt is not for this chain of events.' };
}
