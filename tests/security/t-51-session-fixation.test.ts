// T-51. Attacker: somebody who can put a cookie into the victim's browser (a borrowed machine, a neighbouring host) and waits for the victim
// to sign in with it. Set-up: a session of the attacker's own, and made-up secrets. Procedure: sign in as the victim while the browser carries
// them; see whether any of them is signed in afterwards; look at what is kept of secrets.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PASSWORD, startTestApi, type TestApi } from '../support/api.ts';
import { openBrowser } from '../support/browser.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  for (const name of ['victim', 'mallory']) await api.account(name, 'viewer');
});
afterAll(() => api.close());

const whoHas = async (secret: string) => {
  const answer = await api.ask('GET', '/api/v1/session', { headers: { cookie: `__Host-belay=${secret}` } });
  return answer.status === 200 ? (answer.body['account'] as { name: string }).name : answer.status;
};

test('whatever secret the browser came with, the session that is opened has another', async () => {
  const attacker = openBrowser(api);
  await attacker.signIn('mallory', PASSWORD);
  const planted = attacker.cookies.get('__Host-belay') as string;
  for (const secret of [planted, 'blt_AAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'x']) {
    const browser = openBrowser(api);
    browser.cookies.set('__Host-belay', secret);
    await browser.signIn('victim', PASSWORD);
    const own = browser.cookies.get('__Host-belay') as string;
    expect(own).not.toBe(secret);
    expect([await whoHas(own), await whoHas(secret)]).toEqual(['victim', 401]);
  }
});

test('each sign-in has a secret of its own, and the database none of them', async () => {
  const secrets = new Set<string>();
  for (let count = 0; count < 5; count++) {
    const browser = openBrowser(api);
    await browser.signIn('victim', PASSWORD);
    secrets.add(browser.cookies.get('__Host-belay') as string);
  }
  expect(secrets.size).toBe(5);
  const rows = JSON.stringify(await api.context.store.db.selectFrom('api_tokens').selectAll().execute());
  for (const secret of secrets) expect(rows).not.toContain(secret.split('.')[1]);
});
