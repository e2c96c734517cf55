// T-30. Attacker: an approver for one group of devices. Set-up: a request, a grant and a proposal of a device of another group. Procedure: their
// ids are guessed, changed, and made to climb, on every route: the answer is the one to what does not exist.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Answered, startTestApi, type TestApi } from '../support/api.ts';
import { type AskingDevice, askingDevice, filed } from '../support/requests.ts';

let api: TestApi;
let laptop: AskingDevice;
const tokens: Record<string, string> = {};
const withoutRequest = ({ status, body }: Answered): unknown => ({ status, ...body, request: 'some id' });

beforeAll(async () => {
  api = await startTestApi();
  await api.account('near', [{ role: 'approver', groups: ['office'] }]);
  await api.account('far', [{ role: 'approver', groups: ['factory'] }, { role: 'administrator', groups: ['factory'] }]);
  for (const who of ['near', 'far']) tokens[who] = await api.signIn(who);
  laptop = await askingDevice(api, { groups: ['office'] });
});
afterAll(async () => {
  laptop.close();
  await api.close();
});

const ask = (method: string, path: string, who: string, body?: unknown): Promise<Answered> => api.ask(method, `/api/v1${path}`, { token: tokens[who], ...(body === undefined ? {} : { body }) });

test('what is out of reach, what does not exist and what is no id are one answer; lists are without it', async () => {
  await laptop.upload(filed({ number: 1 }), filed({ number: 2 }));
  const found = (await ask('GET', '/requests', 'near')).body['requests'] as readonly { id: string; number: number }[];
  const [first, second] = [1, 2].map((number) => found.find((each) => each.number === number)?.id as string) as [string, string];
  const grant = ((await ask('POST', `/requests/${first}/approve`, 'near', {})).body['grant'] as { id: string }).id;
  const { id: proposal } = (await ask('POST', `/requests/${second}/propose`, 'near', {})).body['proposal'] as { id: string };
  const absent = withoutRequest(await ask('GET', '/requests/r-aaaaaaaaaa', 'far'));
  expect(absent).toMatchObject({ status: 404, code: 'BELAY_E_NOT_PERMITTED' });
  for (const id of [second, 'r-aaaaaaaaaa', grant, 'R-AAAAAAAAAA', '..%2F..%2Fdevices', '%2e%2e', `${second}%00`, "r-'or'1'='1", second.slice(0, -1), '1']) {
    const tried = [
      await ask('GET', `/requests/${id}`, 'far'), await ask('POST', `/requests/${id}/approve`, 'far', {}), await ask('POST', `/requests/${id}/deny`, 'far', { words: 'no' }),
      await ask('POST', `/requests/${id}/propose`, 'far', {}), await ask('POST', `/requests/${id}/review`, 'far', { words: 'seen' }), await ask('POST', `/grants/${id}/revoke`, 'far', {}),
      await ask('POST', `/proposals/${id}/settle`, 'far', { outcome: 'declined' }),
    ];
    const isNul = id.includes('%00');
    for (const answer of tried) expect(isNul ? [400, 404].includes(answer.status) : withoutRequest(answer)).toEqual(isNul ? true : absent);
  }
  expect(withoutRequest(await ask('POST', `/proposals/${proposal}/settle`, 'far', { outcome: 'taken' }))).toEqual(absent);
  for (const path of ['/requests', `/requests?device=${laptop.device.id}`, '/requests?user=alice', '/grants', '/proposals']) {
    const { status, body } = await ask('GET', path, 'far');
    expect([path, status, Object.values(body)[0]]).toEqual([path, 200, []]);
  }
  // Nothing of it was done, and nothing of it is on record as an answer to that request.
  expect((await ask('GET', `/requests/${second}`, 'near')).body).toMatchObject({ state: 'pending', decisions: [] });
  expect((await ask('GET', '/events?type=request.answer-refused', 'near')).body['events']).toEqual([]);
});
