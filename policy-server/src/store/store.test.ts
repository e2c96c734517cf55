import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { type EventRow, openStore, type Store, type StoreConfig } from './index.ts';

const log = { warn: () => undefined };
const folder = mkdtempSync(join(tmpdir(), 'belay-store-'));
const missing = postgresMissing();
let postgres: TestPostgres | undefined;
let files = 0;

beforeAll(async () => {
  if (missing === undefined) postgres = await startPostgres();
});
afterAll(async () => {
  await postgres?.close();
  rmSync(folder, { recursive: true, force: true });
});

function eventOf(seq: number, change: Partial<EventRow> = {}): EventRow {
  return {
    chain: new Uint8Array(32).fill(7), seq, device_id: 'd-one', type: 'agent.started', device_time: 1_790_000_000_000 + seq, server_time: 1_790_000_000_001,
    user_name: null, uid: null, request: null, rule: null, summary: 'so "it" is, {a,b} \\ é', record: new Uint8Array([0, 255, seq]), ...change,
  };
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const kinds: readonly { readonly name: string; readonly skip: string | undefined; readonly config: () => StoreConfig }[] = [
  { name: 'SQLite', skip: undefined, config: () => ({ kind: 'sqlite', file: join(folder, `${++files}.db`) }) },
  { name: 'PostgreSQL', skip: missing, config: () => ({ kind: 'postgresql', url: (postgres as TestPostgres).createDatabase(), connections: 5 }) },
];

describe.each(kinds)('the store on $name', ({ name, skip, config: newConfig }) => {
  const it = skip === undefined ? test : test.skip;
  let config: StoreConfig;
  let store: Store;
  if (skip !== undefined) test.skip(`skipped: ${skip}`, () => undefined);
  beforeAll(async () => {
    if (skip !== undefined) return;
    config = newConfig();
    store = await openStore(config, log);
  });
  afterAll(async () => {
    if (skip === undefined) await store.close();
  });

  it('opens again what it has made, and two may open it at once', async () => {
    const fresh = newConfig();
    const both = name === 'SQLite' ? [await openStore(fresh, log), await openStore(fresh, log)] : await Promise.all([openStore(fresh, log), openStore(fresh, log)]);
    for (const each of both) expect(await each.db.selectFrom('devices').selectAll().execute()).toEqual([]);
    for (const each of both) await each.close();
  });

  it('keeps bytes, 64-bit numbers, nulls and text as they are', async () => {
    const row = { chain: new Uint8Array(32).fill(1), seq: 9_007_199_254_740_991, time: 1_790_000_000_000, envelope: new Uint8Array([0, 1, 254, 255]) };
    await store.db.insertInto('receipts').values(row).execute();
    const kept = await store.db.selectFrom('receipts').selectAll().where('chain', '=', row.chain).executeTakeFirstOrThrow();
    expect({ ...kept, chain: new Uint8Array(kept.chain), envelope: new Uint8Array(kept.envelope) }).toEqual(row);
  });

  it('inserts many events in their order', async () => {
    const rows = Array.from({ length: 700 }, (_, index) => eventOf(index + 1, index % 3 === 0 ? { user_name: 'ünal', uid: 4_294_967_294, request: 5, rule: 'p/r' } : {}));
    await store.transaction((tx) => store.insertEvents(tx, rows));
    const kept = await store.db.selectFrom('events').selectAll().where('device_id', '=', 'd-one').orderBy('id').execute();
    const plain = kept.map(({ id, ...row }) => ({ ...row, ...(id > 0 ? {} : { id }), chain: new Uint8Array(row.chain), record: new Uint8Array(row.record) }));
    expect(plain).toEqual(rows);
  });

  it('holds an event once by chain and sequence number', async () => {
    const again = store.transaction((tx) => store.insertEvents(tx, [eventOf(701), eventOf(5)]));
    await expect(again).rejects.toThrow(/unique/i);
    const kept = await store.db.selectFrom('events').select('seq').where('seq', '=', 701).execute();
    expect(kept).toEqual([]);
  });

  it('undoes a transaction that throws', async () => {
    const failed = store.transaction(async (tx) => {
      await tx.insertInto('settings').values({ key: 'half', value: 'done' }).execute();
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    expect(await store.db.selectFrom('settings').selectAll().where('key', '=', 'half').execute()).toEqual([]);
  });

  it('counts without losing any when many write at once', async () => {
    await store.db.insertInto('settings').values({ key: 'count', value: '0' }).execute();
    const addOne = () => store.transaction(async (tx) => {
      const row = await tx.selectFrom('settings').selectAll().where('key', '=', 'count').$if(store.lockRows, (query) => query.forUpdate()).executeTakeFirstOrThrow();
      await tx.updateTable('settings').set({ value: String(Number(row.value) + 1) }).where('key', '=', 'count').execute();
    });
    await Promise.all(Array.from({ length: 25 }, addOne));
    expect(await store.db.selectFrom('settings').select('value').where('key', '=', 'count').executeTakeFirst()).toEqual({ value: '25' });
  });

  it('spends a limited number of uses no more often than that', async () => {
    const token = { id: 't', secret_hash: new Uint8Array(32), created_at: 1, created_by: 'a', expires_at: 2, uses_left: 3, uses_total: 3, groups: '[]', revoked_at: null };
    await store.db.insertInto('enroll_tokens').values(token).execute();
    const spend = async () => (await store.db.updateTable('enroll_tokens').set((eb) => ({ uses_left: eb('uses_left', '-', 1) })).where('id', '=', 't').where('uses_left', '>', 0).executeTakeFirst()).numUpdatedRows;
    const spent = await Promise.all(Array.from({ length: 10 }, spend));
    expect(spent.filter((count) => count === 1n)).toHaveLength(3);
  });

  it('never shows an event with a lower id after one with a higher id', async () => {
    const seen: number[] = [];
    let isWriting = true;
    const read = async (): Promise<void> => {
      while (isWriting) {
        const rows = await store.db.selectFrom('events').select('id').where('device_id', '=', 'd-order').where('id', '>', seen.at(-1) ?? 0).orderBy('id').execute();
        seen.push(...rows.map((row) => row.id));
      }
    };
    const reading = read();
    const write = async (writer: number): Promise<void> => {
      for (let seq = 1; seq <= 20; seq++) {
        const rows = [eventOf(seq * 2, { chain: new Uint8Array(32).fill(writer), device_id: 'd-order' }), eventOf(seq * 2 + 1, { chain: new Uint8Array(32).fill(writer), device_id: 'd-order' })];
        await store.transaction((tx) => store.insertEvents(tx, rows));
      }
    };
    await Promise.all([100, 101, 102, 103].map(write));
    isWriting = false;
    await reading;
    const all = await store.db.selectFrom('events').select('id').where('device_id', '=', 'd-order').orderBy('id').execute();
    const late = all.map((row) => row.id).filter((id) => id < (seen.at(-1) ?? 0) && !seen.includes(id));
    expect({ count: all.length, late }).toEqual({ count: 160, late: [] });
  });

  it('tells listeners of a change until they stop listening', async () => {
    const heard: string[] = [];
    const stop = store.onChange('device', (payload) => heard.push(payload));
    await store.listening();
    await store.notify('device', 'd-1');
    await store.notify('policy');
    await until(() => heard.length === 1);
    stop();
    const other: string[] = [];
    const stopOther = store.onChange('device', (payload) => other.push(payload));
    await store.notify('device', 'd-2');
    await until(() => other.length === 1);
    stopOther();
    expect({ heard, other }).toEqual({ heard: ['d-1'], other: ['d-2'] });
  });

  if (name === 'SQLite') {
    test('keeps the database file to its owner', () => {
      expect(config.kind === 'sqlite' ? statSync(config.file).mode & 0o777 : 0).toBe(0o600);
    });
    return;
  }

  it('carries changes from one server to another', async () => {
    const other = await openStore(config, log);
    const heard: string[] = [];
    other.onChange('policy', (payload) => heard.push(payload));
    await other.listening();
    await store.notify('policy', 'x');
    await until(() => heard.length === 1);
    await other.close();
    expect(heard).toEqual(['x']);
  });

  it('listens again after the database has cut every connection, and says that something may have been missed', async () => {
    const heard: string[] = [];
    const stop = store.onChange('events', (payload) => heard.push(payload));
    await store.listening();
    (postgres as TestPostgres).disconnectAll();
    await until(() => heard.includes(''));
    await store.notify('events', 'after');
    await until(() => heard.includes('after'));
    stop();
  });
});
