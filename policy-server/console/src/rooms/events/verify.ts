import { fromHex, toHex } from '@belay/core/bytes';
import { type ChainState, deviceIdOf, type EventRecord, openEnvelope, serverIdOf, type Trust, verifyEvents } from '@belay/core/evidence';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import type { EventProof } from '../../api/types.ts';
import { bytesOfBase64 } from '../../ui/inert.ts';

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

type Start = NonNullable<EventProof['start']>;
/** Beyond this many it is belay-verify's work. */
export const MOST = 20_000;

/**
 * Verifies one event from the checkpoint before it to the chain's newest receipt: the root key signed the role keys; a role key vouches for
 * the writer's first key; each event in between is signed with the key that the one before it left and names the hash of the one before
 * it; and the server's receipt names the hash at the end. `more` brings the records after a place, `told` hears how far it is.
 */
export async function verifyProof(proof: EventProof, more: (after: number) => Promise<readonly string[]>, told: (done: number, all: number) => void): Promise<Verified> {
  const rootKey = bytesOfBase64(proof.rootKey);
  const server = serverIdOf(rootKey, sha256);
  const root: Trust = { serverId: server, rootKey: rootKey.subarray(SPKI_BYTES - RAW_BYTES), keys: [] };
  const list = openEnvelope(bytesOfBase64(proof.roleKeys), 'role-keys', root, verify, Date.now());
  const keys: Step = { what: 'The server’s keys', holds: rootKey.length === SPKI_BYTES && list.ok && toHex(server) === proof.server, detail: 'The list of role keys is signed by the offline root key.' };
  const trust: Trust = list.ok ? { ...root, keys: list.value.keys } : root;
  const steps = [keys, writerStep(proof, trust), ...(proof.start === null ? [] : await chainSteps({ proof, start: proof.start, trust, more, told }))];
  return { steps, isGood: steps.every(({ holds }) => holds !== false), server: toHex(server) };
}

function writerStep({ admission, writer }: EventProof, trust: Trust): Step {
  const opened = openEnvelope(bytesOfBase64(admission), 'admission', trust, verify, 'when-signed');
  const isOwn = opened.ok && (writer === 'server' ? opened.value.device === 'server' : opened.value.device === deviceIdOf(opened.value.evidenceKey, sha256));
  return { what: 'Who wrote it', holds: isOwn, detail: writer === 'server' ? 'The chain’s first key is a server’s own.' : 'The device’s id is the hash of the chain’s first key, and the server vouches for it.' };
}

type Following = { readonly proof: EventProof; readonly start: Start; readonly trust: Trust; more(after: number): Promise<readonly string[]>; told(done: number, all: number): void };

async function chainSteps({ proof, start, trust, more, told }: Following): Promise<readonly Step[]> {
  const { event, writer } = proof;
  const receipt = proof.receipt === null ? undefined : openEnvelope(bytesOfBase64(proof.receipt), 'receipt', trust, verify, 'when-signed');
  const last = receipt?.ok === true ? receipt.value.seq : event.seq;
  let state: ChainState = { chain: bytes(event.chain), seq: start.seq, head: bytes(start.head), keyIndex: start.keyIndex, publicKey: bytes(start.publicKey) };
  let own: EventRecord | undefined;
  let ownKey = 0;
  let fault: string | undefined;
  const heads = new Map<number, Uint8Array>();
  for (let records = proof.records; records.length > 0 && fault === undefined; records = state.seq < last && state.seq - start.seq < MOST ? await more(state.seq) : []) {
    const followed = verifyEvents(state, records.map(bytesOfBase64), { writer, sha256, verify });
    const found = followed.events.find(({ record }) => record.payload.seq === event.seq)?.record;
    if (found !== undefined) [own, ownKey] = [found, found.payload.key];
    for (const { after } of followed.events) if (after.seq === last) heads.set(after.seq, after.head);
    state = followed.state;
    fault = followed.fault?.detail;
    told(state.seq - start.seq, last - start.seq);
  }
  const isShown = own !== undefined && own.payload.type === event.type;
  const signed: Step = { what: 'Signature and place', holds: isShown, detail: isShown ? `Signed with evidence key ${ownKey}; event ${event.seq} follows from event ${event.seq - 1} by its hash.` : (fault ?? 'The event is not where it was said to be.') };
  return [signed, receiptStep({ receipt, event, head: heads.get(last), reached: state.seq, fault })];
}

const bytes = (hex: string): Uint8Array => fromHex(hex) ?? new Uint8Array(RAW_BYTES);

type Receipted = { readonly receipt: ReturnType<typeof openEnvelope<'receipt'>> | undefined; readonly event: EventProof['event']; readonly head: Uint8Array | undefined; readonly reached: number; readonly fault: string | undefined };

function receiptStep({ receipt, event, head, reached, fault }: Receipted): Step {
  const what = 'The server’s receipt';
  if (receipt === undefined) return { what, holds: undefined, detail: 'There is none yet: it comes with the next batch of events.' };
  if (!receipt.ok) return { what, holds: false, detail: receipt.error.message };
  const { seq, head: receipted, chain } = receipt.value;
  if (seq < event.seq) return { what, holds: undefined, detail: `The newest is for event ${seq}: this one came after it.` };
  if (fault === undefined && reached < seq) return { what, holds: undefined, detail: `It is for event ${seq}, too far on to go there here: belay-verify does.` };
  const holds = toHex(chain) === event.chain && head !== undefined && toHex(head) === toHex(receipted);
  return { what, holds, detail: holds ? `Every event up to ${seq} follows from this one, and the server’s receipt fixes that end: this event cannot change unseen any more.` : (fault ?? 'It is not for this chain of events.') };
}
