// T-53. Attacker: somebody who has the victim's password and saw a code of the victim's app, or a recovery code, or kept what went over the
// wire. Set-up: an account with codes, whose owner has just signed in. Procedure: use the same code again, in the same step and after it, with
// the challenge that was used and with a new one; older codes; guess codes until the challenge is worth nothing; read the database.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PASSWORD, startTestApi, type TestApi } from '../support/api.ts';
import { openBrowser } from '../support/browser.ts';
import { setUpCodes, type TestApp } from '../support/factors.ts';

let api: TestApi;
let app: TestApp;
// It stands, in the middle of a step, until a test moves it.
let time = Math.floor(Date.now() / 30_000) * 30_000 + 15_000;
const now = () => time;

beforeAll(async () => {
  api = await startTestApi({ config: 'signIn: { triesPerMinute: 1000 }', clock: now });
  await api.account('victim', 'administrator');
  const browser = openBrowser(api);
  await browser.signIn('victim', PASSWORD);
  app = await setUpCodes(browser, now());
  time += 60_000;
});
afterAll(() => api.close());

const half = async (): Promise<string> => (await openBrowser(api).ask('POST', '/api/v1/session', { body: { name: 'victim', password: PASSWORD } })).body['challenge'] as string;
const give = async (challenge: string, code: string) => (await api.ask('POST', '/api/v1/session/totp', { body: { challenge, code } })).status;
const unlock = () => api.context.store.db.updateTable('accounts').set({ failed_logins: 0, locked_until: null }).execute();

test('a code that was used is worth nothing, nor is any older one, nor the challenge', async () => {
  const challenge = await half();
  const code = app.code(now());
  expect(await give(challenge, code)).toBe(200);
  expect(await give(challenge, code)).toBe(401);
  expect(await give(await half(), code)).toBe(401);
  expect(await give(await half(), app.code(now() - 30_000))).toBe(401);
  expect((await api.ask('POST', '/api/v1/login', { body: { name: 'victim', password: PASSWORD, code } })).status).toBe(401);
  await unlock();
  // The next one is good, early by a step; then it is spent, and so is the one of now.
  expect(await give(await half(), app.code(now() + 30_000))).toBe(200);
  time += 30_000;
  expect(await give(await half(), app.code(now()))).toBe(401);
  time += 30_000;
  expect(await give(await half(), app.code(now()))).toBe(200);
  await unlock();
});

test('a challenge takes five tries and ten minutes', async () => {
  time += 30_000;
  const challenge = await half();
  for (let count = 0; count < 5; count++) {
    await unlock();
    expect(await give(challenge, String(count).repeat(6))).toBe(401);
  }
  await unlock();
  expect(await give(challenge, app.code(now()))).toBe(401);
  await unlock();
  const late = await half();
  time += 11 * 60_000;
  expect(await give(late, app.code(now()))).toBe(401);
  expect(await give(await half(), app.code(now()))).toBe(200);
});

test('guesses lock the account like wrong passwords', async () => {
  await unlock();
  for (let count = 0; count < 6; count++) await give(await half(), '000000');
  time += 30_000 - 25_000;
  expect((await openBrowser(api).ask('POST', '/api/v1/session', { body: { name: 'victim', password: PASSWORD } })).status).toBe(401);
  await unlock();
});

test('the database alone makes no code: secrets are sealed, recovery codes hashed by a key that is not in it', async () => {
  const account = await api.context.store.db.selectFrom('accounts').selectAll().where('name', '=', 'victim').executeTakeFirstOrThrow();
  expect(Buffer.from(account.totp_secret as Uint8Array).includes(Buffer.from(app.secret))).toBe(false);
  const { createHash } = await import('node:crypto');
  const rows = await api.context.store.db.selectFrom('recovery_codes').select('code_hash').execute();
  const held = new Set(rows.map(({ code_hash: hash }) => Buffer.from(hash).toString('hex')));
  for (const code of app.recoveryCodes) {
    for (const form of [code, code.replaceAll('-', ''), code.replaceAll('-', '').toUpperCase()]) {
      for (const text of [form, `a-victim:${form}`]) expect(held.has(createHash('sha256').update(text).digest('hex'))).toBe(false);
    }
  }
});
