import { equalBytes } from '../bytes.ts';
import type { ErrorCode } from '../codes.ts';
import type { Ed25519Verify, Sha256 } from '../crypto.ts';
import type { ChainState } from './chain.ts';
import { decodeEvent, eventHash, type EventRecord, eventSignedBytes } from './event.ts';
import type { EventWriter } from './event-types.ts';
import { contentFault, missing } from './follow.ts';
import type { Receipt } from './payloads.ts';

/** Files a fault of the line being read. `line` names an earlier one. */
export type Report = (fault: { readonly seq: number; readonly code: ErrorCode; readonly detail: string; readonly line?: number }) => void;

export type AuditDeps = { readonly sha256: Sha256; readonly verify: Ed25519Verify; readonly report: Report; readonly line: () => number };

/** Places nobody has filled yet. `before` is what the event after them names as its predecessor. */
type Missing = { from: number; to: number; readonly before: Uint8Array; readonly line: number };

/** Events whose key is not known, as its checkpoint is missing: proven only by a later receipt, or when it turns up after all. */
type Unjudged = { readonly from: number; readonly line: number; pending: EventRecord[] | undefined };

/** So many are kept to be judged when their checkpoint turns up out of order. */
const MAX_PENDING = 256;
const MAX_MISSING = 1000;

/**
 * Follows one exported chain to its end, past every fault, so that each is named where it is. What was changed is not
 * believed: neither its place nor the key it names.
 */
export class ChainAudit {
  readonly #deps: AuditDeps;
  readonly #chain: Uint8Array;
  readonly #writer: EventWriter;
  /** index → evidence key, from checkpoints that hold. */
  readonly #keys = new Map<number, Uint8Array>();
  readonly #receipts = new Map<number, Uint8Array>();
  readonly #missing: Missing[] = [];
  #seq = 0;
  /** Undefined after something unreadable: the next event is not blamed for it. */
  #head: Uint8Array | undefined;
  #keyIndex = 0;
  /** Lines since #seq that are events of nobody knows which place. */
  #unplaced = 0;
  #unjudged: Unjudged | undefined;
  /** The last checkpoint among the unjudged. */
  #sealed: EventRecord | undefined;
  #lastReceipt = 0;
  #events = 0;

  constructor(start: ChainState, writer: EventWriter, deps: AuditDeps) {
    this.#deps = deps;
    this.#chain = start.chain;
    this.#writer = writer;
    this.#head = start.head;
    this.#keys.set(0, start.publicKey);
  }

  get summary(): { readonly events: number; readonly last: number; readonly receipted: number } {
    return { events: this.#events, last: this.#seq, receipted: this.#lastReceipt };
  }

  /** A receipt that holds and is for this chain. It must stand before its event or right after it. */
  receipt({ seq, head }: Receipt): void {
    const known = this.#receipts.get(seq);
    if (seq < this.#seq || (seq === this.#seq && this.#head === undefined)) return this.#fault(seq, 'BELAY_E_MALFORMED', 'A receipt stands after later events than the one it is for.');
    if (known !== undefined && !equalBytes(known, head)) this.#fault(seq, 'BELAY_E_CHAIN_FORK', 'The server gave receipts for two different events at this place.');
    this.#receipts.set(seq, head);
    this.#lastReceipt = Math.max(this.#lastReceipt, seq);
    if (seq === this.#seq && seq > 0) this.#compare(seq, this.#head as Uint8Array);
  }

  event(bytes: Uint8Array | undefined): void {
    this.#events += 1;
    const decoded = bytes === undefined ? undefined : decodeEvent(bytes, this.#deps.sha256);
    if (decoded === undefined) return this.#unreadable('BELAY_E_MALFORMED', 'This is not an event.');
    if (!decoded.ok) return this.#unreadable(decoded.error.code, decoded.error.message);
    const record = decoded.value;
    if (!equalBytes(record.payload.chain, this.#chain)) return this.#unreadable('BELAY_E_CHAIN_BROKEN', 'It belongs to another chain.');
    const key = this.#keys.get(record.payload.key);
    if (key === undefined) return this.#withoutKey(record);
    // SECURITY(T-28): before its signature holds, nothing it says of itself is believed.
    if (!this.#deps.verify(key, eventSignedBytes(record.payloadBytes), record.signature)) {
      return this.#unreadable('BELAY_E_SIGNATURE', 'It was changed: its signature does not hold.');
    }
    if (record.payload.seq <= this.#seq) this.#late(record);
    else if (record.payload.key < this.#keyIndex) this.#unreadable('BELAY_E_CHAIN_BROKEN', 'It is signed with an evidence key that was already replaced.');
    else this.#place(record);
  }

  /** The chain's last line was read. */
  end(): void {
    this.#closeUnjudged();
    for (const { from, to, line } of this.#missing) this.#fault(from, 'BELAY_E_CHAIN_GAP', missing(from, to), line);
    const last = this.#seq + this.#unplaced;
    if (this.#lastReceipt > last) {
      this.#fault(last + 1, 'BELAY_E_CHAIN_GAP', `The chain was cut short. ${missing(last + 1, this.#lastReceipt)} The server had given a receipt up to event ${this.#lastReceipt}.`);
    }
  }

  #fault(seq: number, code: ErrorCode, detail: string, line?: number): void {
    this.#deps.report({ seq, code, detail, ...(line === undefined ? {} : { line }) });
  }

  #unreadable(code: ErrorCode, detail: string): void {
    this.#unplaced += 1;
    this.#fault(this.#seq + this.#unplaced, code, detail);
  }

  /** In its place or after a gap; its signature holds. */
  #place(record: EventRecord): void {
    const { payload } = record;
    this.#closeUnjudged();
    const isNext = this.#enter(record);
    if (isNext && this.#head !== undefined && !equalBytes(payload.prev, this.#head)) {
      this.#fault(payload.seq, 'BELAY_E_CHAIN_FORK', 'It follows from another event than the one before it here.');
    }
    const fault = contentFault(record, this.#writer);
    if (fault !== undefined) this.#fault(payload.seq, 'BELAY_E_CHAIN_BROKEN', fault);
    this.#learnKey(record);
    this.#advance(record);
  }

  /** Notes what is missing before it. True when it comes right after the event before it. */
  #enter({ payload }: EventRecord): boolean {
    const from = this.#seq + 1 + this.#unplaced;
    const isNext = payload.seq === this.#seq + 1 && this.#unplaced === 0;
    if (payload.seq > from) this.#note({ from, to: payload.seq - 1, before: payload.prev, line: this.#deps.line() });
    if (!isNext) this.#head = undefined;
    return isNext;
  }

  #note(gap: Missing): void {
    if (this.#missing.length < MAX_MISSING) this.#missing.push(gap);
    else this.#fault(gap.from, 'BELAY_E_CHAIN_GAP', missing(gap.from, gap.to));
  }

  #advance(record: EventRecord): void {
    const { seq, key, type } = record.payload;
    const head = eventHash(record.payloadBytes, this.#deps.sha256);
    this.#seq = seq;
    this.#head = head;
    this.#unplaced = 0;
    this.#keyIndex = type === 'evidence.checkpoint' ? key + 1 : key;
    this.#compare(seq, head);
  }

  #learnKey({ payload }: EventRecord): void {
    const next = payload.fields['nextKey'];
    if (payload.type === 'evidence.checkpoint' && ArrayBuffer.isView(next) && next.byteLength === 32) this.#keys.set(payload.key + 1, next as Uint8Array);
  }

  #compare(seq: number, head: Uint8Array): void {
    const receipted = this.#receipts.get(seq);
    if (receipted === undefined) return;
    this.#receipts.delete(seq);
    if (!equalBytes(receipted, head)) this.#fault(seq, 'BELAY_E_CHAIN_FORK', 'It is not the event that the server gave a receipt for.');
    else if (this.#unjudged !== undefined) this.#proven(this.#unjudged);
  }

  /** The server saw exactly this event, so also all that it follows from since the key was lost: their keys are known again. */
  #proven({ pending }: Unjudged): void {
    for (const record of pending ?? []) this.#learnKey(record);
    if (this.#sealed !== undefined) this.#learnKey(this.#sealed);
    this.#unjudged = undefined;
    this.#sealed = undefined;
  }

  /** Its place was passed: out of order, or there twice. Its signature holds. */
  #late(record: EventRecord): void {
    const { seq } = record.payload;
    const hash = eventHash(record.payloadBytes, this.#deps.sha256);
    const gap = this.#missing.find((range) => seq >= range.from && seq <= range.to);
    if (gap === undefined) {
      const isSame = this.#head !== undefined && seq === this.#seq && equalBytes(hash, this.#head);
      return this.#fault(seq, isSame ? 'BELAY_E_CHAIN_BROKEN' : 'BELAY_E_CHAIN_FORK', isSame ? `Event ${seq} stands here twice.` : `Event ${seq} stands here again.`);
    }
    this.#fault(seq, 'BELAY_E_CHAIN_BROKEN', `Event ${seq} stands out of order, after event ${this.#seq}.`);
    if (seq === gap.to && !equalBytes(gap.before, hash)) this.#fault(seq, 'BELAY_E_CHAIN_FORK', `Event ${seq + 1} follows from another event ${seq}.`);
    this.#missing.splice(this.#missing.indexOf(gap), 1);
    if (seq > gap.from) this.#note({ ...gap, to: seq - 1, before: record.payload.prev });
    if (seq < gap.to) this.#note({ ...gap, from: seq + 1 });
    this.#compareLate(seq, hash);
    this.#learnKey(record);
    this.#judgePending();
  }

  #compareLate(seq: number, hash: Uint8Array): void {
    const receipted = this.#receipts.get(seq);
    if (receipted !== undefined && !equalBytes(receipted, hash)) this.#fault(seq, 'BELAY_E_CHAIN_FORK', 'It is not the event that the server gave a receipt for.');
    this.#receipts.delete(seq);
  }

  /** Nothing here says which key signed it. Whether a checkpoint is missing, or the event was changed, its place tells. */
  #withoutKey(record: EventRecord): void {
    const { payload } = record;
    const isSealGone = this.#unplaced > 0 || payload.seq > this.#seq + 1 || !this.#keys.has(this.#keyIndex);
    if (this.#unjudged === undefined && (!isSealGone || payload.key < this.#keyIndex)) {
      return this.#unreadable('BELAY_E_CHAIN_BROKEN', 'It names another evidence key than the one in force.');
    }
    const follows = payload.seq === this.#seq + 1 && this.#unplaced === 0 && this.#head !== undefined && equalBytes(payload.prev, this.#head);
    if (this.#unjudged !== undefined && !follows && payload.seq <= this.#seq + 1) {
      return this.#unreadable('BELAY_E_CHAIN_BROKEN', 'It does not follow from the event before it: one of the two was changed.');
    }
    if (this.#unjudged !== undefined && follows && payload.key !== this.#keyIndex) return this.#unreadable('BELAY_E_CHAIN_BROKEN', 'It names another evidence key than the one in force.');
    if (!follows) this.#closeUnjudged();
    this.#enter(record);
    this.#unjudged ??= { from: payload.seq, line: this.#deps.line(), pending: [] };
    this.#hold(this.#unjudged, record);
    if (payload.type === 'evidence.checkpoint') this.#sealed = record;
    this.#advance(record);
  }

  #hold(unjudged: Unjudged, record: EventRecord): void {
    if (unjudged.pending === undefined) return;
    if (unjudged.pending.length < MAX_PENDING) unjudged.pending.push(record);
    else unjudged.pending = undefined;
  }

  /** The missing checkpoint turned up. */
  #judgePending(): void {
    const { pending } = this.#unjudged ?? {};
    if (pending?.[0] === undefined || !this.#keys.has(pending[0].payload.key)) return;
    for (const record of pending) {
      const key = this.#keys.get(record.payload.key);
      if (key !== undefined && this.#deps.verify(key, eventSignedBytes(record.payloadBytes), record.signature)) this.#learnKey(record);
      else this.#fault(record.payload.seq, 'BELAY_E_SIGNATURE', 'It was changed: its signature does not hold.', this.#unjudged?.line);
    }
    this.#unjudged = undefined;
    this.#sealed = undefined;
  }

  #closeUnjudged(): void {
    if (this.#unjudged === undefined) return;
    const { from, line } = this.#unjudged;
    const which = from === this.#seq ? `Event ${from}` : `Events ${from} to ${this.#seq}`;
    this.#fault(from, 'BELAY_E_SIGNATURE', `${which} cannot be judged: the checkpoint that named the evidence key is missing or was changed.`, line);
    this.#unjudged = undefined;
    this.#sealed = undefined;
  }
}
