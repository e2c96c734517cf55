// T-57. Attacker: somebody with an account at the provider who wants to be somebody else here; a page that wants the victim signed in as the
// attacker; a second provider that is not as honest. Set-up: a server with two real providers and a local account. Procedure: end a sign-on in
// another browser than it began in; use code and state twice; change state; bring one provider's answer to the other's address; choose the name
// of a local account, or of somebody at the other provider; have the client secret wrong; sign on at a provider that is not reachable.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../support/api.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { signOn, startProvider, type TestProvider } from '../support/oidc/provider.ts';

let api: TestApi;
let [corp, other]: TestProvider[] = [];

beforeAll(async () => {
  [corp, other] = await Promise.all([startProvider(), startProvider()]);
  const rest = 'label: x\nroles: [{ group: admins, role: administrator }]';
  const entries = [corp.entry('corp', rest), other.entry('other', rest), corp.entry('broken', rest, { secret: 'wrong' }), corp.entry('gone', rest).replace(corp.issuer, 'http://localhost:1')];
  const config = `signIn: { triesPerMinute: 1000 }\noidc:\n${entries.join('')}`;
  api = await startTestApi({ config });
  await api.account('root', 'administrator');
  await corp.serves(api.url, 'corp');
  await other.serves(api.url, 'other');
  await corp.person('v', { preferred_username: 'victim', groups: ['admins'] });
  await corp.person('m', { preferred_username: 'mallory', groups: [] });
});
afterAll(async () => {
  await api.close();
  await Promise.all([corp?.close(), other?.close()]);
});

const begin = async (browser: TestBrowser, provider: TestProvider, person: string, id = 'corp') => {
  const start = await browser.ask('GET', `/api/v1/session/oidc/start?provider=${id}`);
  return provider.signIn(start.headers.location as string, person);
};
const isIn = (browser: TestBrowser) => browser.cookies.has('__Host-belay');

test('it ends in the browser it began in, once', async () => {
  const [mine, victims] = [openBrowser(api), openBrowser(api)];
  const back = await begin(mine, corp as TestProvider, 'm');
  // Who has begun a sign-on of their own at the same time, too.
  await victims.ask('GET', '/api/v1/session/oidc/start?provider=corp');
  // The attacker's answer in the victim's browser: they would be signed in as the attacker.
  expect((await victims.ask('GET', `${back.pathname}${back.search}`)).status).toBe(401);
  expect(isIn(victims)).toBe(false);
  // That try has spent it, for the attacker as well.
  expect((await mine.ask('GET', `${back.pathname}${back.search}`)).status).toBe(401);
  const again = await begin(mine, corp as TestProvider, 'm');
  expect((await mine.ask('GET', `${again.pathname}${again.search}`)).status).toBe(200);
  expect((await mine.ask('GET', `${again.pathname}${again.search}`)).status).toBe(401);
});

test('state and code are taken as they were given', async () => {
  for (const change of [(url: URL) => url.searchParams.set('state', 'AAAA'), (url: URL) => url.searchParams.delete('state'), (url: URL) => url.searchParams.set('code', 'AAAA'), (url: URL) => url.searchParams.delete('code'), (url: URL) => url.searchParams.set('iss', 'https://evil.example')]) {
    const browser = openBrowser(api);
    const back = await begin(browser, corp as TestProvider, 'm');
    change(back);
    expect([back.search, (await browser.ask('GET', `${back.pathname}${back.search}`)).status, isIn(browser)]).toEqual([back.search, 401, false]);
  }
});

test('one provider\'s answer is worth nothing at another\'s address', async () => {
  const browser = openBrowser(api);
  const back = await begin(browser, other as TestProvider, 'm', 'other');
  expect((await browser.ask('GET', `${back.pathname.replace('other', 'corp')}${back.search}`)).status).toBe(401);
  expect(isIn(browser)).toBe(false);
});

test('a name chosen at a provider opens nobody\'s account: not a local one, not another provider\'s', async () => {
  await signOn(openBrowser(api), corp as TestProvider, 'v', '?provider=corp');
  await (other as TestProvider).person('v', { preferred_username: 'root', groups: [] });
  await (other as TestProvider).person('w', { preferred_username: 'victim', groups: [] });
  await (other as TestProvider).person('x', { preferred_username: '<b>\u0000', groups: [] });
  const seen: unknown[] = [];
  for (const person of ['v', 'w', 'x']) {
    const browser = openBrowser(api);
    await signOn(browser, other as TestProvider, person, '?provider=other');
    const { account, permissions } = (await browser.ask('GET', '/api/v1/session')).body as { account: { name: string }; permissions: string[] };
    seen.push([account.name, permissions]);
  }
  expect(seen).toEqual([['root@other', []], ['victim@other', []], ['x', []]]);
  // The same subject elsewhere is somebody else, and later signs on as itself.
  const accounts = await api.context.store.db.selectFrom('identities').select(['issuer', 'subject', 'account_id']).where('subject', '=', 'v').execute();
  expect(new Set(accounts.map(({ account_id: id }) => id)).size).toBe(2);
});

test('a client secret that is wrong, and a provider that is away, let nobody in and say no more', async () => {
  const browser = openBrowser(api);
  await corp?.serves(api.url, 'broken');
  const back = await begin(browser, corp as TestProvider, 'v', 'broken');
  const page = await browser.ask('GET', `${back.pathname}${back.search}`);
  expect([page.status, isIn(browser), page.text.includes('secret')]).toEqual([401, false, false]);
  expect((await browser.ask('GET', '/api/v1/session/oidc/start?provider=gone')).status).toBe(503);
  expect((await browser.ask('GET', '/api/v1/session/oidc/start?provider=absent')).status).toBe(404);
  // Of several none is meant by saying nothing.
  expect((await browser.ask('GET', '/api/v1/session/oidc/start')).status).toBe(404);
});
