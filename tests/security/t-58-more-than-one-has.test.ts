// T-58. Attacker: whoever may manage people, by a service token narrowed to that, and wants to do more; or who wants nobody to be able to undo
// what they did. Set-up: two administrators, accounts with lesser roles, a token with people.write alone. Procedure: give roles, make
// accounts, set an administrator's password, take their factors, re-enable them, all by the token; make tokens with more than one has; take the
// role from, and disable, the last administrator: by themselves, by each other at the same moment, on two servers.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../support/api.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../support/postgres.ts';

const HOUR = 3_600_000;
const ADMINISTRATOR = [{ role: 'administrator', groups: 'all' }];
const databases = postgresMissing() === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);

describe.each(databases)('more than one has, on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let api: TestApi;
  let second: TestApi | undefined;
  let [root, rosa, narrow]: string[] = [];

  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    const databaseUrl = postgres?.createDatabase();
    const options = { config: 'signIn: { triesPerMinute: 1000 }', ...(databaseUrl === undefined ? {} : { databaseUrl }) };
    api = await startTestApi(options);
    // Another server of the same database; it need not be trusted by the same devices for this.
    second = databaseUrl === undefined ? undefined : await startTestApi(options);
    for (const name of ['root', 'rosa']) await api.account(name, 'administrator');
    await api.account('olga', 'operator');
    [root, rosa] = [await api.signIn('root'), await api.signIn('rosa')];
    const made = await api.ask('POST', '/api/v1/tokens', { token: root, body: { name: 'hr', bindings: ADMINISTRATOR, permissions: ['people.read', 'people.write'], validForMs: HOUR } });
    narrow = made.body['token'] as string;
  });
  afterAll(async () => {
    await second?.close();
    await api.close();
    await postgres?.close();
  });

  const post = (path: string, body: unknown, token: string | undefined, at: TestApi = api) => at.ask('POST', `/api/v1${path}`, { token, body });

  test('a narrowed token does what it was made for', async () => {
    expect((await api.ask('GET', '/api/v1/accounts', { token: narrow })).status).toBe(200);
    expect((await post('/persons', { name: 'New' }, narrow)).status).toBe(200);
    expect((await post('/accounts', { name: 'plain' }, narrow)).status).toBe(200);
    expect((await post('/accounts/plain/disable', {}, narrow)).status).toBe(200);
    for (const path of ['/devices', '/events', '/tokens', '/enroll-tokens', '/policies', '/metrics']) expect([path, (await api.ask('GET', path === '/metrics' ? path : `/api/v1${path}`, { token: narrow })).status]).toEqual([path, 404]);
  });

  test('and gives nobody, nor itself, more than that', async () => {
    for (const role of ['viewer', 'approver', 'operator', 'policy-author', 'administrator']) {
      expect((await post('/accounts', { name: `by-token-${role}`, bindings: [{ role, groups: 'all' }] }, narrow)).status).toBe(404);
      expect((await post('/accounts/plain/roles', { bindings: [{ role, groups: ['lab'] }] }, narrow)).status).toBe(404);
    }
    for (const [path, body] of [['password', { password: 'a new rope for me' }], ['unlink-factors', {}], ['disable', {}], ['enable', {}], ['roles', { bindings: [] }], ['person', { person: null }]] as const) {
      for (const account of ['root', 'olga']) expect([path, (await post(`/accounts/${account}/${path}`, body, narrow)).status]).toEqual([path, 404]);
    }
    expect((await post('/tokens', { name: 'child', bindings: ADMINISTRATOR, validForMs: HOUR }, narrow)).status).toBe(404);
    expect((await api.ask('GET', '/api/v1/whoami', { token: root })).status).toBe(200);
  });

  test('what only reads people writes none', async () => {
    await api.account(`vera-${kind}`, 'viewer');
    const viewer = await api.signIn(`vera-${kind}`);
    expect((await api.ask('GET', '/api/v1/accounts', { token: viewer })).status).toBe(200);
    for (const path of ['/accounts', '/persons', '/accounts/a-olga/roles', '/accounts/a-olga/password']) expect((await post(path, {}, viewer)).status).toBe(404);
  });

  test('the last administrator is not shut out: not by a role, not by being disabled, not without a way to sign in', async () => {
    expect((await post('/accounts/rosa/roles', { bindings: [{ role: 'administrator', groups: ['lab'] }] }, root)).status).toBe(200);
    for (const [path, body] of [['roles', { bindings: [] }], ['roles', { bindings: [{ role: 'administrator', groups: ['lab'] }] }], ['disable', {}]] as const) {
      const refused = await post(`/accounts/root/${path}`, body, root);
      expect([path, refused.status, refused.body['code']]).toEqual([path, 409, 'BELAY_E_CONFLICT']);
    }
    // Somebody who cannot sign in does not count.
    await post('/accounts', { name: 'ghost', bindings: ADMINISTRATOR }, root);
    await api.context.store.db.updateTable('accounts').set({ password_hash: '' }).where('name', '=', 'ghost').execute();
    expect((await post('/accounts/root/disable', {}, root)).status).toBe(409);
    expect((await api.ask('GET', '/api/v1/whoami', { token: root })).body['bindings']).toEqual(ADMINISTRATOR);
    expect((await post('/accounts/rosa/roles', { bindings: ADMINISTRATOR }, root)).status).toBe(200);
  });

  test('two who disable each other at the same moment: one of them stays', async () => {
    const there = second ?? api;
    for (let round = 0; round < 5; round++) {
      await api.context.store.db.updateTable('accounts').set({ disabled: 0 }).where('name', 'in', ['root', 'rosa']).execute();
      [root, rosa] = [await api.signIn('root'), await api.signIn('rosa')];
      const answers = await Promise.all([post('/accounts/rosa/disable', {}, root), post('/accounts/root/disable', {}, rosa, there)]);
      const open = await api.context.store.db.selectFrom('accounts').select('name').where('disabled', '=', 0).where('name', 'in', ['root', 'rosa']).execute();
      expect([round, open.length, answers.filter(({ status }) => status === 200).length]).toEqual([round, 1, 1]);
    }
  });
});
