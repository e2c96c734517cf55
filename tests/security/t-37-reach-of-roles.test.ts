// T-37. Attacker: somebody signed in whose roles reach the devices of one group, and who wants to see or change others. Set-up: a server with
// a device in the group `ours` and one in `theirs`, both with evidence of their own; an operator for `ours`. Procedure: name the other
// device by id and by name in every route that takes one; look for it in lists, counts, events, the tail, the CSV and the evidence
// export; ask policy about it; move devices between groups; go on after the role was taken away, in a connection that is still open.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../support/api.ts';
import { CHECKPOINT, createChain, elevation, enrol, eventually, fleetClient } from '../support/fleet.ts';

let api: TestApi;
let [ours, theirs, token, admin]: string[] = [];

beforeAll(async () => {
  api = await startTestApi();
  await api.account('root', 'administrator');
  await api.account('olga', [{ role: 'operator', groups: ['ours'] }]);
  [ours, theirs] = [await deviceIn('ours', 'our-laptop', '/usr/bin/ours'), await deviceIn('theirs', 'their-laptop', '/usr/bin/theirs')];
  [token, admin] = [await api.signIn('olga'), await api.signIn('root')];
});
afterAll(() => api.close());

/** Enrols it and lets it bring an event. */
async function deviceIn(group: string, name: string, command: string): Promise<string> {
  const device = await enrol(api, await api.token({ groups: [group] }), undefined, name);
  const client = fleetClient(api, device);
  const chain = createChain(device);
  await client.uploadEvents({ chain: chain.chain, first: 1n, events: chain.write(elevation(1, command), CHECKPOINT), earliest: 1n }, { timeoutMs: 10_000 });
  client.close();
  return device.id;
}

const get = (path: string, as: string | undefined = token) => api.ask('GET', `/api/v1${path}`, { token: as });
const post = (path: string, body: unknown, as: string | undefined = token) => api.ask('POST', `/api/v1${path}`, { token: as, body });
const plain = ({ status, body }: { readonly status: number; readonly body: Record<string, unknown> }) => ({ status, body: { ...body, request: '' } });

test('a device of others answers like one that does not exist, by id, by name, in every route', async () => {
  const acts: readonly (readonly [string, unknown])[] = [['rename', { name: 'x' }], ['label', { labels: { a: 'b' } }], ['group', { add: ['ours'] }], ['revoke', {}], ['decommission', {}]];
  const absent = plain(await get('/devices/absent'));
  expect(absent.status).toBe(404);
  for (const named of [theirs as string, 'their-laptop']) {
    expect(plain(await get(`/devices/${named}`))).toEqual(absent);
    for (const [act, body] of acts) expect(plain(await post(`/devices/${named}/${act}`, body))).toEqual(absent);
    for (const path of [`/events?device=${named}`, `/events/export?device=${named}`, `/events/csv?device=${named}`, `/events/tail?device=${named}`]) expect(plain(await get(path))).toEqual(absent);
    expect(plain(await post('/policies/explain', { device: named, case: { who: 'ada', run: ['/usr/bin/id'] } }))).toEqual(absent);
    expect(plain(await post('/policies/who-can', { device: named, command: '/usr/bin/id' }))).toEqual(absent);
  }
  expect((await get(`/devices/${ours}`)).status).toBe(200);
  expect((await get(`/devices/${theirs}`, admin)).body).toMatchObject({ state: 'active', name: 'their-laptop', labels: {} });
});

test('a name that others have too is one\'s own device\'s', async () => {
  expect((await post(`/devices/${theirs}/rename`, { name: 'our-laptop' }, admin)).status).toBe(200);
  expect((await get('/devices/our-laptop')).body['id']).toBe(ours);
  expect((await get('/devices/our-laptop', admin)).status).toBe(404);
  await post(`/devices/${theirs}/rename`, { name: 'their-laptop' }, admin);
});

test('lists, searches, events and exports hold nothing of others, and nothing of the servers themselves', async () => {
  for (const path of ['/devices', '/devices?search=laptop', '/devices?group=theirs', '/events?limit=1000', '/events?user=alice', '/events/csv', '/events/export']) {
    const answer = await get(path);
    expect([path, answer.status, answer.text.includes(theirs as string), answer.text.includes('/usr/bin/theirs'), answer.text.includes('admin.login')]).toEqual([path, 200, false, false, false]);
  }
  expect((await get('/events?device=server')).status).toBe(404);
  const exported = (await get('/events/export')).text;
  expect([exported.includes(ours as string), exported.includes('"writer":"server"')]).toEqual([true, false]);
  const everything = (await get('/events/export', admin)).text;
  expect([everything.includes(ours as string), everything.includes(theirs as string), everything.includes('"writer":"server"')]).toEqual([true, true, true]);
  expect((await get('/events/csv')).text).toContain('/usr/bin/ours');
});

test('what belongs to no device is not given by halves', async () => {
  for (const path of ['/enroll-tokens', '/metrics', '/tokens']) expect((await get(path)).status).toBe(404);
  expect((await post('/enroll-tokens', { uses: 1, validForMs: 60_000, groups: ['ours'] })).status).toBe(404);
});

test('devices are moved into and out of one\'s own groups only', async () => {
  for (const change of [{ add: ['theirs'] }, { add: ['ours', 'lax'] }, { remove: ['theirs'] }]) expect((await post(`/devices/${ours}/group`, change)).status).toBe(404);
  expect((await get(`/devices/${ours}`, admin)).body['groups']).toEqual(['ours']);
});

test('a role that is taken away is gone at the next request, and from an open tail', async () => {
  const tail = await api.open('/api/v1/events/tail?type=device', token as string);
  let text = '';
  tail.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await eventually(async () => text.includes('event: ready'));
  await post(`/devices/${theirs}/label`, { labels: { of: 'theirs' } }, admin);
  await post(`/devices/${ours}/label`, { labels: { of: 'ours' } }, admin);
  await eventually(async () => text.includes('label of = ours'));
  expect(text).not.toContain('theirs');
  const ended = new Promise((resolve) => tail.on('end', resolve));
  await api.context.store.db.deleteFrom('role_bindings').where('holder', '=', 'a-olga').execute();
  await post(`/devices/${ours}/label`, { labels: { of: 'later' } }, admin);
  await ended;
  expect(text).not.toContain('later');
  expect((await get('/devices')).status).toBe(404);
});
