import type { Ed25519Sign, RandomBytes, Sha256 } from '../crypto.ts';
import { encodeUnsigned, eventHash, type EventRecord, placeEvent, signEncoded, type UnsignedEvent } from './event.ts';
import type { EventDraft } from './event-types.ts';

/** A chain up to and including `seq` (0: nothing yet, `head` is then the chain id). `publicKey` signs the next event. */
export type ChainState = {
  readonly chain: Uint8Array;
  readonly seq: number;
  readonly head: Uint8Array;
  readonly keyIndex: number;
  readonly publicKey: Uint8Array;
};

export function newChain(chain: Uint8Array, genesisKey: Uint8Array): ChainState {
  return { chain, seq: 0, head: chain, keyIndex: 0, publicKey: genesisKey };
}

export type WriteDeps = { readonly sha256: Sha256; readonly random: RandomBytes };
export type Moment = { readonly timeMs: number; readonly bootMs: number; readonly bootId: string };
export type Written = { readonly state: ChainState; readonly record: EventRecord; readonly encoded: Uint8Array };
/** `encoded` is whole but for its last bytes, which are the signature's. */
export type Unsigned = { readonly record: UnsignedEvent; readonly encoded: Uint8Array };

/**
 * Chains and signs one event. The caller makes `encoded` durable before anybody hears of it. For a checkpoint the draft's
 * `nextKey` becomes the key of what follows: the caller erases the old private key once the checkpoint is durable.
 */
export function appendEvent(state: ChainState, draft: EventDraft, moment: Moment, sign: Ed25519Sign, deps: WriteDeps): Written {
  return signUnsigned(state, chainEvent(state, draft, moment, deps), sign, deps.sha256);
}

/** The event that follows from `state`, not yet signed: all that another signature by the same key cannot bring back. */
export function chainEvent(state: ChainState, draft: EventDraft, moment: Moment, deps: WriteDeps): Unsigned {
  const place = { chain: state.chain, seq: state.seq + 1, prev: state.head, key: state.keyIndex, time: moment.timeMs, boot: moment.bootMs, bootId: moment.bootId };
  const record = placeEvent(draft, place, deps);
  return { record, encoded: encodeUnsigned(record) };
}

/** Signs it where it lies, in its `encoded`. Ed25519 gives the same signature every time, so it is the same event whenever it is done. */
export function signUnsigned(state: ChainState, { record, encoded }: Unsigned, sign: Ed25519Sign, sha256: Sha256): Written {
  const signature = signEncoded(encoded, record, sign);
  return { state: advance(state, record, sha256), record: { ...record, signature }, encoded };
}

export const CHECKPOINT_EVENTS = 100;
export const CHECKPOINT_MS = 10_000;

/** The state after an event that follows from `state` and whose form is right. */
export function advance(state: ChainState, record: UnsignedEvent, sha256: Sha256): ChainState {
  const next = { chain: state.chain, seq: record.payload.seq, head: eventHash(record.payloadBytes, sha256) };
  const nextKey = record.payload.type === 'evidence.checkpoint' ? record.payload.fields['nextKey'] : undefined;
  return nextKey === undefined
    ? { ...next, keyIndex: state.keyIndex, publicKey: state.publicKey }
    : { ...next, keyIndex: state.keyIndex + 1, publicKey: nextKey as Uint8Array };
}
