import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { openBrowser, type TestBrowser } from '../../../tests/support/browser.ts';
import { enrol } from '../../../tests/support/fleet.ts';
import { signOn, startProvider, type TestProvider } from '../../../tests/support/oidc/provider.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { personOfAccount, personOfUser } from '../features/accounts/people.ts';

const databases = postgresMissing() === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);

describe.each(databases)('single sign-on at a real provider on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let provider: TestProvider;
  let api: TestApi;

  beforeAll(async () => {
    provider = await startProvider();
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    const entry = provider.entry('corp', `
label: Corporate account
claims: { deviceUser: device_user }
roles:
  - { group: soc, role: viewer }
  - { group: helpdesk, role: approver, devices: [laptops] }
  - { group: admins, role: administrator }
`);
    const config = `signIn: { triesPerMinute: 1000 }\noidc:\n${entry}`;
    api = await startTestApi({ config, ...(postgres === undefined ? {} : { databaseUrl: postgres.createDatabase() }) });
    await provider.serves(api.url, 'corp');
  });
  afterAll(async () => {
    await api.close();
    await provider.close();
    await postgres?.close();
  });

  const who = async (browser: TestBrowser) => (await browser.ask('GET', '/api/v1/session')).body;
  const events = async (type: string) => (await api.context.store.db.selectFrom('events').select('summary').where('type', '=', type).orderBy('id').execute()).map(({ summary }) => summary);

  test('it is offered, and nothing else of it is told', async () => {
    expect((await api.ask('GET', '/api/v1/sign-in')).body).toEqual({ oidc: [{ id: 'corp', label: 'Corporate account' }], passkeys: true });
  });

  test('the first time makes an account with the roles of its groups, and links the person to their user on devices', async () => {
    await provider.person('u-17', { preferred_username: 'alice', name: 'Alice Adams', email: 'alice@example.org', groups: ['helpdesk', 'unrelated'], device_user: 'aadams' });
    const browser = openBrowser(api);
    const page = await signOn(browser, provider, 'u-17', '?return=/requests');
    expect([page.status, page.type]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.text).toContain('<meta http-equiv="refresh" content="0; url=/requests">');
    expect(page.headers['content-security-policy']).toBe("default-src 'none'");
    expect(await who(browser)).toMatchObject({
      account: { name: 'alice' }, person: { name: 'Alice Adams' }, bindings: [{ role: 'approver', groups: ['laptops'] }], groups: ['helpdesk', 'unrelated'], secondFactors: [],
    });
    const { db } = api.context.store;
    const device = await enrol(api, await api.token());
    const account = await db.selectFrom('accounts').selectAll().where('name', '=', 'alice').executeTakeFirstOrThrow();
    expect(account).toMatchObject({ email: 'alice@example.org', password_hash: '' });
    expect(await personOfUser(db, device.id, 'aadams')).toEqual(await personOfAccount(db, account.id));
    expect(await personOfUser(db, device.id, 'alice')).toBeUndefined();
    expect(await events('account.created')).toContain('by=oidc:corp account=alice name=alice');
    expect(await events('role.given')).toContain('by=oidc:corp account=alice role=approver groups=laptops');
    expect(await events('admin.login')).toContainEqual(expect.stringContaining('by=alice how=oidc:corp'));
  });

  test('roles are what the claims say at each sign-on: gained, changed, lost', async () => {
    const rolesWith = async (groups: unknown): Promise<unknown> => {
      await provider.person('u-17', { preferred_username: 'alice', name: 'Alice Adams', groups, device_user: 'aadams' });
      const browser = openBrowser(api);
      await signOn(browser, provider, 'u-17');
      return (await who(browser))['bindings'];
    };
    expect(await rolesWith(['soc', 'admins'])).toEqual([{ role: 'viewer', groups: 'all' }, { role: 'administrator', groups: 'all' }]);
    expect(await rolesWith('soc')).toEqual([{ role: 'viewer', groups: 'all' }]);
    for (const gone of [[], undefined, 17, [['soc']], 'SOC']) expect(await rolesWith(gone)).toEqual([]);
    expect((await events('role.taken')).slice(0, 3)).toEqual([
      'by=oidc:corp account=alice role=approver groups=laptops', 'by=oidc:corp account=alice role=administrator groups=*', 'by=oidc:corp account=alice role=viewer groups=*',
    ]);
  });

  test('roles given here stay beside those of the directory', async () => {
    const { db } = api.context.store;
    const { id } = await db.selectFrom('accounts').select('id').where('name', '=', 'alice').executeTakeFirstOrThrow();
    await db.insertInto('role_bindings').values({ holder: id, role: 'operator', device_group: 'lab', source: 'local' }).execute();
    const browser = openBrowser(api);
    await signOn(browser, provider, 'u-17');
    expect((await who(browser))['bindings']).toEqual([{ role: 'operator', groups: ['lab'] }]);
  });

  test('a second account of the same human becomes the same person', async () => {
    await provider.person('u-99', { preferred_username: 'alice.admin', name: 'Alice (admin)', groups: ['admins'], device_user: 'aadams' });
    const [first, second] = [openBrowser(api), openBrowser(api)];
    await signOn(first, provider, 'u-17');
    await signOn(second, provider, 'u-99');
    const [one, two] = [await who(first), await who(second)];
    expect([(one['account'] as { name: string }).name, (two['account'] as { name: string }).name]).toEqual(['alice', 'alice.admin']);
    expect(two['person']).toEqual(one['person']);
  });

  test('an account that was disabled here does not come in through the provider', async () => {
    await provider.person('u-3', { preferred_username: 'bob', groups: ['soc'] });
    await signOn(openBrowser(api), provider, 'u-3');
    await api.context.store.db.updateTable('accounts').set({ disabled: 1 }).where('name', '=', 'bob').execute();
    const browser = openBrowser(api);
    const page = await signOn(browser, provider, 'u-3');
    expect([page.status, browser.cookies.has('__Host-belay'), page.text.includes('Not signed in')]).toEqual([401, false, true]);
  });

  test('it leads back to places of the console only', async () => {
    for (const to of ['//evil.example', '/\\evil.example', 'https://evil.example', '/%0d%0ax', 'javascript:alert(1)', '/a b']) {
      const status = (await api.ask('GET', `/api/v1/session/oidc/start?return=${encodeURIComponent(to)}`)).status;
      expect([to, status === 400 || to === '/%0d%0ax']).toEqual([to, true]);
    }
    const browser = openBrowser(api);
    expect((await signOn(browser, provider, 'u-17', `?return=${encodeURIComponent('/x"><script>')}`)).text).toContain('url=/x&#34;&#62;&#60;script&#62;');
  });
});
