import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { enrol } from '../../../tests/support/fleet.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';

const HOUR = 3_600_000;
const databases = postgresMissing() === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);

describe.each(databases)('idempotency keys on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let api: TestApi;
  let [admin, other]: string[] = [];
  let offset = 0;

  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    api = await startTestApi({ clock: () => Date.now() + offset, ...(postgres === undefined ? {} : { databaseUrl: postgres.createDatabase() }) });
    for (const name of ['root', 'rosa']) await api.account(name, 'administrator');
    [admin, other] = [await api.signIn('root'), await api.signIn('rosa')];
  });
  afterAll(async () => {
    await api.close();
    await postgres?.close();
  });

  const post = (path: string, body: unknown, key?: string, token: string | undefined = admin) =>
    api.ask('POST', `/api/v1${path}`, { token, body, headers: key === undefined ? {} : { 'idempotency-key': key } });
  const TOKEN = { uses: 1, validForMs: HOUR };
  const tokens = async () => (await api.context.store.db.selectFrom('enroll_tokens').select('id').execute()).length;
  const plain = (text: string) => text;

  test('the same key and content are answered as the first time, and done once', async () => {
    const before = await tokens();
    const first = await post('/enroll-tokens', TOKEN, 'one');
    const again = await post('/enroll-tokens', TOKEN, 'one');
    expect([again.status, plain(again.text), again.type]).toEqual([200, plain(first.text), first.type]);
    expect([first.headers['idempotency-replayed'], again.headers['idempotency-replayed']]).toEqual([undefined, 'true']);
    expect(await tokens()).toBe(before + 1);
    await post('/enroll-tokens', TOKEN);
    expect(await tokens()).toBe(before + 2);
  });

  test('of many at the same moment one does it, and all hear the same', async () => {
    const before = await tokens();
    const answers = await Promise.all(Array.from({ length: 12 }, () => post('/enroll-tokens', TOKEN, 'many')));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect([answers[0]?.status, await tokens()]).toEqual([200, before + 1]);
  });

  test('another content, path or caller is another thing', async () => {
    const conflict = await post('/enroll-tokens', { ...TOKEN, uses: 2 }, 'one');
    expect([conflict.status, conflict.body['code'], conflict.body['detail']]).toEqual([409, 'BELAY_E_CONFLICT', 'This Idempotency-Key was used for another request.']);
    const [a, b] = [(await enrol(api, await api.token(), undefined, 'left')).id, (await enrol(api, await api.token(), undefined, 'right')).id];
    expect((await post(`/devices/${a}/rename`, { name: 'renamed' }, 'dev')).status).toBe(200);
    expect((await post(`/devices/${b}/rename`, { name: 'renamed' }, 'dev')).status).toBe(409);
    expect((await post(`/devices/${a}/label`, { labels: {} }, 'dev')).status).toBe(200);
    const mine = await post('/enroll-tokens', TOKEN, 'one', other);
    expect([mine.status, mine.headers['idempotency-replayed']]).toEqual([200, undefined]);
  });

  test('a refusal that stays is repeated; signing in again changes nothing of it', async () => {
    const first = await post('/devices/absent/revoke', {}, 'refused');
    const again = await post('/devices/absent/revoke', {}, 'refused', await api.signIn('root'));
    expect([first.status, again.status, again.text, again.type.split(';')[0]]).toEqual([404, 404, first.text, 'application/problem+json']);
  });

  test('what failed by a fault may be tried again', async () => {
    const { store } = api.context;
    const { db } = store;
    await db.schema.alterTable('enroll_tokens').renameTo('away').execute();
    const failed = await post('/enroll-tokens', TOKEN, 'fault');
    await db.schema.alterTable('away').renameTo('enroll_tokens').execute();
    expect([failed.status, (await post('/enroll-tokens', TOKEN, 'fault')).status]).toEqual([500, 200]);
  });

  test('a secret that is shown once is kept sealed, and shown again to the same caller only', async () => {
    const made = await post('/tokens', { name: 'ci', bindings: [{ role: 'viewer', groups: 'all' }], validForMs: HOUR }, 'secret');
    const secret = (made.body['token'] as string).split('.')[1] as string;
    const rows = await api.context.store.db.selectFrom('idempotency').selectAll().execute();
    for (const { content } of rows) expect(Buffer.from(content ?? '', 'base64').includes(secret)).toBe(false);
    expect(JSON.stringify(rows)).not.toContain(secret);
    expect((await post('/tokens', { name: 'ci', bindings: [{ role: 'viewer', groups: 'all' }], validForMs: HOUR }, 'secret')).body['token']).toBe(made.body['token']);
  });

  test('one that was begun and never ended is not guessed at', async () => {
    const content = `/api/v1/enroll-tokens\n${JSON.stringify(TOKEN)}`;
    const { createHash } = await import('node:crypto');
    await api.context.store.db.insertInto('idempotency').values({
      holder: 'a-root', route: 'POST /api/v1/enroll-tokens', key: 'died', body_hash: createHash('sha256').update(content).digest(), status: null, content: null, created_at: api.context.clock() - 61_000,
    }).execute();
    const answer = await post('/enroll-tokens', TOKEN, 'died');
    expect([answer.status, answer.body['detail']]).toEqual([409, expect.stringContaining('outcome is not known')]);
  });

  test('keys are short, and kept for a day', async () => {
    for (const key of ['', 'a b', 'x'.repeat(129), 'ü']) expect([key, (await post('/enroll-tokens', TOKEN, key)).status]).toEqual([key, 400]);
    const before = await tokens();
    offset += 11 * HOUR;
    expect((await post('/enroll-tokens', TOKEN, 'one')).headers['idempotency-replayed']).toBe('true');
    offset += 14 * HOUR;
    admin = await api.signIn('root');
    expect((await post('/enroll-tokens', TOKEN, 'one')).headers['idempotency-replayed']).toBeUndefined();
    expect(await tokens()).toBe(before + 1);
  });

  test('one caller holds ten thousand, no more', async () => {
    const row = (at: number) => ({ holder: 'a-root', route: 'x', key: `k${at}`, body_hash: new Uint8Array(32), status: 200, content: null, created_at: api.context.clock() });
    for (let at = 0; at < 10_000; at += 500) await api.context.store.db.insertInto('idempotency').values(Array.from({ length: 500 }, (_, index) => row(at + index))).execute();
    expect((await post('/enroll-tokens', TOKEN, 'one-more')).status).toBe(429);
    expect((await post('/enroll-tokens', TOKEN, 'one')).headers['idempotency-replayed']).toBe('true');
  });
});
