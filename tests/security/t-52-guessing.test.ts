// T-52. Attacker: whoever can reach the console and guesses: which names exist, then passwords, from one address or from many. Set-up: a server
// with an account, a disabled one and none; a proxy that gives each try an address of its own. Procedure: compare what is answered for each,
// and how long it takes; guess until the account is locked, many at once; then give the right password.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PASSWORD, startTestApi, type TestApi } from '../support/api.ts';

const MINUTE = 60_000;
let api: TestApi;
let offset = 0;
let frozen: number | undefined;
let address = 0;

beforeAll(async () => {
  api = await startTestApi({ config: 'proxy: { trusted: [127.0.0.1] }', clock: () => frozen ?? Date.now() + offset });
  for (const name of ['alice', 'bob', 'carol']) await api.account(name, 'administrator');
  await api.context.store.db.updateTable('accounts').set({ disabled: 1 }).where('name', '=', 'carol').execute();
});
afterAll(() => api.close());

const guess = (path: string, name: string, password: string) => {
  address++;
  return api.ask('POST', `/api/v1/${path}`, { body: { name, password }, headers: { 'x-forwarded-for': `10.0.${address >> 8}.${address & 255}` } });
};
const plain = ({ status, body, headers }: Awaited<ReturnType<typeof guess>>) => ({ status, body: { ...body, request: '' }, cookie: headers['set-cookie'] });

test.each(['login', 'session'])('%s: wrong, absent, disabled and locked answer alike', async (path) => {
  const absent = plain(await guess(path, 'nobody', PASSWORD));
  expect(absent).toMatchObject({ status: 401, body: { code: 'BELAY_E_UNAUTHENTICATED' }, cookie: undefined });
  for (const [name, password] of [['bob', 'wrong'], ['carol', PASSWORD], ['carol', 'wrong'], ['', 'x'], ['bob\u0000', PASSWORD], ['a-bob', PASSWORD]] as const) {
    const answer = plain(await guess(path, name, password));
    if (answer.status !== 400) expect([name, answer]).toEqual([name, absent]);
  }
});

test('an absent name takes as long as one that is there', async () => {
  const elapsedMs = async (name: string): Promise<number> => {
    const began = performance.now();
    await guess('session', name, 'wrong');
    return performance.now() - began;
  };
  // One after the other: what else the machine does slows both.
  const ratios: number[] = [];
  for (let count = 0; count < 9; count++) ratios.push((await elapsedMs('nobody')) / (await elapsedMs('bob')));
  // The derivation dominates both; without it an absent name takes a tenth.
  expect(ratios.toSorted((a, b) => a - b)[4]).toBeGreaterThan(0.5);
  offset += 60 * MINUTE;
});

test('guessing locks the account, from however many addresses and however many at once; the lock grows, and ends', async () => {
  await Promise.all(Array.from({ length: 12 }, (_, at) => guess(at % 2 === 0 ? 'login' : 'session', 'alice', `guess ${at}`)));
  const row = await api.context.store.db.selectFrom('accounts').selectAll().where('name', '=', 'alice').executeTakeFirstOrThrow();
  expect(row.failed_logins).toBeGreaterThanOrEqual(5);
  expect((await guess('session', 'alice', PASSWORD)).status).toBe(401);
  offset += 16 * MINUTE;
  expect((await guess('session', 'alice', 'wrong again')).status).toBe(401);
  const locked = await api.context.store.db.selectFrom('accounts').select('locked_until').where('name', '=', 'alice').executeTakeFirstOrThrow();
  expect(locked.locked_until as number).toBeGreaterThan(api.context.clock());
  expect((await guess('session', 'alice', PASSWORD)).status).toBe(401);
  offset += 16 * MINUTE;
  expect((await guess('session', 'alice', PASSWORD)).status).toBe(200);
  const events = await api.context.store.db.selectFrom('events').select(['type', 'summary']).where('type', '=', 'account.locked').execute();
  expect(events.some(({ summary }) => summary.includes('account=alice'))).toBe(true);
});

test('one address has thirty tries a minute, whatever it tries', async () => {
  frozen = api.context.clock();
  const statuses: number[] = [];
  for (let attempt = 0; attempt < 40; attempt++) {
    statuses.push((await api.ask('POST', `/api/v1/${attempt % 2 === 0 ? 'login' : 'session'}`, { body: { name: `nobody${attempt}`, password: 'x' }, headers: { 'x-forwarded-for': '192.0.2.1' } })).status);
  }
  expect(statuses.map((status) => status === 429)).toEqual([...Array<boolean>(30).fill(false), ...Array<boolean>(10).fill(true)]);
});
