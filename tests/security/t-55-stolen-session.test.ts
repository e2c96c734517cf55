// T-55. Attacker: whoever has the cookie or token of a session (a screen left open, malware, a log) and wants to stay after it has ended. Set-up: an
// account that signed in twenty minutes ago. Procedure: add codes and passkeys, take the owner's away, change the password, make a service
// token that lasts; then look at what the owner can see and end.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PASSWORD, startTestApi, type TestApi } from '../support/api.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { addPasskey, setUpCodes } from '../support/factors.ts';

let api: TestApi;
let stolen: TestBrowser;
let passkey: string;
let offset = 0;

beforeAll(async () => {
  api = await startTestApi({ clock: () => Date.now() + offset });
  await api.account('victim', 'operator');
  stolen = openBrowser(api);
  await stolen.signIn('victim', PASSWORD);
  passkey = (await addPasskey(stolen, api.url)).id;
  await setUpCodes(stolen, Date.now());
  offset += 20 * 60_000;
});
afterAll(() => api.close());

test('an older session cannot change how its account signs in', async () => {
  const acts = [
    ['POST', '/api/v1/me/totp/start', {}], ['POST', '/api/v1/me/totp/confirm', { challenge: 'x', code: '123456' }], ['POST', '/api/v1/me/totp/remove', {}],
    ['POST', '/api/v1/me/passkeys/options', {}], ['DELETE', `/api/v1/me/passkeys/${passkey}`, undefined],
  ] as const;
  for (const [method, path, body] of acts) {
    const answer = await stolen.ask(method, path, body === undefined ? {} : { body });
    expect([path, answer.status, answer.body['code']]).toEqual([path, 403, 'BELAY_E_SIGN_IN_AGAIN']);
  }
  expect((await stolen.ask('POST', '/api/v1/me/password', { body: { current: 'guess', next: 'a longer rope for me' } })).body['code']).toBe('BELAY_E_SIGN_IN_AGAIN');
  expect((await stolen.ask('GET', '/api/v1/me/factors')).body).toMatchObject({ totp: true, recoveryCodes: 10, passkeys: [{ id: passkey }] });
});

test('guessing the password through it locks, like anywhere', async () => {
  for (let count = 0; count < 6; count++) await stolen.ask('POST', '/api/v1/me/password', { body: { current: `guess ${count}`, next: 'a longer rope for me' } });
  expect((await stolen.ask('POST', '/api/v1/me/password', { body: { current: PASSWORD, next: 'a longer rope for me' } })).status).toBe(403);
  await api.context.store.db.updateTable('accounts').set({ failed_logins: 0, locked_until: null }).execute();
});

test('it makes no service tokens, and its owner sees it and ends it', async () => {
  expect((await stolen.ask('POST', '/api/v1/tokens', { body: { name: 'stay', bindings: [{ role: 'operator', groups: 'all' }], validForMs: 3_600_000 } })).status).toBe(404);
  const { sessions } = (await stolen.ask('GET', '/api/v1/me/sessions')).body as { sessions: { id: string; current: boolean }[] };
  await stolen.ask('DELETE', `/api/v1/me/sessions/${sessions.find(({ current }) => current)?.id}`);
  expect((await stolen.ask('GET', '/api/v1/session')).status).toBe(401);
});
