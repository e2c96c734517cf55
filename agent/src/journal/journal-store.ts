import type { ChainState } from '@belay/core/evidence';
import Database from 'better-sqlite3';
import { closeSync, fsync, openSync, statSync, writeSync } from 'node:fs';

/** A chain as last noted: `bytes` and `earliest` are of the events still kept. */
export type StoredChain = {
  readonly no: number;
  readonly server: Uint8Array;
  readonly device: string;
  readonly state: ChainState;
  readonly receipted: number;
  readonly earliest: number;
};

export type OpenRequest = { readonly request: number; readonly uid: number; readonly user: string | null; readonly bootId: string; readonly bootMs: number };

/** What goes into one durable transaction: the events and nothing else, since somebody waits for it. */
export type JournalWrite = {
  readonly chain: number;
  readonly events: readonly { readonly seq: number; readonly timeMs: number; readonly bytes: Uint8Array }[];
};

/** What the events up to `state` come to, noted in quiet moments, so that a start has only the later ones to read. */
export type JournalNote = { readonly chain: number; readonly state: ChainState; readonly addedBytes: number; readonly open: readonly OpenRequest[] };

export type StoredEvent = { readonly seq: number; readonly bytes: Uint8Array };

/** The only place with the journal's SQL. Every method throws on a failed write; nothing of a failed transaction stays. */
export interface JournalStore {
  current(): StoredChain | undefined;
  begin(chain: { readonly server: Uint8Array; readonly device: string; readonly state: ChainState }): StoredChain;
  write(batch: JournalWrite): void;
  note(note: JournalNote): void;
  /** As last noted. */
  openRequests(): readonly OpenRequest[];
  read(chain: number, from: number, maxEvents: number): Iterable<StoredEvent>;
  receipt(chain: number, seq: number, timeMs: number, bytes: Uint8Array): void;
  /** When the newest receipt came, Unix time, ms; undefined: there is none. */
  lastReceiptMs(): number | undefined;
  /** Drops receipted events that are noted, oldest first: those written before `beforeMs`, and as many more as bring the rest down to `maxBytes`. */
  prune(chain: number, receipted: number, limits: { readonly beforeMs: number; readonly maxBytes: number }): void;
  /** Bytes of events kept, all chains, as last noted. */
  totalBytes(): number;
  reserveRequests(count: number): number;
  returnRequests(next: number): void;
  /** One more piece of the log's blocks; false: it has them all. */
  growLog(): boolean;
  /** Brings the log back into the database; slow, so off the path. */
  tidy(): void;
  close(): void;
}

const SCHEMA = `
create table if not exists chain (
  no integer primary key, id blob not null, server blob not null, device text not null, seq integer not null, head blob not null,
  key_index integer not null, public_key blob not null, receipted integer not null, earliest integer not null, bytes integer not null) strict;
create table if not exists event (id integer primary key, time_ms integer not null, bytes blob not null) strict;
create table if not exists receipt (id integer primary key, time_ms integer not null, bytes blob not null) strict;
create table if not exists open_request (request integer primary key, uid integer not null, user text, boot_id text not null, boot_ms integer not null) strict;
create table if not exists counter (name text primary key, value integer not null) strict, without rowid;
insert or ignore into counter values ('request', 1);
`;

/** Of the events kept, all chains. */
const TOTAL_BYTES = 'select coalesce(sum(bytes), 0) as value from chain';

/** An event's row: its chain above, its sequence number below. Append-only, in one tree. */
const CHAIN_SHIFT = 2 ** 40;
const rowOf = (chain: number, seq: number) => chain * CHAIN_SHIFT + seq;

export function openJournalStore(file: string): JournalStore {
  const database = new Database(file);
  // Exclusive: a second belayd must not start, and the log's index stays in memory.
  database.pragma('locking_mode = exclusive');
  database.pragma('journal_mode = wal');
  database.pragma('synchronous = full');
  database.pragma('secure_delete = on');
  database.pragma('wal_autocheckpoint = 0');
  database.pragma('cache_size = -2000');
  database.exec(SCHEMA);
  return createStore(database, `${file}-wal`);
}

/** About two thousand pages: some four hundred elevations between two tidyings. */
const LOG_BYTES = 8 * 1024 * 1024;
const LOG_STEP = 512 * 1024;

/**
 * Gives the write-ahead log its blocks ahead, a piece at a time. SQLite ends reading it at the first frame that is not of its own,
 * so what lies beyond means nothing to it; and a sync that need not grow the file waits for no other process's writes. Nothing
 * else can write meanwhile: SQLite writes in this thread, and both ask for the file's end first.
 */
function growLog(log: string): boolean {
  const size = statSync(log, { throwIfNoEntry: false })?.size ?? LOG_BYTES;
  if (size >= LOG_BYTES) return false;
  const fd = openSync(log, 'r+');
  writeSync(fd, Buffer.alloc(LOG_STEP), 0, LOG_STEP, size);
  // In libuv's own time: it is not waited for.
  fsync(fd, () => closeSync(fd));
  return true;
}

type ChainRow = {
  no: number;
  id: Buffer;
  server: Buffer;
  device: string;
  seq: number;
  head: Buffer;
  key_index: number;
  public_key: Buffer;
  receipted: number;
  earliest: number;
};

function chainOf(row: ChainRow): StoredChain {
  const state = { chain: row.id, seq: row.seq, head: row.head, keyIndex: row.key_index, publicKey: row.public_key };
  return { no: row.no, server: row.server, device: row.device, state, receipted: row.receipted, earliest: row.earliest };
}

function createStore(database: Database.Database, log: string): JournalStore {
  const writes = createWrites(database);
  const counter = database.prepare<[string], { value: number }>('select value from counter where name = ?');
  const setCounter = database.prepare('update counter set value = ? where name = ?');
  const total = database.prepare<[], { value: number }>(TOTAL_BYTES);
  const current = database.prepare<[], ChainRow>('select * from chain order by no desc limit 1');
  const read = database.prepare<[number, number, number], { id: number; bytes: Buffer }>('select id, bytes from event where id between ? and ? order by id limit ?');
  const lastReceipt = database.prepare<[], { value: number | null }>('select max(time_ms) as value from receipt');
  const openRequests = database.prepare<[], OpenRequest>('select request, uid, user, boot_id as bootId, boot_ms as bootMs from open_request order by request');
  return {
    ...writes,
    current: () => map(current.get(), chainOf),
    openRequests: () => openRequests.all(),
    *read(chain, from, maxEvents) {
      for (const row of read.iterate(rowOf(chain, from), rowOf(chain, CHAIN_SHIFT - 1), maxEvents)) yield { seq: row.id - rowOf(chain, 0), bytes: row.bytes };
    },
    lastReceiptMs: () => lastReceipt.get()?.value ?? undefined,
    totalBytes: () => total.get()?.value ?? 0,
    reserveRequests(count) {
      const next = counter.get('request')?.value ?? 1;
      setCounter.run(next + count, 'request');
      return next;
    },
    returnRequests: (next) => void setCounter.run(next, 'request'),
    growLog: () => growLog(log),
    tidy: () => void database.pragma('wal_checkpoint(passive)'),
    close: () => database.close(),
  };
}

function createWrites(database: Database.Database): Pick<JournalStore, 'begin' | 'write' | 'note' | 'receipt' | 'prune'> {
  const insertChain = database.prepare('insert into chain (id, server, device, seq, head, key_index, public_key, receipted, earliest, bytes) values (?, ?, ?, ?, ?, ?, ?, 0, 1, 0)');
  const latest = database.prepare<[], ChainRow>('select * from chain order by no desc limit 1');
  const insertEvent = database.prepare('insert into event values (?, ?, ?)');
  const insertTwo = database.prepare('insert into event values (?, ?, ?), (?, ?, ?)');
  const updateChain = database.prepare('update chain set seq = ?, head = ?, key_index = ?, public_key = ?, bytes = bytes + ? where no = ?');
  const insertOpen = database.prepare('insert into open_request values (?, ?, ?, ?, ?)');
  const deleteOpen = database.prepare('delete from open_request');
  const insertReceipt = database.prepare('insert or ignore into receipt values (?, ?, ?)');
  const markReceipted = database.prepare('update chain set receipted = max(receipted, ?) where no = ?');
  const writeMany = database.transaction(({ chain, events }: JournalWrite) => {
    for (const { seq, timeMs, bytes } of events) insertEvent.run(rowOf(chain, seq), timeMs, bytes);
  });
  /** A statement is a transaction of its own, and three fewer to run: an intent mostly comes alone or with the last outcome. */
  function write(batch: JournalWrite): void {
    const { chain, events } = batch;
    const [first, second] = events;
    if (first === undefined) return;
    if (events.length > 2) writeMany.immediate(batch);
    else if (second === undefined) insertEvent.run(rowOf(chain, first.seq), first.timeMs, first.bytes);
    else insertTwo.run(rowOf(chain, first.seq), first.timeMs, first.bytes, rowOf(chain, second.seq), second.timeMs, second.bytes);
  }
  return {
    begin({ server, device, state }) {
      insertChain.run(state.chain, server, device, state.seq, state.head, state.keyIndex, state.publicKey);
      return chainOf(latest.get() as ChainRow);
    },
    write,
    note: database.transaction(({ chain, state, addedBytes, open }: JournalNote) => {
      updateChain.run(state.seq, state.head, state.keyIndex, state.publicKey, addedBytes, chain);
      deleteOpen.run();
      for (const each of open) insertOpen.run(each.request, each.uid, each.user, each.bootId, each.bootMs);
    }),
    receipt: database.transaction((chain: number, seq: number, timeMs: number, bytes: Uint8Array) => {
      insertReceipt.run(rowOf(chain, seq), timeMs, bytes);
      markReceipted.run(seq, chain);
    }),
    prune: createPrune(database),
  };
}

const PRUNED_AT_ONCE = 500;

function createPrune(database: Database.Database): JournalStore['prune'] {
  type Row = { id: number; time_ms: number; size: number };
  const oldest = database.prepare<[number, number], Row>('select id, time_ms, length(bytes) as size from event where id <= ? order by id limit ?');
  const total = database.prepare<[], { value: number }>(TOTAL_BYTES);
  const takeBytes = database.prepare('update chain set bytes = bytes - ? where no = ?');
  const remove = database.prepare('delete from event where id <= ?');
  const removeReceipts = database.prepare('delete from receipt where time_ms < ? and id not in (select max(id) from receipt)');
  const setEarliest = database.prepare('update chain set earliest = max(earliest, ?) where no = ?');
  return database.transaction((chain: number, receipted: number, limits: { beforeMs: number; maxBytes: number }) => {
    let rest = total.get()?.value ?? 0;
    let last: number | undefined;
    const freed = new Map<number, number>();
    // Rows of earlier chains come first: their server is gone, so nothing will receipt them; they go by age and size alone.
    for (const row of oldest.all(rowOf(chain, receipted), PRUNED_AT_ONCE)) {
      if (row.time_ms >= limits.beforeMs && rest <= limits.maxBytes) break;
      last = row.id;
      const no = Math.floor(row.id / CHAIN_SHIFT);
      freed.set(no, (freed.get(no) ?? 0) + row.size);
      rest -= row.size;
    }
    removeReceipts.run(limits.beforeMs);
    if (last === undefined) return;
    remove.run(last);
    for (const [no, size] of freed) takeBytes.run(size, no);
    if (last > rowOf(chain, 0)) setEarliest.run(last - rowOf(chain, 0) + 1, chain);
  });
}

function map<T, U>(value: T | undefined, convert: (value: T) => U): U | undefined {
  return value === undefined ? undefined : convert(value);
}
