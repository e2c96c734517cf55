// T-30. Attacker: somebody signed in with a small role, or with none, who guesses ids and names, lets them climb out of their place, or asks for what
// they may not see. Set-up: a server with devices, people, accounts, tokens and sessions of others. Procedure: ask every route that takes an id for
// one that is there, one that is not, and ones made to traverse or to be taken for SQL; compare the answers byte by byte.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ACCESS, type RouteName } from '../../policy-server/src/http/access.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { enrol } from '../support/fleet.ts';

let api: TestApi;
let [nobody, admin]: string[] = [];
const there: string[] = [];

beforeAll(async () => {
  api = await startTestApi();
  await api.account('root', 'administrator');
  await api.account('nobody', []);
  [nobody, admin] = [await api.signIn('nobody'), await api.signIn('root')];
  const made = async (path: string, body: unknown) => (await api.ask('POST', `/api/v1${path}`, { token: admin, body })).body;
  const device = await enrol(api, await api.token(), undefined, 'a-device');
  const person = (await made('/persons', { name: 'Ada' }))['id'] as string;
  const token = ((await made('/tokens', { name: 'ci', bindings: [{ role: 'viewer', groups: 'all' }], validForMs: 60_000 }))['info'] as { id: string }).id;
  const { sessions } = (await api.ask('GET', '/api/v1/me/sessions', { token: admin })).body as { sessions: { id: string }[] };
  there.push(device.id, 'a-device', person, token, 'root', 'a-root', sessions[0]?.id as string);
});
afterAll(() => api.close());

const GUESSES = [
  'absent', '0', '-1', 'null', '%00', '..', '.', '%2e%2e%2f%2e%2e', '..%2f..%2fetc%2fpasswd', 'a%2fb', "'%20or%20'1'='1", "x';drop%20table%20accounts;--", '%25', '_', '*', '%F0%9F%92%A5', '%ff', 'x'.repeat(300), '%0d%0aset-cookie:x',
];

const withId = (Object.keys(ACCESS) as RouteName[]).filter((name) => /:(id|device|name)/.test(name) && ACCESS[name] !== 'anyone');
const plain = ({ status, body }: { readonly status: number; readonly body: Record<string, unknown> }) => ({ status, body: { ...body, request: '' } });

test('whoever may not see a thing cannot tell it from one that is not there', async () => {
  const absent = plain(await api.ask('GET', '/api/v1/nothing-here', { token: nobody }));
  expect(absent.status).toBe(404);
  for (const name of withId) {
    const [method, path] = name.split(' ') as [string, string];
    // Own sessions and keys are one's own to name: others' are absent.
    for (const id of [...there, 'absent']) {
      const answer = await api.ask(method, path.replace(/:[a-z]+/, id), { token: nobody, ...(method === 'POST' ? { body: {} } : {}) });
      expect([name, id, plain(answer)]).toEqual([name, id, name.includes('/me/passkeys/') ? plain(answer) : absent]);
      expect([name, id, answer.status]).toEqual([name, id, 404]);
    }
  }
});

test('no guess reaches anything, breaks anything, or is answered with more than a refusal, even to an administrator', async () => {
  for (const name of withId) {
    const [method, path] = name.split(' ') as [string, string];
    for (const guess of GUESSES) {
      const answer = await api.ask(method, path.replace(/:[a-z]+/, guess), { token: admin, ...(method === 'POST' ? { body: {} } : {}) });
      // A path that climbs is another path: perhaps a list, read with the same rights.
      expect([name, guess, [400, 401, 404, 409].includes(answer.status) || (answer.status === 200 && method === 'GET' && guess.startsWith('.'))]).toEqual([name, guess, true]);
      // Ids of requests are random letters.
      expect(JSON.stringify({ ...answer.body, request: '' })).not.toMatch(/sqlite|\bsql\b|stack|node_modules|at \/|syntax/i);
      expect(answer.headers['set-cookie']).toBeUndefined();
    }
  }
  expect((await api.ask('GET', '/api/v1/accounts', { token: admin })).status).toBe(200);
});
