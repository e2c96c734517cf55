import { equalBytes } from '../bytes.ts';
import type { ErrorCode } from '../codes.ts';
import type { Ed25519Verify, Sha256 } from '../crypto.ts';
import { advance, type ChainState } from './chain.ts';
import { decodeEvent, eventHash, type EventRecord, eventSignedBytes } from './event.ts';
import { type EventWriter, fieldFault, mayWrite } from './event-types.ts';

/** The exact place where a chain goes wrong, and how. */
export type ChainFault = { readonly seq: number; readonly code: ErrorCode; readonly detail: string };
export type SignatureCheck = { readonly seq: number; readonly publicKey: Uint8Array; readonly message: Uint8Array; readonly signature: Uint8Array };

/** An event in its place; it counts once `check` holds. `after` is the chain with it. */
export type FollowedEvent = { readonly record: EventRecord; readonly encoded: Uint8Array; readonly after: ChainState; readonly check: SignatureCheck };

export type FollowedChain = {
  readonly from: ChainState;
  readonly events: readonly FollowedEvent[];
  /** How many of the events given were held already and are passed over. */
  readonly repeated: number;
  /** Why the rest was not followed. `check`: what must hold for the accusation to be the device's own word; where not, `place` is blamed. */
  readonly fault: (ChainFault & { readonly check: SignatureCheck | undefined; readonly place: number }) | undefined;
};

export type FollowOptions = {
  readonly writer: EventWriter;
  readonly sha256: Sha256;
  /** Hash of an event already held, to tell a repetition from a fork; `undefined` passes it over. */
  readonly hashAt?: (seq: number) => Uint8Array | undefined;
};

/**
 * Follows events from `state`, as far as they go: form, fields, commitments, sequence, hashes, key evolution. Costs no
 * signature: those come back as checks for the caller to verify as it likes (in a batch, on other threads) and to hand,
 * in the order of `signatureChecks`, to `concludeChain`. Nothing counts before that.
 */
export function followChain(state: ChainState, encoded: readonly Uint8Array[], options: FollowOptions): FollowedChain {
  let at = state;
  let repeated = 0;
  const events: FollowedEvent[] = [];
  let before: number | undefined;
  const stop = (fault: ChainFault, check?: SignatureCheck): FollowedChain => ({ from: state, events, repeated, fault: { ...fault, check, place: before === undefined ? (check?.seq ?? fault.seq) : before + 1 } });
  for (const bytes of encoded) {
    const decoded = decodeEvent(bytes, options.sha256);
    if (!decoded.ok) return stop({ seq: at.seq + 1, code: decoded.error.code, detail: decoded.error.message });
    const record = decoded.value;
    const held = heldAlready(at, record, options);
    if (held === 'same') {
      repeated += 1;
      before = record.payload.seq;
      continue;
    }
    const fault = held ?? faultOf(at, record, options.writer);
    const check = signatureCheckOf(at, record);
    if (fault !== undefined) return stop(fault, check);
    at = advance(at, record, options.sha256);
    before = at.seq;
    events.push({ record, encoded: bytes, after: at, check: check as SignatureCheck });
  }
  return { from: state, events, repeated, fault: undefined };
}

/** Undefined when the event names a key that is not the one in force: there is nothing to check it against. */
function signatureCheckOf(at: ChainState, record: EventRecord): SignatureCheck | undefined {
  if (record.payload.key !== at.keyIndex) return undefined;
  return { seq: record.payload.seq, publicKey: at.publicKey, message: eventSignedBytes(record.payloadBytes), signature: record.signature };
}

function heldAlready(at: ChainState, record: EventRecord, options: FollowOptions): 'same' | ChainFault | undefined {
  const { seq, chain } = record.payload;
  if (seq > at.seq || !equalBytes(chain, at.chain)) return undefined;
  const held = seq === at.seq ? at.head : options.hashAt?.(seq);
  if (held === undefined || equalBytes(held, eventHash(record.payloadBytes, options.sha256))) return 'same';
  return { seq, code: 'BELAY_E_CHAIN_FORK', detail: `Two different events claim to be event ${seq}.` };
}

// SECURITY(T-28): every event must follow from the one before it, under the key that one left.
function faultOf(at: ChainState, record: EventRecord, writer: EventWriter): ChainFault | undefined {
  const { payload } = record;
  const seq = at.seq + 1;
  const broken = (detail: string): ChainFault => ({ seq, code: 'BELAY_E_CHAIN_BROKEN', detail });
  if (!equalBytes(payload.chain, at.chain)) return broken('It belongs to another chain.');
  if (payload.seq > seq) return { seq, code: 'BELAY_E_CHAIN_GAP', detail: missing(seq, payload.seq - 1) };
  if (!equalBytes(payload.prev, at.head)) {
    return at.seq === 0 ? broken('It is not the beginning of this chain.') : { seq: at.seq, code: 'BELAY_E_CHAIN_FORK', detail: `Event ${seq} follows from another event ${at.seq} than the one held.` };
  }
  if (payload.key !== at.keyIndex) return broken('It names another evidence key than the one in force.');
  const fault = contentFault(record, writer);
  return fault === undefined ? undefined : broken(fault);
}

/** What is wrong with an event whatever its place: its writer, its fields, a checkpoint's key. */
export function contentFault(record: EventRecord, writer: EventWriter): string | undefined {
  const { payload } = record;
  if (!mayWrite(writer, payload.type)) return 'Its type is not one that this writer may write.';
  return fieldFault(payload.type, payload.fields, payload.hidden, record.disclosures);
}

export function missing(first: number, last: number): string {
  return first === last ? `Event ${first} is missing.` : `Events ${first} to ${last} are missing.`;
}

/** Every signature that decides about these events: theirs, then the fault's. */
export function signatureChecks(followed: FollowedChain): readonly SignatureCheck[] {
  const own = followed.events.map((event) => event.check);
  return followed.fault?.check === undefined ? own : [...own, followed.fault.check];
}

/** What holds: the events up to the first fault, the chain with them, and that fault. */
export type VerifiedChain = { readonly events: readonly FollowedEvent[]; readonly state: ChainState; readonly repeated: number; readonly fault: ChainFault | undefined };

/** `holds`: one verdict for each of `signatureChecks(followed)`, in order. */
export function concludeChain(followed: FollowedChain, holds: readonly boolean[]): VerifiedChain {
  const { repeated } = followed;
  const bad = followed.events.findIndex((_event, index) => holds[index] !== true);
  const events = bad < 0 ? followed.events : followed.events.slice(0, bad);
  const state = events.at(-1)?.after ?? followed.from;
  if (bad >= 0) return { events, state, repeated, fault: unsigned(state.seq + 1) };
  if (followed.fault === undefined) return { events, state, repeated, fault: undefined };
  const { check, place, ...fault } = followed.fault;
  // A forged event must not pass for the device's own fork or gap, nor is it believed which one it is: it is the one after that before it.
  const isForged = check !== undefined && holds[followed.events.length] !== true;
  return { events, state, repeated, fault: isForged ? unsigned(fault.code === 'BELAY_E_CHAIN_FORK' ? place : state.seq + 1) : fault };
}

function unsigned(seq: number): ChainFault {
  return { seq, code: 'BELAY_E_SIGNATURE', detail: 'Its signature does not hold.' };
}

/** Follows and verifies at once, one signature after the other. */
export function verifyEvents(state: ChainState, encoded: readonly Uint8Array[], options: FollowOptions & { readonly verify: Ed25519Verify }): VerifiedChain {
  const followed = followChain(state, encoded, options);
  return concludeChain(followed, signatureChecks(followed).map((check) => options.verify(check.publicKey, check.message, check.signature)));
}
