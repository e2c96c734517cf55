import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PASSWORD, startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { openBrowser } from '../../../tests/support/browser.ts';
import { enrol } from '../../../tests/support/fleet.ts';
import { addPasskey, setUpCodes } from '../../../tests/support/factors.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { personOfAccount, personOfUser } from '../features/accounts/people.ts';

const databases = postgresMissing() === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);
type Named = { readonly id: string; readonly name: string };

describe.each(databases)('people on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let api: TestApi;
  let admin: string;
  let device: string;

  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    api = await startTestApi({ config: 'signIn: { triesPerMinute: 1000 }', ...(postgres === undefined ? {} : { databaseUrl: postgres.createDatabase() }) });
    await api.account('root', 'administrator');
    admin = await api.signIn('root');
    device = (await enrol(api, await api.token(), undefined, 'laptop-7')).id;
  });
  afterAll(async () => {
    await api.close();
    await postgres?.close();
  });

  const get = (path: string, token: string | undefined = admin) => api.ask('GET', `/api/v1${path}`, { token });
  const post = (path: string, body: unknown = {}, token: string | undefined = admin) => api.ask('POST', `/api/v1${path}`, { token, body });
  const person = async (name: string, more: object = {}) => (await post('/persons', { name, ...more })).body as unknown as Named & { users: unknown[] };
  const events = async (type: string) => (await api.context.store.db.selectFrom('events').select('summary').where('type', '=', type).orderBy('id').execute()).map(({ summary }) => summary);

  test('a person has accounts, users on devices and a manager', async () => {
    const boss = await person('Boss');
    const ada = await person('Ada', { email: 'ada@example.org', manager: boss.id, users: [{ user: 'ada', device: null }, { user: 'root', device: 'laptop-7' }] });
    expect(ada).toMatchObject({ id: expect.stringMatching(/^p-[a-z2-7]{16}$/), email: 'ada@example.org', manager: { id: boss.id, name: 'Boss' }, accounts: [], users: [{ user: 'ada', device: null }, { user: 'root', device: { id: device, name: 'laptop-7' } }] });
    const made = await post('/accounts', { name: 'ada', person: ada.id, bindings: [{ role: 'approver', groups: ['laptops'] }], password: PASSWORD });
    expect(made.body).toMatchObject({ password: null, account: { name: 'ada', person: { id: ada.id }, bindings: [{ role: 'approver', groups: ['laptops'], source: 'local' }], factors: { password: true, totp: false, passkeys: 0 } } });
    const { db } = api.context.store;
    const account = (made.body['account'] as Named).id;
    const expected = { id: ada.id, name: 'Ada', email: 'ada@example.org', managerId: boss.id };
    expect([await personOfAccount(db, account), await personOfUser(db, device, 'ada'), await personOfUser(db, 'd-other', 'ada'), await personOfUser(db, device, 'root')]).toEqual([expected, expected, expected, expected]);
    expect([await personOfUser(db, 'd-other', 'root'), await personOfUser(db, device, 'eve')]).toEqual([undefined, undefined]);
    expect((await get('/session', await api.signIn('ada'))).body).toMatchObject({ person: { id: ada.id, name: 'Ada' } });
    expect((await get(`/persons/${ada.id}`)).body).toMatchObject({ accounts: [{ id: account, name: 'ada' }] });
  });

  test('a user of a device is one person\'s; a link to the very device goes before one to all', async () => {
    const [one, two] = [await person('One'), await person('Two')];
    expect((await post(`/persons/${one.id}/users`, { add: [{ user: 'dev', device: null }] })).status).toBe(200);
    expect((await post(`/persons/${two.id}/users`, { add: [{ user: 'dev', device: 'laptop-7' }] })).status).toBe(200);
    const { db } = api.context.store;
    expect([(await personOfUser(db, device, 'dev'))?.name, (await personOfUser(db, 'd-x', 'dev'))?.name]).toEqual(['Two', 'One']);
    const refused = await post(`/persons/${two.id}/users`, { add: [{ user: 'fresh', device: null }, { user: 'dev', device: null }] });
    expect([refused.status, refused.body['code']]).toEqual([409, 'BELAY_E_CONFLICT']);
    expect((await get(`/persons/${two.id}`)).body['users']).toEqual([{ user: 'dev', device: { id: device, name: 'laptop-7' } }]);
    expect((await post(`/persons/${one.id}/users`, { remove: [{ user: 'dev', device: 'laptop-7' }] })).status).toBe(404);
    expect((await post(`/persons/${two.id}/users`, { add: [{ user: 'x', device: 'absent' }] })).status).toBe(404);
    expect((await post(`/persons/${one.id}/users`, { remove: [{ user: 'dev', device: null }] })).body['users']).toEqual([]);
    expect((await post(`/persons/${two.id}/users`, { add: [{ user: 'dev', device: null }] })).status).toBe(200);
    expect(await events('person.user-linked')).toContain(`by=root person=${one.id}`);
  });

  test('of two who link a user at the same moment one has it', async () => {
    const both = [await person('Left'), await person('Right')];
    const answers = await Promise.all(both.map(({ id }) => post(`/persons/${id}/users`, { add: [{ user: 'raced', device: null }] })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  });

  test('nobody is their own manager, by however many steps', async () => {
    const [a, b, c] = [await person('A'), await person('B'), await person('C')];
    expect((await post(`/persons/${b.id}`, { manager: a.id })).status).toBe(200);
    expect((await post(`/persons/${c.id}`, { manager: b.id })).status).toBe(200);
    for (const manager of [a.id, c.id]) expect((await post(`/persons/${a.id}`, { manager })).status).toBe(400);
    expect((await post(`/persons/${a.id}`, { manager: 'p-absent' })).status).toBe(400);
    expect((await post(`/persons/${b.id}`, { manager: null, name: 'Bee', email: null })).body).toMatchObject({ name: 'Bee', manager: null });
    expect((await events('person.updated')).at(-1)).toContain('name = Bee, manager = none');
    expect((await post(`/persons/${b.id}`, { name: 'Bee' })).status).toBe(200);
    expect((await events('person.updated')).filter((summary) => summary.includes(`person=${b.id}`))).toHaveLength(2);
  });

  test('lists are searched and paged', async () => {
    for (let at = 0; at < 7; at++) await person(`Zoe ${at}`, { users: [{ user: `zoe${at}`, device: null }] });
    const names: string[] = [];
    let cursor = '';
    do {
      const page = (await get(`/persons?search=zoe&limit=3${cursor}`)).body as { persons: Named[]; next: string | null };
      expect(page.persons.length).toBeLessThanOrEqual(3);
      names.push(...page.persons.map(({ name }) => name));
      cursor = page.next === null ? '' : `&cursor=${page.next}`;
    } while (cursor !== '');
    expect(names).toEqual(Array.from({ length: 7 }, (_, at) => `Zoe ${at}`));
    expect(((await get('/persons?search=ZOE3')).body['persons'] as Named[]).map(({ name }) => name)).toEqual(['Zoe 3']);
    expect(((await get('/persons?search=%25')).body['persons'] as Named[]).length).toBeGreaterThan(0);
    for (const wrong of ['cursor=x', 'cursor=WzFd', 'limit=0', 'limit=201', 'cursor=WyJhIiwxXQ']) expect((await get(`/persons?${wrong}`)).status).toBe(400);
  });

  test('a device has an owner', async () => {
    const owner = await person('Owner');
    expect((await post('/devices/laptop-7/owner', { person: owner.id })).body).toMatchObject({ id: device, owner: { id: owner.id, name: 'Owner' } });
    expect((await get('/devices')).body['devices']).toMatchObject([{ owner: { name: 'Owner' } }]);
    expect((await post('/devices/laptop-7/owner', { person: 'p-absent' })).status).toBe(400);
    expect((await post('/devices/laptop-7/owner', { person: null })).body['owner']).toBeNull();
  });

  test('an account is made with a password that is told once, and signs in with it', async () => {
    const made = await post('/accounts', { name: 'newcomer', bindings: [{ role: 'viewer', groups: 'all' }] });
    const password = made.body['password'] as string;
    expect(password).toMatch(/^[A-Za-z0-9_-]{20}$/);
    await openBrowser(api).signIn('newcomer', password);
    expect((await post('/accounts', { name: 'newcomer' })).body['code']).toBe('BELAY_E_CONFLICT');
    for (const name of ['', '-x', 'a b', 'a\nb', 'x'.repeat(65)]) expect([name, (await post('/accounts', { name })).status]).toEqual([name, 400]);
    expect((await post('/accounts', { name: 'weak', password: 'short' })).status).toBe(400);
    const reset = await post('/accounts/newcomer/password');
    expect(reset.body['password']).not.toBe(password);
    await openBrowser(api).signIn('newcomer', reset.body['password'] as string);
  });

  test('a disabled account is out at once, and in again when it is enabled', async () => {
    await api.account('dina', 'operator');
    const [browser, token] = [openBrowser(api), await api.signIn('dina')];
    await browser.signIn('dina', PASSWORD);
    expect((await post('/accounts/dina/disable')).body).toMatchObject({ disabled: true });
    expect([(await browser.ask('GET', '/api/v1/session')).status, (await get('/whoami', token)).status]).toEqual([401, 401]);
    expect((await post('/accounts/dina/enable')).body).toMatchObject({ disabled: false });
    expect([(await browser.ask('GET', '/api/v1/session')).status, (await get('/whoami', token)).status]).toEqual([401, 401]);
    await browser.signIn('dina', PASSWORD);
    expect([(await events('account.disabled')).at(-1), (await events('account.enabled')).at(-1)]).toEqual(['by=root account=dina', 'by=root account=dina']);
  });

  test('whoever lost every factor is let in with the password alone', async () => {
    await api.account('lost', 'viewer');
    const browser = openBrowser(api);
    await browser.signIn('lost', PASSWORD);
    await addPasskey(browser, api.url);
    await setUpCodes(browser, Date.now());
    expect((await get('/accounts/a-lost')).body).toMatchObject({ factors: { password: true, totp: true, passkeys: 1 } });
    expect((await post('/accounts/lost/unlink-factors')).body).toMatchObject({ factors: { password: true, totp: false, passkeys: 0 } });
    expect((await browser.ask('GET', '/api/v1/session')).status).toBe(401);
    await openBrowser(api).signIn('lost', PASSWORD);
    expect((await events('account.factor-removed')).slice(-2)).toEqual(['by=root account=lost factor=codes', 'by=root account=lost factor=passkey key']);
  });

  test('roles are given and taken, each with an event', async () => {
    await api.account('rollo', [{ role: 'viewer', groups: ['a', 'b'] }]);
    const set = (bindings: unknown) => post('/accounts/rollo/roles', { bindings });
    expect((await set([{ role: 'viewer', groups: ['b', 'a'] }, { role: 'approver', groups: ['a'] }])).body['bindings']).toEqual([{ role: 'approver', groups: ['a'], source: 'local' }, { role: 'viewer', groups: ['a', 'b'], source: 'local' }]);
    expect((await set([{ role: 'policy-author', groups: 'all' }])).body['bindings']).toEqual([{ role: 'policy-author', groups: 'all', source: 'local' }]);
    const told = [...(await events('role.given')), ...(await events('role.taken'))].filter((summary) => summary.includes('account=rollo'));
    expect(told).toEqual(['by=root account=rollo role=approver groups=a', 'by=root account=rollo role=policy-author groups=*', 'by=root account=rollo role=viewer groups=a b', 'by=root account=rollo role=approver groups=a']);
    for (const wrong of [[{ role: 'king', groups: 'all' }], [{ role: 'viewer', groups: [] }], [{ role: 'viewer', groups: ['*'] }], [{ role: 'viewer' }]]) expect((await set(wrong)).status).toBe(400);
  });

  test('the matrix of permissions is there for whoever is signed in', async () => {
    const { roles, permissions } = (await get('/permissions', await api.signIn('rollo'))).body as { roles: { role: string; permissions: string[] }[]; permissions: Named[] };
    expect(roles.map(({ role }) => role)).toEqual(['viewer', 'approver', 'operator', 'policy-author', 'administrator']);
    expect(roles.at(-1)?.permissions).toEqual(permissions.map(({ name }) => name));
  });
});
