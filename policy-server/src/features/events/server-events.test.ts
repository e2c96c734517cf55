import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHECKPOINT_EVENTS, type EventDraft, openEnvelope, verifyEvents } from '@belay/core/evidence';
import { ed25519Verify, generateEd25519, sha256 } from '@belay/core/node-crypto';
import { pino } from 'pino';
import { loadServerKeys } from '../../pki/role-keys.ts';
import { createServerKeys } from '../../pki/create.ts';
import { dataFolder } from '../../pki/data-folder.ts';
import { openStore, type Store } from '../../store/index.ts';
import { openServerEvents, type ServerEventLog } from './server-events.ts';

const draft: EventDraft = { type: 'server.started', fields: { version: '1' } };
const log = pino({ level: 'silent' });
let folder: string;
let store: Store;
let events: ServerEventLog;

async function open(): Promise<void> {
  const data = dataFolder(folder);
  store = await openStore({ kind: 'sqlite', file: data.database }, log);
  events = await openServerEvents({ store, keys: loadServerKeys(data, Date.now), clock: Date.now, log, folder: data.chain });
}
async function close(): Promise<void> {
  await events.close();
  await store.close();
}
const keyFiles = (): string[] => readdirSync(join(folder, 'chain'));

async function chains() {
  const rows = await store.db.selectFrom('chains').selectAll().execute();
  return Promise.all(rows.map(async (row) => {
    const records = await store.db.selectFrom('events').select('record').where('chain', '=', row.chain).orderBy('seq').execute();
    const from = { chain: row.chain, seq: 0, head: row.chain, keyIndex: 0, publicKey: row.genesis_key };
    const checked = verifyEvents(from, records.map(({ record }) => record), { writer: 'server', sha256, verify: ed25519Verify });
    return { row, fault: checked.fault, seq: checked.state.seq, head: checked.state.head };
  }));
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-chain-'));
  await createServerKeys(dataFolder(folder), 'only for this test');
  await open();
});
afterEach(async () => {
  await store.close().catch(() => undefined);
  rmSync(folder, { recursive: true, force: true });
});

describe('the server\'s own chain', () => {
  test('goes on over restarts, erases each old key, and is receipted', async () => {
    await events.append(draft);
    await close();
    expect(keyFiles()).toEqual(['1.key']);
    await open();
    await Promise.all(Array.from({ length: 30 }, () => events.append(draft)));
    await close();
    expect(keyFiles()).toEqual(['2.key']);
    await open();
    const [chain] = await chains();
    expect(chain).toMatchObject({ fault: undefined, seq: 33 });
    const receipt = await store.db.selectFrom('receipts').selectAll().executeTakeFirstOrThrow();
    const opened = openEnvelope(receipt.envelope, 'receipt', loadServerKeys(dataFolder(folder), Date.now).trust, ed25519Verify, Date.now());
    expect(opened).toMatchObject({ ok: true, value: { device: 'server', seq: 33, head: Buffer.from(chain?.head as Uint8Array) } });
  });

  test('is sealed after a hundred events at the latest', async () => {
    for (let count = 0; count < CHECKPOINT_EVENTS; count++) await events.append(draft);
    const end = Date.now() + 60_000;
    while (keyFiles()[0] !== '1.key') {
      if (Date.now() > end) throw new Error('no checkpoint');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect((await chains())[0]).toMatchObject({ fault: undefined, seq: CHECKPOINT_EVENTS + 1 });
  });

  test('holds an act and its event together: neither is there when the act fails', async () => {
    await events.append(draft);
    const failed = events.transact(async (tx, record) => {
      await tx.insertInto('settings').values({ key: 'act', value: 'done' }).execute();
      record(draft);
      throw new Error('the act failed');
    });
    await expect(failed).rejects.toThrow('the act failed');
    await events.append(draft);
    expect(await store.db.selectFrom('settings').selectAll().execute()).toEqual([]);
    expect((await chains())[0]).toMatchObject({ fault: undefined, seq: 2 });
  });

  test('starts after a stop between the new key and its checkpoint', async () => {
    await events.append(draft);
    await close();
    writeFileSync(join(folder, 'chain', '2.key'), generateEd25519().seed);
    await open();
    expect(keyFiles()).toEqual(['1.key']);
    await events.append(draft);
    expect((await chains())[0]).toMatchObject({ fault: undefined });
  });

  test('begins anew when the database was restored to before its key', async () => {
    await events.append(draft);
    await close();
    cpSync(join(folder, 'server.db'), join(folder, 'backup.db'));
    await open();
    await events.append(draft);
    await close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `server.db${suffix}`), { force: true });
    cpSync(join(folder, 'backup.db'), join(folder, 'server.db'));
    await open();
    await events.append(draft);
    const all = await chains();
    expect(all.map(({ fault, seq }) => ({ fault, seq }))).toEqual(expect.arrayContaining([{ fault: undefined, seq: 2 }, { fault: undefined, seq: 1 }]));
  });

  test('refuses to write when another process has written the same chain', async () => {
    await events.append(draft);
    const keys = loadServerKeys(dataFolder(folder), Date.now);
    const second = await openServerEvents({ store, keys, clock: Date.now, log, folder: join(folder, 'chain') });
    await second.append(draft);
    await expect(events.append(draft)).rejects.toThrow(/another process writes/);
    await events.append(draft);
    expect((await chains())[0]).toMatchObject({ fault: undefined, seq: 3 });
  });
});
