import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acceptManifest, type Grant, openEnvelope } from '@belay/core/evidence';
import { ed25519Verify } from '@belay/core/node-crypto';
import { startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { askingDevice, filed } from '../../../tests/support/requests.ts';
import { createServerKeys } from '../pki/create.ts';
import { dataFolder } from '../pki/data-folder.ts';

const missing = postgresMissing();
let postgres: TestPostgres | undefined;
beforeAll(async () => {
  if (missing === undefined) postgres = await startPostgres();
});
afterAll(() => postgres?.close());

async function newFolder(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'belay-requests-'));
  await createServerKeys(dataFolder(folder), 'only for this test');
  return folder;
}

async function approve(api: TestApi, token: string, number: number): Promise<void> {
  const { id } = await api.context.store.db.selectFrom('requests').select('id').where('number', '=', number).executeTakeFirstOrThrow();
  const answer = await api.ask('POST', `/api/v1/requests/${id}/approve`, { token, body: { words: 'yes' } });
  if (answer.status !== 200) throw new Error(answer.text);
}

describe.each([['SQLite', undefined], ['PostgreSQL', missing]] as const)('requests on %s, over the life of servers', (name, skip) => {
  if (skip !== undefined) {
    test.skip(`skipped: ${skip}`, () => undefined);
    return;
  }

  test('the server dies between the yes and its delivery: after its restart the device gets the grant, then the answer, until it says that it has it', async () => {
    const folder = await newFolder();
    const options = { folder, ...(name === 'PostgreSQL' ? { databaseUrl: (postgres as TestPostgres).createDatabase() } : {}) };
    const first = await startTestApi(options);
    await first.account('anna', 'approver');
    const device = await askingDevice(first);
    await device.upload(filed({ number: 1 }), filed({ number: 2 }));
    device.stream.close();
    await device.stream.ended;
    await approve(first, await first.signIn('anna'), 1);
    await first.close();
    const second = await startTestApi(options);
    try {
      device.reconnect(second);
      expect(await device.answer(1)).toMatchObject({ state: 'approved', version: 2, message: 'yes' });
      expect(await device.answer(2)).toMatchObject({ state: 'pending', version: 1 });
      expect(device.kinds().filter((kind) => kind === 'manifest' || kind === 'answer')).toEqual(['manifest', 'answer', 'answer']);
      expect(device.opened('manifest')[0]?.grants).toHaveLength(1);
      device.reconnect();
      expect(await device.answer(1)).toMatchObject({ state: 'approved', version: 2 });
      await device.upload({ type: 'request.answered', fields: { request: 1, uid: 2001, user: 'alice', state: 'approved', version: 2 } });
      device.reconnect();
      await device.answer(2);
      expect(device.opened('answer').map(({ request }) => request)).toEqual([2]);
      device.close();
    } finally {
      await second.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('what was due while no server ran is done at the start', async () => {
    const folder = await newFolder();
    let offset = 0;
    const options = { folder, clock: () => Date.now() + offset, ...(name === 'PostgreSQL' ? { databaseUrl: (postgres as TestPostgres).createDatabase() } : {}) };
    const first = await startTestApi(options);
    const device = await askingDevice(first);
    await device.upload(filed({ number: 1, approval: [{ from: ['role:approver'], count: 1, withinMs: 60_000 }] }));
    await first.close();
    offset = 60_000;
    const second = await startTestApi(options);
    try {
      device.reconnect(second);
      expect(await device.answer(1, ({ state }) => state === 'expired')).toMatchObject({ version: 2 });
      device.close();
    } finally {
      await second.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('a grant that is replayed on another device names its own: signed, and not theirs', async () => {
    const api = await startTestApi(name === 'PostgreSQL' ? { databaseUrl: (postgres as TestPostgres).createDatabase() } : {});
    await api.account('anna', 'approver');
    const [mine, other] = [await askingDevice(api), await askingDevice(api)];
    await mine.upload(filed({ number: 1 }));
    await approve(api, await api.signIn('anna'), 1);
    const manifest = await mine.manifest(({ grants }) => grants.length > 0);
    const grant: Grant = mine.grant(manifest.grants[0] as Uint8Array);
    expect([grant.device, manifest.device]).toEqual([mine.device.id, mine.device.id]);
    expect(acceptManifest(manifest, { epoch: 0, number: 0 }, { id: other.device.id, nowMs: Date.now(), minimumEpoch: 0 })).toMatchObject({ ok: false, error: { code: 'BELAY_E_WRONG_DEVICE' } });
    // As another kind it is nothing at all, and nothing that another key than the grants' signs is a grant.
    expect(openEnvelope(manifest.grants[0] as Uint8Array, 'answer', api.context.keys.trust, ed25519Verify, Date.now())).toMatchObject({ ok: false });
    mine.close();
    other.close();
    await api.close();
  });
});

const withPostgres = missing === undefined ? test : test.skip;
withPostgres('two servers on one database: the yes on one reaches the device on the other; what is due is done once', async () => {
  const databaseUrl = (postgres as TestPostgres).createDatabase();
  let offset = 0;
  const clock = (): number => Date.now() + offset;
  const folder = await newFolder();
  const beside = mkdtempSync(join(tmpdir(), 'belay-beside-'));
  cpSync(folder, beside, { recursive: true, filter: (source) => !source.endsWith('/chain') });
  const [one, two] = [await startTestApi({ folder, databaseUrl, clock }), await startTestApi({ folder: beside, databaseUrl, clock })];
  try {
    for (const who of ['anna', 'bert']) await one.account(who, 'approver');
    const device = await askingDevice(one);
    await device.upload(filed({ number: 1 }), filed({ number: 2, approval: [{ from: ['role:approver'], count: 1, withinMs: 60_000 }] }), filed({ number: 3 }));
    await approve(two, await two.signIn('anna'), 1);
    expect(await device.answer(1, ({ state }) => state === 'approved')).toMatchObject({ by: ['anna'] });
    const { id } = await one.context.store.db.selectFrom('requests').select('id').where('number', '=', 3).executeTakeFirstOrThrow();
    const [first, second] = [await one.signIn('anna'), await two.signIn('bert')];
    const both = await Promise.all([one.ask('POST', `/api/v1/requests/${id}/approve`, { token: first, body: {} }), two.ask('POST', `/api/v1/requests/${id}/approve`, { token: second, body: {} })]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    offset = 60_000;
    await Promise.all([one.fleet.requests.reconcile(), two.fleet.requests.reconcile(), one.fleet.requests.reconcile()]);
    expect(await device.answer(2, ({ state }) => state === 'expired')).toMatchObject({ version: 2 });
    expect(await one.context.store.db.selectFrom('events').select('type').where('type', '=', 'request.expired').execute()).toHaveLength(1);
    device.close();
  } finally {
    await Promise.all([one.close(), two.close()]);
    for (const each of [folder, beside]) rmSync(each, { recursive: true, force: true });
  }
});
