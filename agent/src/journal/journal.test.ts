import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { chainIdOf, decodeEvent, deviceIdOf, type EventDraft, newChain, verifyEvents, visibleFields } from '@belay/core/evidence';
import { ed25519Verify, type Ed25519Key, sha256 } from '@belay/core/node-crypto';
import type { Clock } from '../platform/platform.ts';
import { openFixedFile } from '../platform/linux/fixed-file.ts';
import { COMMIT_LOG_BYTES, openCommitLog } from './commit-log.ts';
import { createEvidenceKeys, type EvidenceKeys } from './evidence-keys.ts';
import { Journal, type JournalLimits } from './journal.ts';
import { type JournalStore, openJournalStore } from './journal-store.ts';

const clock: Clock = { now: () => Date.now(), boot: () => 1000, bootId: 'boot', utcOffsetMinutes: () => 0 };
const silent = { error: () => {}, warn: () => {} };
const outcome = (request: number): EventDraft => ({ type: 'elevation.outcome', fields: { request, uid: 1, user: 'a', end: 'exited', value: 0, durationMs: 1 } });
const intent = (request: number) => ({
  request, door: 'sudo', uid: 1, user: undefined, runAsUid: 0, runAsGid: 0, rules: [], manifest: 1, command: new Uint8Array([47]), argv: [], cwd: new Uint8Array([47]), terminal: 0, sessionId: 1,
  digest: new Uint8Array(32), sha256: undefined, reason: undefined, reauthenticated: false, outsideRules: false, environment: [],
});
const local = (key: Ed25519Key) => ({ server: new Uint8Array(32), device: deviceIdOf(key.publicKey, sha256) });

const COMMIT_LOG = 'journal.commit';

let folder: string;
let genesis: Uint8Array | undefined;
let limits: JournalLimits;
let opened: Journal | undefined;

/** A disk that can be full, and one that no longer takes what was written. */
type Disk = { full: boolean; broken?: boolean };

function open(disk: Disk = { full: false }, keys: EvidenceKeys = createEvidenceKeys(join(folder, 'keys'))): Journal {
  const real = openJournalStore(join(folder, 'journal.db'));
  const store: JournalStore = {
    ...real,
    write(batch) {
      if (disk.full) throw Object.assign(new Error('disk full'), { code: 'SQLITE_FULL' });
      real.write(batch);
    },
  };
  const file = openFixedFile(join(folder, COMMIT_LOG), COMMIT_LOG_BYTES);
  const commitLog = openCommitLog({
    ...file,
    sync() {
      if (disk.broken === true) throw new Error('EIO');
      file.sync();
    },
  });
  const { journal } = Journal.open({ store, commitLog, keys, clock, log: silent, limits: () => limits }, undefined, (key) => {
    genesis = key.publicKey;
    return local(key);
  });
  opened = journal;
  return journal;
}

/** The files as they were at this moment, for the next to open. */
function crash(): void {
  const image = mkdtempSync(join(tmpdir(), 'belay-journal-'));
  cpSync(folder, image, { recursive: true });
  opened?.close();
  opened = undefined;
  rmSync(folder, { recursive: true });
  folder = image;
}

function verified(journal: Journal): readonly string[] {
  const events = journal.read(1, 10_000, Number.MAX_SAFE_INTEGER).map((event) => event.bytes);
  if (genesis === undefined) throw new Error('no chain was begun');
  const device = deviceIdOf(genesis, sha256);
  const start = newChain(chainIdOf(new Uint8Array(32), device, genesis, sha256), genesis);
  const checked = verifyEvents(start, events, { writer: 'device', sha256, verify: ed25519Verify });
  if (checked.fault !== undefined) throw new Error(`event ${checked.fault.seq}: ${checked.fault.detail}`);
  return checked.events.map(({ record }) => record.payload.type);
}

function verifyLast(journal: Journal): { readonly type: string; readonly fields: object } {
  const decoded = decodeEvent((journal.read(1, 10_000, Number.MAX_SAFE_INTEGER).at(-1) as { readonly bytes: Uint8Array }).bytes, sha256);
  if (!decoded.ok) throw new Error(decoded.error.message);
  return { type: decoded.value.payload.type, fields: visibleFields(decoded.value) };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-journal-'));
  limits = { maxBytes: 64 * 1024 * 1024, retentionMs: 86_400_000 };
});
afterEach(() => {
  opened?.close();
  opened = undefined;
  rmSync(folder, { recursive: true });
});

test('what is committed and what is appended is one chain that verifies, across a restart', () => {
  const first = open();
  expect(first.commit({ type: 'agent.started', fields: { version: '1', lost: 0 } })).toEqual({ ok: true, value: 1 });
  first.append(outcome(1));
  expect(first.chain.durableSeq).toBe(1);
  expect(first.commit(outcome(2))).toEqual({ ok: true, value: 3 });
  first.append(outcome(3));
  first.close();
  const second = open();
  second.commit(outcome(4));
  expect(verified(second)).toEqual(['agent.started', 'elevation.outcome', 'elevation.outcome', 'elevation.outcome', 'evidence.checkpoint', 'elevation.outcome']);
});

test('a hundred events are sealed: the key is another and the old one is gone', async () => {
  const journal = open();
  const before = readdirSync(join(folder, 'keys'));
  for (let i = 0; i < 100; i++) journal.commit(outcome(i));
  const deadline = Date.now() + 60_000;
  while (journal.chain.durableSeq < 101 && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
  expect(verified(journal).at(-1)).toBe('evidence.checkpoint');
  const old = `${Buffer.from(genesis as Uint8Array).toString('hex')}.key`;
  expect(before).toContain(old);
  expect(existsSync(join(folder, 'keys', old))).toBe(false);
  journal.commit(outcome(101));
  expect(verified(journal)).toHaveLength(102);
});

test('an event signed ahead is taken as it is, or signed anew when another came first', () => {
  const journal = open();
  const ahead = journal.prepare(outcome(1));
  expect(journal.commit(ahead).ok).toBe(true);
  const late = journal.prepare(outcome(2));
  journal.append(outcome(3));
  expect(journal.commit(late).ok).toBe(true);
  const beforeSeal = journal.prepare(outcome(4));
  journal.seal();
  expect(journal.commitAhead(beforeSeal)).toBe(true);
  expect(verified(journal)).toHaveLength(5);
});

test('what is committed is durable before the store has it, and the same to the byte after a crash', () => {
  const journal = open();
  journal.commit(outcome(1));
  journal.append(outcome(2));
  journal.commit(outcome(3));
  const image = join(folder, '..', `${basename(folder)}-image`);
  cpSync(folder, image, { recursive: true });
  const before = journal.read(1, 10, 1e9).map(({ bytes }) => Buffer.from(bytes).toString('hex'));
  journal.close();
  rmSync(folder, { recursive: true });
  folder = image;
  const database = new Database(join(folder, 'journal.db'));
  expect(database.prepare('select count(*) as count from event').get()).toEqual({ count: 0 });
  database.close();
  const again = open();
  expect(again.chain.durableSeq).toBe(3);
  expect(again.read(1, 10, 1e9).map(({ bytes }) => Buffer.from(bytes).toString('hex'))).toEqual(before);
  expect(again.commit(outcome(4))).toEqual({ ok: true, value: 4 });
  crash();
  expect(open().chain.durableSeq).toBe(4);
});

test('after a crash the commit log counts as far as it is whole, and nothing old in it comes back', () => {
  const journal = open();
  for (let i = 1; i <= 3; i++) journal.commit(outcome(i));
  journal.flush();
  journal.commit(outcome(4));
  const log = join(folder, COMMIT_LOG);
  const length = readFileSync(log).readUInt32BE(0);
  crash();
  const torn = join(folder, COMMIT_LOG);
  const contents = readFileSync(torn);
  expect(contents.readUInt32BE(8 + length)).toBeGreaterThan(0);
  expect(open().chain.durableSeq).toBe(4);
  opened?.commit(outcome(5));
  crash();
  contents[8 + length - 1] = (contents[8 + length - 1] as number) ^ 1;
  writeFileSync(join(folder, COMMIT_LOG), contents);
  expect(open().chain.durableSeq).toBe(4);
});

test('what the commit log has no room for goes into the store at once', () => {
  const journal = open();
  const large: EventDraft = { type: 'agent.fault', fields: { where: 'x'.repeat(COMMIT_LOG_BYTES / 3) } };
  for (let i = 0; i < 5; i++) expect(journal.commit(large).ok).toBe(true);
  expect(journal.commit({ type: 'agent.fault', fields: { where: 'x'.repeat(2 * COMMIT_LOG_BYTES) } }).ok).toBe(true);
  crash();
  const again = open();
  expect(again.chain.durableSeq).toBe(6);
  expect(verified(again)).toHaveLength(6);
});

test('where the commit log no longer takes anything, that event is refused, and the next goes into the store', () => {
  const disk: Disk = { full: false, broken: true };
  const journal = open(disk);
  expect(journal.commit(outcome(1)).ok).toBe(false);
  expect(journal.refused).toBe(1);
  expect(journal.commit(outcome(2))).toEqual({ ok: true, value: 1 });
  journal.append(outcome(3));
  expect(journal.commit(outcome(4)).ok).toBe(false);
  expect(journal.commit(outcome(5))).toEqual({ ok: true, value: 3 });
  expect(verified(journal)).toHaveLength(3);
});

test('a full disk refuses, counts, keeps what was appended, and recovers by itself with the chain whole', async () => {
  const disk: Disk = { full: false };
  const journal = open(disk);
  journal.commit(outcome(1));
  disk.full = true;
  // The blocks of the commit log are there; the store then tells.
  expect(journal.commit(outcome(2))).toEqual({ ok: true, value: 2 });
  expect(journal.flush()).toBe(false);
  journal.append(outcome(2));
  expect(journal.commit(outcome(3))).toMatchObject({ ok: false, error: { code: 'BELAY_E_JOURNAL' } });
  expect(journal.commit(outcome(4)).ok).toBe(false);
  expect(journal.refused).toBe(2);
  disk.full = false;
  expect(journal.commit(outcome(5))).toEqual({ ok: true, value: 4 });
  await new Promise((resolve) => setImmediate(resolve));
  journal.flush();
  expect(verified(journal)).toEqual([...Array.from({ length: 4 }, () => 'elevation.outcome'), 'journal.pressure']);
  expect(journal.refused).toBe(0);
});

test('a full disk, where a rule bears it: the intent waits in memory, and where that has no room it is refused, or counted as lost', async () => {
  const disk: Disk = { full: true };
  const journal = open(disk);
  journal.append(outcome(0));
  expect(journal.flush()).toBe(false);
  expect(journal.commitOr(outcome(1), 'deny')).toBe(false);
  expect(journal.commitOr(outcome(2), 'spool')).toBe(true);
  expect(journal.commitOr(journal.prepare(outcome(3)), 'allow')).toBe(true);
  expect({ refused: journal.refused, lost: journal.lost, spooled: journal.spooled, healthy: journal.healthy }).toEqual({ refused: 1, lost: 0, spooled: 3, healthy: false });
  for (let i = 4; i < 2001; i++) journal.append(outcome(i));
  expect(journal.spooled).toBe(2000);
  expect(journal.commitOr(outcome(2002), 'spool')).toBe(false);
  expect(journal.commitOr(outcome(2003), 'allow')).toBe(true);
  expect({ refused: journal.refused, lost: journal.lost }).toEqual({ refused: 2, lost: 1 });
  disk.full = false;
  expect(journal.commitOr(outcome(2004), 'spool')).toBe(true);
  expect({ spooled: journal.spooled, healthy: journal.healthy, durable: journal.chain.durableSeq }).toEqual({ spooled: 0, healthy: true, durable: 2001 });
  await new Promise((resolve) => setImmediate(resolve));
  journal.flush();
  const last = verifyLast(journal);
  expect(last).toMatchObject({ type: 'journal.pressure', fields: { refused: 2, lost: 1 } });
  expect(verified(journal)).toHaveLength(2002);
});

test('at the limit nothing is committed and nothing without a receipt is dropped; a receipt makes room', () => {
  const journal = open();
  const padding = 'x'.repeat(500);
  const large: EventDraft = { type: 'agent.fault', fields: { where: padding } };
  limits = { maxBytes: 20_000, retentionMs: 86_400_000 };
  let written = 0;
  while (journal.commit(large).ok) written++;
  expect(written).toBeGreaterThan(10);
  journal.append(outcome(1));
  expect(journal.flush()).toBe(true);
  journal.prune();
  expect(journal.chain).toMatchObject({ earliest: 1, durableSeq: written + 1 });
  journal.receipted(written, new Uint8Array([1]));
  expect(journal.commit(large).ok).toBe(true);
  expect(journal.chain.earliest).toBeGreaterThan(1);
  expect(journal.read(1, 1, 1e9)[0]?.seq).toBe(journal.chain.earliest);
});

test('receipted events older than the retention are dropped, the rest stays', () => {
  const journal = open();
  for (let i = 0; i < 10; i++) journal.commit(outcome(i));
  journal.receipted(6, new Uint8Array([1]));
  limits = { ...limits, retentionMs: -1000 };
  journal.prune();
  expect(journal.chain.earliest).toBe(7);
  expect(journal.read(1, 100, 1e9).map((event) => event.seq)).toEqual([7, 8, 9, 10]);
});

test('an elevation that was begun and not ended is known after a crash', () => {
  const journal = open();
  const begun = (request: number): EventDraft => ({ type: 'elevation.intent', fields: intent(request) });
  journal.commit(begun(7));
  journal.seal();
  journal.commit(begun(8));
  journal.commit(begun(9));
  journal.append(outcome(8));
  journal.flush();
  const left = [7, 9].map((request) => ({ request, uid: 1, user: null, bootId: 'boot', bootMs: 1000 }));
  expect(journal.openRequests()).toEqual(left);
  crash();
  expect(open().openRequests()).toEqual(left);
});

test('after a crash the chain goes on from its last event, whatever was noted of it before', () => {
  const journal = open();
  journal.commit(outcome(1));
  journal.seal();
  for (let i = 2; i < 7; i++) journal.commit(outcome(i));
  crash();
  const again = open();
  expect(again.chain.durableSeq).toBe(7);
  expect(again.commit(outcome(7))).toEqual({ ok: true, value: 8 });
  again.seal();
  expect(verified(again)).toHaveLength(9);
});

test('events that do not follow begin a new chain rather than a forked one', () => {
  const journal = open();
  journal.commit(outcome(1));
  journal.seal();
  journal.commit(outcome(2));
  journal.commit(outcome(3));
  journal.flush();
  journal.commit(outcome(4));
  crash();
  const database = new Database(join(folder, 'journal.db'));
  database.prepare('delete from event where id % 1099511627776 = 3').run();
  database.close();
  const again = open();
  expect(again.chain.durableSeq).toBe(0);
  expect(again.commit(outcome(5))).toEqual({ ok: true, value: 1 });
});

test('a new identity begins a chain of its own; without its key the old chain is not continued', () => {
  const journal = open();
  journal.commit(outcome(1));
  const keys = createEvidenceKeys(join(folder, 'keys'));
  const key = keys.make();
  journal.begin({ server: new Uint8Array(32), device: deviceIdOf(key.publicKey, sha256) }, key);
  genesis = key.publicKey;
  expect(journal.commit(outcome(2))).toEqual({ ok: true, value: 1 });
  expect(verified(journal)).toEqual(['elevation.outcome']);
  journal.close();
  for (const name of readdirSync(join(folder, 'keys'))) rmSync(join(folder, 'keys', name));
  const again = open();
  expect(again.chain).toMatchObject({ durableSeq: 0 });
  expect(genesis).not.toEqual(key.publicKey);
});

test('an erased key is overwritten before it is removed', () => {
  const keys = createEvidenceKeys(join(folder, 'erase'));
  const key = keys.make();
  const file = join(folder, 'erase', readdirSync(join(folder, 'erase'))[0] as string);
  expect(readFileSync(file).equals(Buffer.from(key.seed))).toBe(true);
  expect(keys.load(key.publicKey)?.publicKey).toEqual(key.publicKey);
  keys.erase(key.publicKey);
  expect(existsSync(file)).toBe(false);
  expect(keys.load(key.publicKey)).toBeUndefined();
  keys.erase(key.publicKey);
});
