// T-56. Attacker: somebody with a passkey of their own and the victim's password; a phishing site; somebody who kept an answer of the victim's
// key, or has a copy of the key. Set-up: two accounts with a passkey each. Procedure: answer the victim's second factor with one's own key; sign in
// through another origin or for another name; give a kept answer again; count backwards; make a key of one's own under the victim's challenge.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PASSWORD, startTestApi, type TestApi } from '../support/api.ts';
import { createAuthenticator, type Falsehoods, type TestAuthenticator } from '../support/authenticator.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { addPasskey, passkeyAnswer } from '../support/factors.ts';

let api: TestApi;
let [victim, mallory]: TestAuthenticator[] = [];
const browsers: Record<string, TestBrowser> = {};

beforeAll(async () => {
  api = await startTestApi({ config: 'signIn: { triesPerMinute: 1000 }' });
  const made: TestAuthenticator[] = [];
  for (const name of ['victim', 'mallory']) {
    await api.account(name, 'administrator');
    const browser = openBrowser(api);
    await browser.signIn(name, PASSWORD);
    browsers[name] = browser;
    made.push(await addPasskey(browser, api.url));
  }
  [victim, mallory] = made;
});
afterAll(() => api.close());

const unlock = () => api.context.store.db.updateTable('accounts').set({ failed_logins: 0, locked_until: null }).execute();
const half = async (name: string) => (await api.ask('POST', '/api/v1/session', { body: { name, password: PASSWORD } })).body['challenge'] as string;

test('another account\'s key is no second factor of this one', async () => {
  const { answer } = await passkeyAnswer(openBrowser(api), (options) => (mallory as TestAuthenticator).get(options), await half('victim'));
  expect([answer.status, answer.headers['set-cookie']]).toEqual([401, undefined]);
  // Nor with the victim's own id on it.
  const forged = await passkeyAnswer(openBrowser(api), (options) => ({ ...(mallory as TestAuthenticator).get(options), id: (victim as TestAuthenticator).id, rawId: (victim as TestAuthenticator).id }), await half('victim'));
  expect(forged.answer.status).toBe(401);
});

test('what a phishing site or a weaker check gets is not taken', async () => {
  const lies: readonly Falsehoods[] = [{ origin: 'https://be1ay.example.org' }, { origin: api.url.replace('https', 'http') }, { rpId: 'example.org' }, { userVerified: false }, { challenge: 'AAAA' }, { type: 'webauthn.create' }];
  for (const lie of lies) {
    await unlock();
    expect([lie, (await passkeyAnswer(openBrowser(api), (options) => (victim as TestAuthenticator).get(options, lie))).answer.status]).toEqual([lie, 401]);
  }
  await unlock();
  expect((await passkeyAnswer(openBrowser(api), (options) => (victim as TestAuthenticator).get(options))).answer.status).toBe(200);
});

test('an answer counts once, and a copy of the key that counts behind is refused', async () => {
  const first = await passkeyAnswer(openBrowser(api), (options) => (victim as TestAuthenticator).get(options, { counter: 50 }));
  expect(first.answer.status).toBe(200);
  expect((await api.ask('POST', '/api/v1/session/passkey/finish', { body: first.body })).status).toBe(401);
  for (const counter of [50, 49, 1]) {
    await unlock();
    expect((await passkeyAnswer(openBrowser(api), (options) => (victim as TestAuthenticator).get(options, { counter }))).answer.status).toBe(401);
  }
  await unlock();
  expect((await passkeyAnswer(openBrowser(api), (options) => (victim as TestAuthenticator).get(options, { counter: 51 }))).answer.status).toBe(200);
});

test('a key is added to the account that asked for it, and to no second one', async () => {
  const [mine, theirs] = [browsers['mallory'] as TestBrowser, browsers['victim'] as TestBrowser];
  const asked = (await theirs.ask('POST', '/api/v1/me/passkeys/options', { body: {} })).body as unknown as { challenge: string; options: { challenge: string } };
  const own = createAuthenticator(api.url);
  expect((await mine.ask('POST', '/api/v1/me/passkeys/add', { body: { challenge: asked.challenge, name: 'x', response: own.create(asked.options) } })).status).toBe(400);
  const again = (await mine.ask('POST', '/api/v1/me/passkeys/options', { body: {} })).body as unknown as { challenge: string; options: { challenge: string } };
  expect((await mine.ask('POST', '/api/v1/me/passkeys/add', { body: { challenge: again.challenge, name: 'x', response: (victim as TestAuthenticator).create(again.options) } })).body['code']).toBe('BELAY_E_CONFLICT');
  for (const broken of [{}, { id: 'x' }, { id: 'x', rawId: 'x', type: 'public-key', response: {} }, { id: (victim as TestAuthenticator).id, rawId: 'x', type: 'public-key', response: { authenticatorData: 'AAAA' } }]) {
    const { challenge } = (await openBrowser(api).ask('POST', '/api/v1/session/passkey/options', { body: {} })).body;
    expect([400, 401]).toContain((await api.ask('POST', '/api/v1/session/passkey/finish', { body: { challenge, response: broken } })).status);
  }
});
