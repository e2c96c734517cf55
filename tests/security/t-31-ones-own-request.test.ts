// T-31. Attacker: somebody who may approve requests, and who asks. Set-up: a person with two accounts and users on devices, another person with
// a device of their own, an author of policies. Procedure: they answer their own requests by every way there is: the same account, a second
// account, their own device while nobody knows whose user asks, a rule they have just written, a proposed rule, a token, an emergency's review.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Answered, startTestApi, type TestApi } from '../support/api.ts';
import { type AskingDevice, askingDevice, filed } from '../support/requests.ts';

const APPROVER = { from: ['role:approver', 'role:administrator'], count: 1, withinMs: 600_000 };
const DAY = 86_400_000;
let api: TestApi;
let laptop: AskingDevice;
let offset = 0;
let number = 0;

beforeAll(async () => {
  api = await startTestApi({ clock: () => Date.now() + offset, config: 'signIn: { triesPerMinute: 1000, session: 365d }\nrequests: { pendingOfUser: 100, pendingOfDevice: 100 }' });
  const { db } = api.context.store;
  for (const [id, name, manager] of [['ada', 'Ada', 'max'], ['ben', 'Ben', null], ['max', 'Max', null], ['pia', 'Pia', null]] as const) {
    await db.insertInto('persons').values({ id, name, email: null, manager_id: manager, created_at: 0 }).execute();
  }
  await api.account('ada', 'approver', 'ada');
  await api.account('ada-admin', 'administrator', 'ada');
  await api.account('ben', 'approver', 'ben');
  await api.account('max', 'approver', 'max');
  await api.account('pia', 'administrator', 'pia');
  laptop = await askingDevice(api);
  for (const [user, person] of [['ada', 'ada'], ['pia', 'pia']] as const) await db.insertInto('person_users').values({ person_id: person, device_id: null, user_name: user }).execute();
  await db.updateTable('devices').set({ owner_person_id: 'ben' }).where('id', '=', laptop.device.id).execute();
});
afterAll(async () => {
  laptop.close();
  await api.close();
});

async function ask(asking: Partial<Parameters<typeof filed>[0]> = {}): Promise<string> {
  number += 1;
  await laptop.upload(filed({ user: 'ada', approval: [APPROVER], ...asking, number }));
  const { id } = await api.context.store.db.selectFrom('requests').select('id').where('number', '=', number).executeTakeFirstOrThrow();
  return id;
}

async function post(path: string, who: string, body: unknown = {}): Promise<Answered> {
  return api.ask('POST', `/api/v1${path}`, { token: who.startsWith('blt_') ? who : await api.signIn(who), body });
}

async function whys(): Promise<readonly string[]> {
  const answer = await api.ask('GET', `/api/v1/events?type=request.answer-refused&request=${number}`, { token: await api.signIn('ben') });
  return (answer.body['events'] as readonly { fields: { why: string; by: string } }[]).map(({ fields }) => `${fields.by}: ${fields.why}`);
}

test('by the same account, by a second account of the same person, and through the API: refused, with why, and recorded', async () => {
  const id = await ask();
  for (const who of ['ada', 'ada-admin']) {
    const shown = await api.ask('GET', `/api/v1/requests/${id}`, { token: await api.signIn(who) });
    expect(shown.body).toMatchObject({ mayAnswer: false, whyNot: 'This is your own request.', person: { id: 'ada', name: 'Ada' } });
    for (const [act, body] of [['approve', {}], ['deny', { words: 'no' }], ['propose', {}]] as const) {
      expect(await post(`/requests/${id}/${act}`, who, body)).toMatchObject({ status: 403, body: { code: 'BELAY_E_DENIED', detail: expect.stringContaining('your own request') } });
    }
  }
  expect((await whys()).toSorted()).toEqual([...Array<string>(3).fill('ada-admin: own-request'), ...Array<string>(3).fill('ada: own-request')]);
  expect((await post(`/requests/${id}/approve`, 'ben')).status).toBe(200);
});

test('two accounts of one person are one yes', async () => {
  const id = await ask({ user: 'pia', approval: [{ ...APPROVER, count: 2 }] });
  expect((await post(`/requests/${id}/approve`, 'ada')).body).toMatchObject({ state: 'pending' });
  expect(await post(`/requests/${id}/approve`, 'ada-admin')).toMatchObject({ status: 409, body: { code: 'BELAY_E_CONFLICT' } });
  expect(await whys()).toEqual(['ada-admin: twice']);
});

test('a user that is linked to nobody: not by the owner of the device, and not by the account of that name', async () => {
  const id = await ask({ user: 'stranger' });
  expect(await post(`/requests/${id}/approve`, 'ben')).toMatchObject({ status: 403, body: { detail: 'This is your device, and whoever asked is linked to no person: have an administrator link that user.' } });
  expect(await whys()).toEqual(['ben: own-device']);
  expect((await post(`/requests/${id}/approve`, 'max')).status).toBe(200);
  const named = await ask({ user: 'max' });
  expect((await post(`/requests/${named}/approve`, 'max')).status).toBe(403);
  expect(await whys()).toEqual(['max: own-request']);
});

test('the manager is the requester\'s own, and nobody\'s while nobody knows who asks', async () => {
  const manager = [{ from: ['manager'], count: 1, withinMs: 600_000 }];
  const id = await ask({ approval: manager });
  expect((await post(`/requests/${id}/approve`, 'ben')).status).toBe(403);
  expect((await post(`/requests/${id}/approve`, 'max')).body).toMatchObject({ state: 'approved' });
  expect((await post(`/requests/${await ask({ user: 'stranger', approval: manager })}/approve`, 'max')).status).toBe(403);
});

test('under a rule that the requester has changed within seven days: by nobody; a no is still a no', async () => {
  const policy = (message: string) => `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: ops }\nrules:\n  - name: restart\n    who: ["group:ops"]\n    run: any\n    then: ask\n    message: ${message}\n    require: { approval: { from: ["role:approver"] } }\n`;
  const recovery = 'apiVersion: belay/v1\nkind: Policy\nmetadata: { name: recovery }\nrules:\n  - { name: recovery, recovery: true, who: ["group:belay-recovery"], run: any, then: ask, require: { reauth: true } }\n';
  const apply = async (message: string, who: string): Promise<void> => {
    const answer = await post('/policies/apply', who, { files: [{ name: 'ops.yaml', text: policy(message) }, { name: 'recovery.yaml', text: recovery }] });
    expect(answer.status).toBe(200);
  };
  await apply('one', 'pia');
  const own = await ask({ user: 'pia' });
  const refused = await post(`/requests/${own}/approve`, 'ben');
  expect(refused).toMatchObject({ status: 403, body: { detail: 'Whoever asks has changed the policy "ops", which asks, within the last 7 days: such a request is not approved.' } });
  expect(await whys()).toEqual(['ben: own-rule']);
  expect((await post(`/requests/${await ask()}/approve`, 'ben')).status).toBe(200);
  // That somebody else has changed it since makes no difference; nor does a week ago.
  await apply('two', 'ada-admin');
  expect((await post(`/requests/${own}/approve`, 'ben')).status).toBe(403);
  expect((await post(`/requests/${own}/deny`, 'ben', { words: 'no' })).body).toMatchObject({ state: 'denied' });
  offset += 7 * DAY + 1;
  expect((await post(`/requests/${await ask({ user: 'pia' })}/approve`, 'ben')).body).toMatchObject({ state: 'approved' });
});

test('a token is nobody, whatever its roles', async () => {
  const id = await ask();
  const made = await post('/tokens', 'pia', { name: 'bot', bindings: [{ role: 'approver', groups: 'all' }], permissions: null, validForMs: DAY });
  expect(await post(`/requests/${id}/approve`, made.body['token'] as string)).toMatchObject({ status: 403, body: { detail: 'Only people answer requests: a token is nobody.' } });
  expect(await whys()).toEqual(['token:bot: not-approver']);
});

test('a proposed rule for oneself is somebody else\'s to take up, and an emergency of one\'s own somebody else\'s to review', async () => {
  const id = await ask({ emergency: true });
  expect((await post(`/requests/${id}/approve`, 'ben')).status).toBe(200);
  expect(await post(`/requests/${id}/review`, 'ada-admin', { words: 'all well' })).toMatchObject({ status: 403, body: { detail: 'This was your own request: somebody else reviews it.' } });
  const { id: proposal } = (await post(`/requests/${id}/propose`, 'ben')).body['proposal'] as { id: string };
  expect(await post(`/proposals/${proposal}/settle`, 'ada-admin', { outcome: 'taken' })).toMatchObject({ status: 403, body: { detail: 'This rule is for you: somebody else takes it up.' } });
  expect((await whys()).toSorted()).toEqual(['ada-admin: own-request', 'ada-admin: own-request']);
  expect((await post(`/proposals/${proposal}/settle`, 'pia', { outcome: 'taken' })).status).toBe(200);
});
