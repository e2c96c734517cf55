import type { Ed25519Sign, RandomBytes, Sha256 } from '../crypto.ts';
import { encodeEvent, eventHash, type EventRecord, signEvent } from './event.ts';
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

/**
 * Chains and signs one event. The caller makes `encoded` durable before anybody hears of it. For a checkpoint the draft's
 * `nextKey` becomes the key of what follows: the caller erases the old private key once the checkpoint is durable.
 */
export function appendEvent(state: ChainState, draft: EventDraft, moment: Moment, sign: Ed25519Sign, deps: WriteDeps): Written {
  const place = { chain: state.chain, seq: state.seq + 1, prev: state.head, key: state.keyIndex, time: moment.timeMs, boot: moment.bootMs, bootId: moment.bootId };
  const record = signEvent(draft, place, { ...deps, sign });
  return { state: advance(state, record, deps.sha256), record, encoded: encodeEvent(record) };
}

export const CHECKPOINT_EVENTS = 100;
export const CHECKPOINT_MS = 10_000;

/** The state after an event that follows from `state` and whose form is right. */
export function advance(state: ChainState, record: EventRecord, sha256: Sha256): ChainState {
  const next = { chain: state.chain, seq: record.payload.seq, head: eventHash(record.payloadBytes, sha256) };
  const nextKey = record.payload.type === 'evidence.checkpoint' ? record.payload.fields['nextKey'] : undefined;
  return nextKey === undefined
    ? { ...next, keyIndex: state.keyIndex, publicKey: state.publicKey }
    : { ...next, keyIndex: state.keyIndex + 1, publicKey: nextKey as Uint8Array };
}
