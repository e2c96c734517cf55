// T-50. Attacker: a page of another site, open in the browser of an administrator who is signed in to the console. Set-up: a server, an
// administrator's session in a cookie. Procedure: send what a foreign page can make a browser send: the cookie without the CSRF header, with a
// guessed one, with that of another session, as a form, as text; then reads that say they come from another site.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PASSWORD, startTestApi, type TestApi } from '../support/api.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';

let api: TestApi;
let [victim, other]: TestBrowser[] = [];

beforeAll(async () => {
  api = await startTestApi();
  for (const name of ['root', 'rosa']) await api.account(name, 'administrator');
  [victim, other] = [openBrowser(api), openBrowser(api)];
  await victim.signIn('root', PASSWORD);
  await other.signIn('rosa', PASSWORD);
});
afterAll(() => api.close());

const cookie = () => `__Host-belay=${(victim as TestBrowser).cookies.get('__Host-belay')}`;
const tokens = async () => ((await (victim as TestBrowser).ask('GET', '/api/v1/tokens')).body['tokens'] as { kind: string }[]).filter(({ kind }) => kind === 'service').length;
const MAKE = { name: 'mine', bindings: [{ role: 'administrator', groups: 'all' }], validForMs: 3_600_000 };

test('nothing is changed without the header that only the own page knows', async () => {
  const right = victim?.csrf as string;
  const guesses = [undefined, '', 'x', right.slice(0, -1), `${right}x`, `${right.slice(0, -1)}${right.endsWith('A') ? 'B' : 'A'}`, other?.csrf as string, right.toUpperCase()];
  for (const guess of guesses) {
    const answer = await api.ask('POST', '/api/v1/tokens', { body: MAKE, headers: { cookie: cookie(), ...(guess === undefined ? {} : { 'x-belay-csrf': guess }) } });
    expect([guess, answer.status, answer.body['code']]).toEqual([guess, 403, 'BELAY_E_CSRF']);
  }
  for (const [method, path] of [['DELETE', '/api/v1/session'], ['POST', '/api/v1/logout'], ['POST', '/api/v1/policies/test']] as const) {
    expect([path, (await api.ask(method, path, { headers: { cookie: cookie() }, ...(method === 'POST' ? { body: {} } : {}) })).status]).toEqual([path, 403]);
  }
  expect(await tokens()).toBe(0);
  expect((await (victim as TestBrowser).ask('POST', '/api/v1/tokens', { body: MAKE })).status).toBe(200);
  expect(await tokens()).toBe(1);
});

test('forms and plain text are not taken for JSON: nobody is signed in to another\'s account unawares', async () => {
  const content = JSON.stringify({ name: 'root', password: PASSWORD });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const answer = await api.ask('POST', '/api/v1/session', { raw: content, headers: { 'content-type': type } });
    expect([type, answer.status >= 400 && answer.status < 500, answer.headers['set-cookie']]).toEqual([type, true, undefined]);
  }
});

test('the cookie counts for nothing in a request that says it comes from another site', async () => {
  for (const site of ['cross-site', 'same-site']) {
    expect((await api.ask('GET', '/api/v1/session', { headers: { cookie: cookie(), 'sec-fetch-site': site } })).status).toBe(401);
  }
  for (const site of ['same-origin', 'none']) expect((await api.ask('GET', '/api/v1/session', { headers: { cookie: cookie(), 'sec-fetch-site': site } })).status).toBe(200);
});

test('no answer invites another site to read it', async () => {
  const answer = await api.ask('GET', '/api/v1/session', { headers: { cookie: cookie(), origin: 'https://evil.example' } });
  expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  expect(answer.headers['cache-control']).toBe('no-store');
});
