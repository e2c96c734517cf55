// T-54. Attacker: whoever guesses passwords and, to be counted as many, names another address in X-Forwarded-For with each try. Set-up: a
// server without a proxy, one whose proxy is somewhere else, one whose proxy is the caller. Procedure: try often, with a new address in every
// header that proxies write; look at the limit and at the address that goes on record.
import { describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../support/api.ts';

const TRIES = 6;
const HEADERS = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'x-client-ip', 'cf-connecting-ip', 'true-client-ip'];

/** No try comes back while a test goes on. */
const standing = (): (() => number) => {
  const now = Date.now();
  return () => now;
};

async function tries(api: TestApi, headers: readonly string[]): Promise<readonly number[]> {
  const statuses: number[] = [];
  for (let attempt = 1; attempt <= TRIES * 2; attempt++) {
    const claimed = `203.0.113.${attempt}`;
    const forwarded = Object.fromEntries(headers.map((name) => [name, name === 'forwarded' ? `for=${claimed}` : claimed]));
    statuses.push((await api.ask('POST', '/api/v1/session', { body: { name: 'nobody', password: 'x' }, headers: forwarded })).status);
  }
  return statuses;
}

async function peersOnRecord(api: TestApi): Promise<ReadonlySet<string>> {
  const token = await api.context.store.db.selectFrom('events').select('summary').where('type', '=', 'admin.login-failed').execute();
  return new Set(token.map(({ summary }) => /peer=(\S+)/.exec(summary)?.[1] ?? ''));
}

describe('without a proxy of ours the socket\'s address is the caller', () => {
  test.each([['no proxy', ''], ['a proxy elsewhere', 'proxy: { trusted: [192.0.2.0/24, "2001:db8::1"] }']])('%s', async (_title, config) => {
    const api = await startTestApi({ clock: standing(), config: `signIn: { triesPerMinute: ${TRIES} }\n${config}` });
    try {
      expect(await tries(api, HEADERS)).toEqual([...Array<number>(TRIES).fill(401), ...Array<number>(TRIES).fill(429)]);
      expect(await peersOnRecord(api)).toEqual(new Set(['127.0.0.1']));
    } finally {
      await api.close();
    }
  });
});

test('a proxy of ours says who called, by X-Forwarded-For and by nothing else', async () => {
  const api = await startTestApi({ clock: standing(), config: `signIn: { triesPerMinute: ${TRIES} }\nproxy: { trusted: [127.0.0.1] }` });
  try {
    expect(await tries(api, ['x-forwarded-for'])).toEqual(Array<number>(TRIES * 2).fill(401));
    expect(await peersOnRecord(api)).toEqual(new Set(Array.from({ length: TRIES * 2 }, (_, at) => `203.0.113.${at + 1}`)));
    expect((await tries(api, HEADERS.filter((name) => name !== 'x-forwarded-for'))).slice(TRIES)).toEqual(Array<number>(TRIES).fill(429));
    // What the caller wrote before the proxy added its own is not believed: the last address is the proxy's word.
    const spoofed = await api.ask('POST', '/api/v1/session', { body: { name: 'nobody', password: 'x' }, headers: { 'x-forwarded-for': '198.51.100.1, 203.0.113.99' } });
    expect(spoofed.status).toBe(401);
    expect(await peersOnRecord(api)).toContain('203.0.113.99');
    expect(await peersOnRecord(api)).not.toContain('198.51.100.1');
  } finally {
    await api.close();
  }
});
