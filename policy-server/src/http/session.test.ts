import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PASSWORD, startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { openBrowser } from '../../../tests/support/browser.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { hashPassword } from '../features/accounts/password.ts';
import { authenticate } from '../features/accounts/principal.ts';

const HOUR = 3_600_000;
const databases = postgresMissing() === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);

describe.each(databases)('sessions of browsers on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let api: TestApi;
  let offset = 0;

  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    api = await startTestApi({ config: 'signIn: { triesPerMinute: 1000 }', clock: () => Date.now() + offset, ...(postgres === undefined ? {} : { databaseUrl: postgres.createDatabase() }) });
    await api.account('root', 'administrator');
    await api.account('vera', [{ role: 'viewer', groups: ['engineering'] }]);
  });
  afterAll(async () => {
    await api.close();
    await postgres?.close();
  });

  test('signing in sets a cookie that no script reads, and answers who one is', async () => {
    const browser = openBrowser(api);
    const answer = await browser.signIn('vera', PASSWORD);
    expect(answer.headers['set-cookie']).toEqual([expect.stringMatching(/^__Host-belay=blt_[A-Za-z0-9_-]{12}\.[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict; Max-Age=43200$/)]);
    expect(answer.text).not.toContain(browser.cookies.get('__Host-belay'));
    const seen = { account: { id: 'a-vera', name: 'vera' }, person: null, bindings: [{ role: 'viewer', groups: ['engineering'] }], groups: [], secondFactors: [], csrf: browser.csrf };
    expect(answer.body).toMatchObject(seen);
    expect(answer.body['permissions']).toEqual(['devices.read', 'events.read', 'policies.read', 'requests.read']);
    expect((await browser.ask('GET', '/api/v1/session')).body).toEqual(answer.body);
    expect((await browser.ask('GET', '/api/v1/devices')).status).toBe(200);
  });

  test('signing out ends it, here and for whoever kept the cookie', async () => {
    const browser = openBrowser(api);
    await browser.signIn('vera', PASSWORD);
    const kept = new Map(browser.cookies);
    const out = await browser.ask('DELETE', '/api/v1/session');
    expect([out.status, browser.cookies.size]).toEqual([200, 0]);
    for (const [name, value] of kept) browser.cookies.set(name, value);
    expect((await browser.ask('GET', '/api/v1/session')).status).toBe(401);
  });

  test('a session ends when nothing was asked for an hour, and after twelve whatever was asked', async () => {
    const before = offset;
    const browser = openBrowser(api);
    await browser.signIn('vera', PASSWORD);
    const status = async (): Promise<number> => (await browser.ask('GET', '/api/v1/session')).status;
    for (let hours = 0; hours < 11.5; hours += 0.9) {
      offset += 0.9 * HOUR;
      expect([hours, await status()]).toEqual([hours, 200]);
    }
    offset += 0.4 * HOUR;
    expect(await status()).toBe(401);
    await browser.signIn('vera', PASSWORD);
    offset += 1.01 * HOUR;
    expect(await status()).toBe(401);
    offset = before;
  });

  test('a page that is only open, with a stream that looks for news, does not keep its session', async () => {
    const before = offset;
    const browser = openBrowser(api);
    await browser.signIn('vera', PASSWORD);
    const secret = browser.cookies.get('__Host-belay') as string;
    for (let count = 0; count < 6; count++) {
      offset += 0.15 * HOUR;
      expect(await authenticate(api.context, { transport: 'cookie', secret }, false)).toMatchObject({ name: 'vera' });
    }
    offset += 0.2 * HOUR;
    expect(await authenticate(api.context, { transport: 'cookie', secret }, false)).toBeUndefined();
    offset = before;
  });

  test('one sees one\'s own sessions and ends each; nobody else\'s', async () => {
    const [here, there, other] = [openBrowser(api), openBrowser(api), openBrowser(api)];
    for (const browser of [here, there]) await browser.ask('POST', '/api/v1/session', { body: { name: 'vera', password: PASSWORD }, headers: { 'user-agent': 'Firefox \u00e9<b>' } });
    await other.signIn('root', PASSWORD);
    const listed = async () => (await here.ask('GET', '/api/v1/me/sessions')).body['sessions'] as { id: string; current: boolean; peer: string; agent: string }[];
    const idOf = (browser: typeof here): string => /^blt_(.{12})/.exec(browser.cookies.get('__Host-belay') ?? '')?.[1] ?? '';
    const mine = await listed();
    expect(mine.filter(({ current }) => current)).toMatchObject([{ id: idOf(here), peer: '127.0.0.1', agent: 'Firefox ??<b>' }]);
    expect(mine.map(({ id }) => id)).toContain(idOf(there));
    expect(mine.map(({ id }) => id)).not.toContain(idOf(other));
    expect((await here.ask('DELETE', `/api/v1/me/sessions/${idOf(other)}`)).status).toBe(404);
    expect((await here.ask('DELETE', `/api/v1/me/sessions/${idOf(there)}`)).body).toEqual({ ended: idOf(there) });
    expect([(await there.ask('GET', '/api/v1/session')).status, (await other.ask('GET', '/api/v1/session')).status, (await here.ask('GET', '/api/v1/session')).status]).toEqual([401, 200, 200]);
  });

  test('a cookie is no bearer token, and a bearer token no cookie', async () => {
    const browser = openBrowser(api);
    await browser.signIn('root', PASSWORD);
    expect((await api.ask('GET', '/api/v1/whoami', { token: browser.cookies.get('__Host-belay') })).status).toBe(401);
    const token = await api.signIn('root');
    expect((await api.ask('GET', '/api/v1/whoami', { headers: { cookie: `__Host-belay=${token}` } })).status).toBe(401);
    // Two of a name: one is not ours.
    const mine = browser.cookies.get('__Host-belay');
    expect((await api.ask('GET', '/api/v1/whoami', { headers: { cookie: `__Host-belay=${mine}; __Host-belay=${mine}` } })).status).toBe(401);
    expect((await api.ask('GET', '/api/v1/session', { token })).body).toMatchObject({ account: { name: 'root' }, csrf: null });
  });

  test('a password that was hashed at another cost is hashed anew when it is right', async () => {
    const { argon2Sync } = await import('node:crypto');
    const plain = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
    const [salt, cost] = [Buffer.alloc(16, 7), { memory: 64, passes: 1, parallelism: 1 }];
    const old = `$argon2id$v=19$m=64,t=1,p=1$${plain(salt)}$${plain(argon2Sync('argon2id', { message: Buffer.from(PASSWORD), nonce: salt, tagLength: 32, ...cost }))}`;
    await api.account('otto', 'viewer');
    const { db } = api.context.store;
    await db.updateTable('accounts').set({ password_hash: old }).where('name', '=', 'otto').execute();
    const hash = async () => (await db.selectFrom('accounts').select('password_hash').where('name', '=', 'otto').executeTakeFirstOrThrow()).password_hash;
    await api.ask('POST', '/api/v1/session', { body: { name: 'otto', password: 'wrong' } });
    expect(await hash()).toBe(old);
    await openBrowser(api).signIn('otto', PASSWORD);
    expect((await hash()).slice(0, 30)).toBe((await hashPassword('x')).slice(0, 30));
    await openBrowser(api).signIn('otto', PASSWORD);
  });
});
