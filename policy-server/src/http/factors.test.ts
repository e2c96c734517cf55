import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PASSWORD, startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { openBrowser, type TestBrowser } from '../../../tests/support/browser.ts';
import { addPasskey, passkeyAnswer, setUpCodes } from '../../../tests/support/factors.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';

const MINUTE = 60_000;
const databases = postgresMissing() === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);

describe.each(databases)('factors of signing in on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let api: TestApi;
  let offset = 0;
  const now = () => Date.now() + offset;

  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    api = await startTestApi({ config: 'signIn: { triesPerMinute: 1000 }', clock: now, ...(postgres === undefined ? {} : { databaseUrl: postgres.createDatabase() }) });
  });
  afterAll(async () => {
    await api.close();
    await postgres?.close();
  });

  async function signedIn(name: string): Promise<TestBrowser> {
    await api.account(name, 'viewer');
    const browser = openBrowser(api);
    await browser.signIn(name, PASSWORD);
    return browser;
  }
  const withPassword = (browser: TestBrowser, name: string) => browser.ask('POST', '/api/v1/session', { body: { name, password: PASSWORD } });
  const events = async (type: string) => (await api.context.store.db.selectFrom('events').select('summary').where('type', '=', type).orderBy('id').execute()).map(({ summary }) => summary);

  test('with an app set up a password alone opens nothing; with its code it does', async () => {
    const first = await signedIn('anna');
    const app = await setUpCodes(first, now());
    expect(app.recoveryCodes).toHaveLength(10);
    expect((await first.ask('GET', '/api/v1/me/factors')).body).toEqual({ password: true, totp: true, recoveryCodes: 10, passkeys: [] });
    const browser = openBrowser(api);
    const half = await withPassword(browser, 'anna');
    expect([half.status, half.body, browser.cookies.size]).toEqual([200, { needs: ['totp'], challenge: expect.any(String) }, 0]);
    const challenge = half.body['challenge'] as string;
    expect((await browser.ask('POST', '/api/v1/session/totp', { body: { challenge, code: '000000' } })).status).toBe(401);
    offset += 31_000;
    const whole = await browser.ask('POST', '/api/v1/session/totp', { body: { challenge, code: app.code(now()) } });
    expect([whole.status, whole.body['secondFactors'], browser.cookies.size]).toEqual([200, ['totp'], 1]);
    expect(await events('admin.login')).toContainEqual(expect.stringMatching(/by=anna how=password\+code peer=127\.0\.0\.1/));
  });

  test('belayctl\'s sign-in asks for the code and takes it', async () => {
    const app = await setUpCodes(await signedIn('cleo'), now());
    const login = (code?: string) => api.ask('POST', '/api/v1/login', { body: { name: 'cleo', password: PASSWORD, ...(code === undefined ? {} : { code }) } });
    const asked = await login();
    expect([asked.status, asked.body['code']]).toEqual([401, 'BELAY_E_SECOND_FACTOR']);
    expect((await login('123456')).body['code']).toBe('BELAY_E_UNAUTHENTICATED');
    offset += 31_000;
    const { token } = (await login(app.code(now()))).body as { token: string };
    expect((await api.ask('GET', '/api/v1/whoami', { token })).body).toMatchObject({ name: 'cleo' });
  });

  test('a recovery code stands for the app once, however it is typed', async () => {
    const app = await setUpCodes(await signedIn('rita'), now());
    const [code = ''] = app.recoveryCodes;
    const use = async (given: string) => {
      const browser = openBrowser(api);
      const { challenge } = (await withPassword(browser, 'rita')).body;
      return browser.ask('POST', '/api/v1/session/totp', { body: { challenge, code: given } });
    };
    const used = await use(code.toUpperCase().replaceAll('-', ' '));
    expect(used.status).toBe(200);
    expect((await use(code)).status).toBe(401);
    const left = await api.context.store.db.selectFrom('recovery_codes').selectAll().where('account_id', '=', 'a-rita').execute();
    expect(left.filter(({ used_at }) => used_at === null)).toHaveLength(9);
  });

  test('of two who use a code, or a challenge, at the same moment one gets in', async () => {
    const app = await setUpCodes(await signedIn('twin'), now());
    offset += 31_000;
    const halves = await Promise.all([1, 2, 3, 4].map(() => withPassword(openBrowser(api), 'twin')));
    const code = app.code(now());
    const answers = await Promise.all(halves.map(({ body }) => api.ask('POST', '/api/v1/session/totp', { body: { challenge: body['challenge'], code } })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('a passkey is the second factor, or all there is', async () => {
    const first = await signedIn('kim');
    const key = await addPasskey(first, api.url, 'Laptop');
    expect((await first.ask('GET', '/api/v1/me/factors')).body).toMatchObject({ passkeys: [{ id: key.id, name: 'Laptop', lastUsedAt: null }] });
    const second = openBrowser(api);
    const half = await withPassword(second, 'kim');
    expect(half.body).toMatchObject({ needs: ['passkey'] });
    // As a second factor it need not know whose finger it was.
    const { answer } = await passkeyAnswer(second, (options) => key.get(options, { userVerified: false }), half.body['challenge'] as string);
    expect([answer.status, (answer.body['account'] as { name: string } | undefined)?.name]).toEqual([200, 'kim']);
    const alone = openBrowser(api);
    expect((await passkeyAnswer(alone, (options) => key.get(options, { userVerified: false }))).answer.status).toBe(401);
    expect((await passkeyAnswer(alone, (options) => key.get(options))).answer.body).toMatchObject({ account: { name: 'kim' }, secondFactors: ['passkey'] });
    const logins = (await events('admin.login')).filter((summary) => summary.includes('by=kim'));
    expect(logins.map((summary) => /how=(\S+)/.exec(summary)?.[1])).toEqual(['password', 'password+passkey', 'passkey']);
    expect((await api.ask('POST', '/api/v1/login', { body: { name: 'kim', password: PASSWORD } })).body).toMatchObject({ code: 'BELAY_E_SECOND_FACTOR', detail: expect.stringContaining('passkey') });
    const listed = (await alone.ask('GET', '/api/v1/me/factors')).body['passkeys'] as { lastUsedAt: number | null }[];
    expect(listed[0]?.lastUsedAt).not.toBeNull();
    expect((await alone.ask('DELETE', `/api/v1/me/passkeys/${key.id}`)).status).toBe(200);
    expect((await passkeyAnswer(openBrowser(api), (options) => key.get(options))).answer.status).toBe(401);
    await openBrowser(api).signIn('kim', PASSWORD);
  });

  test('codes can be taken away again, and every change is on record', async () => {
    const browser = await signedIn('tess');
    await setUpCodes(browser, now());
    expect((await browser.ask('POST', '/api/v1/me/totp/remove', { body: {} })).body).toMatchObject({ totp: false, recoveryCodes: 0 });
    await openBrowser(api).signIn('tess', PASSWORD);
    expect((await events('account.factor-added')).at(-1)).toBe('by=tess account=tess factor=codes');
    expect((await events('account.factor-removed')).at(-1)).toBe('by=tess account=tess factor=codes');
  });

  test('a new password needs the old one, must be long, and ends every other session', async () => {
    const [here, there] = [await signedIn('paul'), openBrowser(api)];
    await there.signIn('paul', PASSWORD);
    const change = (current: string, next: string) => here.ask('POST', '/api/v1/me/password', { body: { current, next } });
    expect((await change('wrong', 'a longer rope for all')).body['code']).toBe('BELAY_E_SIGN_IN_AGAIN');
    for (const weak of ['short', 'paul paul paul', 'aaaaaaaaaaaaaaaa', 'abcabcabcabcabc']) expect([weak, (await change(PASSWORD, weak)).status]).toEqual([weak, 400]);
    expect((await change(PASSWORD, 'a longer rope for all')).status).toBe(200);
    expect([(await here.ask('GET', '/api/v1/session')).status, (await there.ask('GET', '/api/v1/session')).status]).toEqual([200, 401]);
    expect((await withPassword(openBrowser(api), 'paul')).status).toBe(401);
    await openBrowser(api).signIn('paul', 'a longer rope for all');
    offset += 20 * MINUTE;
  });
});
