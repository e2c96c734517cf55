import { type Failure, failure } from '@belay/core/codes';
import { chainEvent, type ChainState, chainIdOf, CHECKPOINT_EVENTS, CHECKPOINT_MS, type EventDraft, type Moment, newChain, signUnsigned, type Unsigned, type Written } from '@belay/core/evidence';
import { type Ed25519Key, sha256 } from '@belay/core/node-crypto';
import type { FailureAnswer } from '@belay/core/policy';
import { err, ok, type Result } from '@belay/core/result';
import type { Clock } from '../platform/platform.ts';
import type { OpenedCommitLog } from './commit-log.ts';
import { type Entry, EventWriter } from './event-writer.ts';
import type { EvidenceKeys } from './evidence-keys.ts';
import type { JournalStore, OpenRequest, StoredChain, StoredEvent } from './journal-store.ts';
import { noteOpen, type OpenRequests, recover, type Recovered, replay } from './replay.ts';
import { createSalts } from './salts.ts';
import { causeOf, type JournalLog, Upkeep } from './upkeep.ts';

export type JournalLimits = { readonly maxBytes: number; readonly retentionMs: number };
export type JournalDeps = {
  readonly store: JournalStore;
  /** Undefined: what somebody waits for goes into the store at once, which takes longer. */
  readonly commitLog: OpenedCommitLog | undefined;
  readonly keys: EvidenceKeys;
  readonly clock: Clock;
  readonly log: JournalLog;
  limits(): JournalLimits;
};
export type ChainIdentity = { readonly server: Uint8Array; readonly device: string };

/** An event signed ahead, to follow the chain's state `after`. */
export type Prepared = { readonly draft: EventDraft; readonly after: ChainState; readonly written: Written; readonly moment: Moment };
type Pending = { readonly draft: EventDraft; readonly written: Written; readonly moment: Moment };
type Placed = { readonly draft: EventDraft; readonly unsigned: Unsigned; readonly moment: Moment };

/** Room beyond the limit for what must still be said when no elevation is possible any more. */
const RESERVE_BYTES = 2 * 1024 * 1024;
const MAX_PENDING = 2000;
const FLUSH_MS = 100;
const FLUSH_EVENTS = 64;

/**
 * The append-only chained log. What must be durable before something happens goes through `commit`, and rests in the commit log until the
 * next writing to the store; everything else is signed at once and written with the next commit. The store has all of it within a tenth of a second.
 */
export class Journal {
  readonly #deps: JournalDeps;
  readonly #salts = createSalts();
  #chain: StoredChain;
  readonly #open: OpenRequests;
  /** Of the chain, as last noted in the store. */
  #noted: { readonly seq: number; readonly bytes: number };
  #state: ChainState;
  #key: Ed25519Key;
  #nextKey: Ed25519Key | undefined;
  #pending: Pending[] = [];
  #unsealed = 0;
  #refused = 0;
  #lost = 0;
  #failing = false;
  #bytes: number;
  readonly #writer: EventWriter;
  #closed = false;
  #flushTimer: NodeJS.Timeout | undefined;
  #sealTimer: NodeJS.Timeout | undefined;
  #afterWrite: NodeJS.Immediate | undefined;
  readonly #upkeep: Upkeep;
  #onHead: (head: number) => void = () => {};

  private constructor(deps: JournalDeps, chain: StoredChain, key: Ed25519Key, { state, open, bytes, logged }: Recovered) {
    this.#deps = deps;
    this.#upkeep = new Upkeep(deps.store, deps.log, () => this.prune());
    this.#writer = new EventWriter(deps.store, deps.commitLog?.resume(logged.length), logged);
    this.#chain = { ...chain, state };
    this.#state = state;
    this.#open = open;
    this.#key = key;
    this.#noted = { seq: chain.state.seq, bytes: deps.store.totalBytes() };
    this.#bytes = this.#noted.bytes + bytes;
    deps.keys.eraseAllBut([key.publicKey]);
    this.#prepareKey();
    this.#note();
    // Whatever the last run left unsealed is sealed like anything else.
    if (state.seq > 0) this.#countUnsealed(1);
  }

  /** Goes on with the chain of this identity, or begins a local one. `fresh` tells that the old one could not be continued. */
  static open(deps: JournalDeps, identity: ChainIdentity | undefined, localIdentity: (key: Ed25519Key) => ChainIdentity): { readonly journal: Journal; readonly fresh: boolean } {
    const { store, keys } = deps;
    const stored = store.current();
    const open = store.openRequests();
    const known = stored === undefined ? undefined : replay(stored, open, Array.from(store.read(stored.no, stored.state.seq + 1, Number.MAX_SAFE_INTEGER)));
    if (stored !== undefined && known === undefined) deps.log.error({ seq: stored.state.seq }, 'the last events of the journal do not follow from those before; a new chain is begun');
    const key = known === undefined ? undefined : keys.load(known.state.publicKey);
    const told = known === undefined ? undefined : recover(known, deps.commitLog?.records ?? [], key);
    if (stored !== undefined && told !== undefined && key !== undefined && belongsTo(stored, identity)) return { journal: new Journal(deps, stored, key, told), fresh: false };
    if (stored !== undefined && told !== undefined) {
      store.write({ chain: stored.no, events: told.logged });
      store.note({ chain: stored.no, state: told.state, addedBytes: told.bytes, open: [...told.open.values()] });
    }
    const genesis = keys.make();
    const begun = beginChain(store, genesis, localIdentity(genesis));
    const rest = told ?? { open: new Map(open.map((each) => [each.request, each])) };
    return { journal: new Journal(deps, begun, genesis, { state: begun.state, open: rest.open, bytes: 0, logged: [] }), fresh: true };
  }

  /** `seq`: the newest event, on disk or about to be; `durableSeq`: the newest on disk. */
  get chain(): { readonly id: Uint8Array; readonly device: string; readonly server: Uint8Array; readonly seq: number; readonly durableSeq: number; readonly receipted: number; readonly earliest: number } {
    const { state, device, server, receipted, earliest } = this.#chain;
    return { id: state.chain, device, server, seq: this.#state.seq, durableSeq: state.seq, receipted, earliest };
  }

  /** Told soon after durable writes. */
  onHead(listener: (head: number) => void): void {
    this.#onHead = listener;
  }

  /** Whether elevations can be recorded at this moment, as far as is known. */
  get full(): boolean {
    return this.#bytes >= this.#deps.limits().maxBytes;
  }

  get refused(): number {
    return this.#refused;
  }

  /** Elevations that went on without evidence; reported, and forgotten, once events can be written again. */
  get lost(): number {
    return this.#lost;
  }

  /** Events that are in memory alone since the disk last refused them. */
  get spooled(): number {
    return this.#failing ? this.#pending.length : 0;
  }

  /** It records, and has room. */
  get healthy(): boolean {
    return !this.full && !this.#failing;
  }

  /** Signs an event ahead, in a quiet moment. It exists only once it is committed; if another came first it is signed again then. */
  prepare(draft: EventDraft): Prepared {
    return { after: this.#state, ...this.#signed(this.#placed(draft)) };
  }

  /** Durable when this returns ok. Errors: BELAY_E_JOURNAL; the event then does not exist, and the refusal is counted. */
  commit(draft: EventDraft | Prepared): Result<number, Failure> {
    if (this.full) this.prune();
    if (this.full) return this.#refuse();
    return this.#writeWith(draft) ? ok(this.#state.seq) : this.#refuse();
  }

  /**
   * As `commit`, for an elevation that may bear its failing; true: it may go on. `spool`: the event is kept in memory and written as soon
   * as that is possible, and refused where memory has no room either. `allow`: the same, but then it is counted as lost.
   */
  commitOr(event: EventDraft | Prepared, whenFull: FailureAnswer): boolean {
    if (this.full) this.prune();
    if (!this.full && this.#writeWith(event)) return true;
    if (whenFull === 'deny') return this.#refuse().ok;
    if (this.#keep(event)) return true;
    if (whenFull === 'allow') this.#lost++;
    else this.#refused++;
    return whenFull === 'allow';
  }

  /** As `commit`, before anybody needs it: a failure is not counted, and `commit` tries again. */
  commitAhead(event: Prepared): boolean {
    return !this.full && this.#writeWith(event);
  }

  /** Written soon. Dropped, and counted, only when neither disk nor memory has room. */
  append(draft: EventDraft): void {
    if (!this.#closed && !this.#keep(draft)) this.#refused++;
  }

  /** False: neither disk nor memory has room. */
  #keep(event: EventDraft | Prepared): boolean {
    const noRoom = this.#bytes >= this.#deps.limits().maxBytes + RESERVE_BYTES;
    if (this.#closed || noRoom || this.#pending.length >= MAX_PENDING) return false;
    this.#sign(event);
    // A disk that has just refused is not asked with every event.
    if (this.#pending.length >= FLUSH_EVENTS && !this.#failing) this.flush();
    else this.#flushTimer ??= setTimeout(() => this.flush(), FLUSH_MS);
    return true;
  }

  /** Brings everything into the store; false: it stays where it is and is tried again. */
  flush(): boolean {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    if (this.#pending.length + this.#writer.logged === 0) return true;
    try {
      this.#store();
      return true;
    } catch (error) {
      this.#failing = true;
      this.#deps.log.error({ cause: causeOf(error), pending: this.#pending.length }, 'the journal could not be written');
      this.#flushTimer = setTimeout(() => this.flush(), 20 * FLUSH_MS);
      return false;
    }
  }

  /** Seals what was written: the key evolves and the old one is erased. */
  seal(): void {
    clearTimeout(this.#sealTimer);
    this.#sealTimer = undefined;
    if (!this.flush() || this.#unsealed === 0) return;
    const next = this.#nextKey ?? this.#prepareKey();
    // Into the store: what is in the commit log is signed again after a crash, and by then this key is gone.
    if (next === undefined || !this.#writeWith({ type: 'evidence.checkpoint', fields: { nextKey: next.publicKey } }, 'store')) {
      this.#sealTimer = setTimeout(() => this.seal(), CHECKPOINT_MS);
      return;
    }
    const old = this.#key;
    this.#key = next;
    this.#nextKey = undefined;
    this.#unsealed = 0;
    this.#deps.keys.erase(old.publicKey);
    this.#note();
    setImmediate(() => this.#prepareKey());
  }

  /** Elevations without an outcome so far; right after the start: those of the last run. */
  openRequests(): readonly OpenRequest[] {
    return [...this.#open.values()];
  }

  /** Durable events from `from`, as many as fit; at least one if there is one. */
  read(from: number, maxEvents: number, maxBytes: number): readonly StoredEvent[] {
    if (this.#writer.logged > 0) this.flush();
    const batch: StoredEvent[] = [];
    let bytes = 0;
    for (const event of this.#deps.store.read(this.#chain.no, Math.max(from, 1), maxEvents)) {
      bytes += event.bytes.length;
      if (batch.length > 0 && bytes > maxBytes) break;
      batch.push(event);
    }
    return batch;
  }

  /** The server has this chain up to `seq`. The caller has verified the receipt. */
  receipted(seq: number, envelope: Uint8Array): void {
    if (seq <= this.#chain.receipted) return;
    this.#deps.store.receipt(this.#chain.no, seq, this.#deps.clock.now(), envelope);
    this.#chain = { ...this.#chain, receipted: seq };
  }

  /** Ends this chain and begins that of another identity. `genesis` came from `keys.make()`. Throws: this one cannot be written to its end. */
  begin(identity: ChainIdentity, genesis: Ed25519Key): void {
    this.flush();
    if (this.#writer.logged > 0) throw new Error('the journal cannot be written, so no other can be begun');
    this.#note();
    const old = this.#key;
    this.#chain = beginChain(this.#deps.store, genesis, identity);
    this.#state = this.#chain.state;
    this.#noted = { seq: 0, bytes: this.#noted.bytes };
    this.#pending = [];
    this.#unsealed = 0;
    this.#key = genesis;
    this.#deps.keys.erase(old.publicKey);
    this.#onHead(0);
  }

  prune(): void {
    const { maxBytes, retentionMs } = this.#deps.limits();
    try {
      this.#noteNow();
      this.#deps.store.prune(this.#chain.no, Math.min(this.#chain.receipted, this.#noted.seq), { beforeMs: this.#deps.clock.now() - retentionMs, maxBytes: Math.floor(maxBytes * 0.9) });
      this.#bytes = this.#deps.store.totalBytes();
      this.#noted = { ...this.#noted, bytes: this.#bytes };
      this.#chain = { ...this.#chain, earliest: this.#deps.store.current()?.earliest ?? this.#chain.earliest };
    } catch (error) {
      this.#deps.log.error({ cause: causeOf(error) }, 'the journal could not be pruned');
    }
  }

  close(): void {
    if (this.#closed) return;
    this.seal();
    this.#closed = true;
    clearImmediate(this.#afterWrite);
    for (const timer of [this.#flushTimer, this.#sealTimer]) clearTimeout(timer);
    this.#upkeep.close();
    this.#deps.store.tidy();
    this.#deps.store.close();
    this.#writer.close();
  }

  #refuse(): Result<never, Failure> {
    this.#refused++;
    return err(failure('BELAY_E_JOURNAL'));
  }

  /** All that is pending and this event, durably; false: this event does not exist and the rest is still pending. */
  #writeWith(event: EventDraft | Prepared, into: 'log' | 'store' = 'log'): boolean {
    const before = this.#state;
    const mark = this.#pending.length;
    try {
      // A disk that has just refused is asked for all of it, or there would be no end to what the store still lacks.
      if (into === 'store' || this.#failing || !this.#log(event)) {
        this.#sign(event);
        this.#store();
      }
      return true;
    } catch (error) {
      this.#failing = true;
      this.#pending.length = mark;
      this.#state = before;
      this.#deps.log.error({ cause: causeOf(error) }, 'the journal could not be written');
      return false;
    }
  }

  /** The disk writes while the event is being signed. False: it does not fit, and nothing has changed. */
  #log(event: EventDraft | Prepared): boolean {
    const placed = this.#placed(event);
    const entries = [...this.#pending, placed].map(entryOf);
    if (!this.#writer.begin(entries)) return false;
    const pending = [...this.#pending, this.#signed(placed)];
    this.#writer.finish();
    this.#state = (pending.at(-1) as Pending).written.state;
    this.#settle(pending);
    this.#flushTimer ??= setTimeout(() => this.flush(), FLUSH_MS);
    return true;
  }

  #sign(event: EventDraft | Prepared): void {
    const signed = this.#signed(this.#placed(event));
    this.#state = signed.written.state;
    this.#pending.push(signed);
  }

  /** In its place at the chain's end, and signed already if that is where it was prepared for. */
  #placed(event: EventDraft | Prepared): Placed | Prepared {
    if ('after' in event && event.after === this.#state) return event;
    const draft = 'after' in event ? event.draft : event;
    const { clock } = this.#deps;
    const moment = { timeMs: clock.now(), bootMs: clock.boot(), bootId: clock.bootId };
    return { draft, moment, unsigned: chainEvent(this.#state, draft, moment, { sha256, random: this.#salts }) };
  }

  #signed(placed: Placed | Prepared): Pending {
    if ('written' in placed) return placed;
    const { draft, moment, unsigned } = placed;
    return { draft, moment, written: signUnsigned(this.#state, unsigned, this.#key.sign, sha256) };
  }

  #store(): void {
    this.#writer.store(this.#chain.no, this.#pending.map(entryOf));
    this.#failing = false;
    this.#upkeep.written();
    this.#settle(this.#pending);
  }

  /** They are durable. */
  #settle(events: readonly Pending[]): void {
    this.#pending = [];
    this.#chain = { ...this.#chain, state: this.#state };
    for (const { draft, written, moment } of events) {
      this.#bytes += written.encoded.length;
      noteOpen(this.#open, draft, moment);
    }
    this.#countUnsealed(events.length);
    this.#afterWrite ??= setImmediate(() => this.#follow());
  }

  /** What a write makes due, once whoever waited for the write has an answer. */
  #follow(): void {
    this.#afterWrite = undefined;
    if (this.#closed) return;
    this.#scheduleSeal();
    this.#reportPressure();
    this.#onHead(this.#state.seq);
  }

  #noteNow(): void {
    const { seq } = this.#chain.state;
    if (seq === this.#noted.seq) return;
    // What is noted must be in the store: a start reads the events after it there.
    if (this.#writer.logged > 0) this.#store();
    this.#deps.store.note({ chain: this.#chain.no, state: this.#chain.state, addedBytes: this.#bytes - this.#noted.bytes, open: [...this.#open.values()] });
    this.#noted = { seq, bytes: this.#bytes };
  }

  /** What could not be noted is read from the events at the next start. */
  #note(): void {
    try {
      this.#noteNow();
    } catch (error) {
      this.#deps.log.warn({ cause: causeOf(error) }, 'the state of the journal could not be noted');
    }
  }

  #reportPressure(): void {
    const [refused, lost] = [this.#refused, this.#lost];
    if (refused + lost === 0 || this.full) return;
    this.#refused = 0;
    this.#lost = 0;
    this.append({ type: 'journal.pressure', fields: { refused, lost: lost === 0 ? undefined : lost } });
  }

  #countUnsealed(count: number): void {
    this.#unsealed += count;
  }

  #scheduleSeal(): void {
    if (this.#unsealed >= CHECKPOINT_EVENTS) {
      clearTimeout(this.#sealTimer);
      this.#sealTimer = setTimeout(() => this.seal(), 0);
    } else if (this.#unsealed > 0) this.#sealTimer ??= setTimeout(() => this.seal(), CHECKPOINT_MS);
  }

  /** Made ahead, so that sealing is one write. */
  #prepareKey(): Ed25519Key | undefined {
    if (this.#closed) return undefined;
    try {
      this.#nextKey ??= this.#deps.keys.make();
    } catch (error) {
      this.#deps.log.error({ cause: causeOf(error) }, 'the next evidence key could not be made');
    }
    return this.#nextKey;
  }
}

function belongsTo(chain: StoredChain, identity: ChainIdentity | undefined): boolean {
  const server = identity?.server ?? new Uint8Array(32);
  return Buffer.from(server).equals(chain.server) && (identity === undefined || identity.device === chain.device);
}

function beginChain(store: JournalStore, genesis: Ed25519Key, { server, device }: ChainIdentity): StoredChain {
  return store.begin({ server, device, state: newChain(chainIdOf(server, device, genesis.publicKey, sha256), genesis.publicKey) });
}

function entryOf(event: Pending | Placed): Entry {
  const { record, encoded } = 'written' in event ? event.written : event.unsigned;
  return { seq: record.payload.seq, timeMs: event.moment.timeMs, bytes: encoded };
}
