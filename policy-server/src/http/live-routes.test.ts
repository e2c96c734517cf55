import type { IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { enrol, eventually } from '../../../tests/support/fleet.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { quickestMs } from '../../../tests/support/quickest.ts';
import { openStore, type Store } from '../store/index.ts';
import { createPending } from '../features/live/hints.ts';

type Stream = { readonly answer: IncomingMessage; readonly events: readonly string[]; readonly raw: () => string; readonly ended: () => boolean };

const missing = postgresMissing();
const databases = missing === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);

test('what one stream has to say never grows: the same once, and of a flood that there is something', () => {
  const pending = createPending();
  for (let at = 0; at < 10; at++) pending.add('devices', `d-${at % 2}`);
  pending.add('requests', 'd/r');
  expect(pending.take()).toEqual([{ name: 'devices', id: 'd-0' }, { name: 'devices', id: 'd-1' }, { name: 'requests', id: 'd/r' }]);
  expect(pending.isEmpty()).toBe(true);
  for (let at = 0; at < 100_000; at++) pending.add('devices', `d-${at}`);
  expect(pending.take()).toEqual([{ name: 'devices' }]);
});

describe.each(databases)('live hints on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let api: TestApi;
  let other: Store;
  let near: string;
  let far: string;
  const open: IncomingMessage[] = [];

  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    const databaseUrl = postgres?.createDatabase();
    api = await startTestApi(databaseUrl === undefined ? {} : { databaseUrl });
    // What another server of the same database says.
    other = databaseUrl === undefined ? api.context.store : await openStore({ kind: 'postgresql', url: databaseUrl, connections: 2 }, { warn: () => undefined });
    await api.account('root', 'administrator');
    await api.account('vera', [{ role: 'viewer', groups: ['near'] }]);
    await api.account('none', []);
    near = (await enrol(api, await api.token({ groups: ['near'] }))).id;
    far = (await enrol(api, await api.token({ groups: ['far'] }))).id;
    await request('r-near', near, 1);
    await request('r-far', far, 2);
  });
  afterEach(() => {
    for (const answer of open.splice(0)) answer.destroy();
  });
  afterAll(async () => {
    if (other !== api.context.store) await other.close();
    await api.close();
    await postgres?.close();
  });

  async function request(id: string, device: string, number: number): Promise<void> {
    await api.context.store.db.insertInto('requests').values({
      id, device_id: device, number, uid: 1000, user_name: 'alice', state: 'pending', stance: 'waiting', emergency: 0, filed_at: Date.now(), expires_at: Date.now() + 3_600_000, answered_at: null, stage_at: 1, escalates_at: null,
      demands: '[]', escalated: '[]', have: 0, need: 1, rules: '[]', policy_version: 1, command: '/usr/bin/id', run_as: 'root:root', reason: null, command_key: 'k', digest: new Uint8Array(32), session: null,
      details: '{}', answer: 'pending', answer_version: 1, answer_acked: 1, answer_words: '', answer_by: '[]',
    }).execute();
  }

  async function listen(token: string): Promise<Stream> {
    const answer = await api.open('/api/v1/live', token);
    open.push(answer);
    let raw = '';
    let isOver = false;
    answer.setEncoding('utf8').on('data', (chunk: string) => { raw += chunk; }).on('end', () => { isOver = true; }).on('error', () => { isOver = true; });
    const stream = {
      answer, raw: () => raw, ended: () => isOver,
      get events() {
        return [...raw.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map((match) => `${match[1]} ${(JSON.parse(match[2] as string) as { id?: string }).id ?? ''}`.trim());
      },
    };
    if (answer.statusCode === 200) await eventually(async () => stream.events.length > 0);
    return stream;
  }

  test('says hello first, then what has changed on any server, at once, without being kept back', async () => {
    const stream = await listen(await api.signIn('root'));
    expect(stream.answer.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    expect(stream.events[0]).toBe('hello');
    const tries: string[] = [];
    const took = await quickestMs(1000, async (attempt) => {
      tries.push(`requests r-${attempt}`);
      await other.notify('requests', `r-${attempt}`);
      await eventually(async () => stream.events.includes(`requests r-${attempt}`));
    });
    expect(took).toBeLessThan(1000);
    await other.notify('device', near);
    await other.notify('policy', 'x');
    await other.notify('people', 'p-1');
    await other.notify('events');
    await other.notify('order', 'o');
    await eventually(async () => ['devices ' + near, 'policies', 'people p-1', 'events'].every((event) => stream.events.includes(event)));
    expect(new Set(stream.events)).toEqual(new Set(['hello', ...tries, `devices ${near}`, 'policies', 'people p-1', 'events']));
  });

  test('a real change is told: a policy, a device, and the event of it', async () => {
    const token = await api.signIn('root');
    const stream = await listen(token);
    expect((await api.ask('POST', `/api/v1/devices/${near}/label`, { token, body: { labels: { site: 'bern' } } })).status).toBe(200);
    await eventually(async () => stream.events.includes(`devices ${near}`) && stream.events.includes('events'));
  });

  test('whoever is narrowed to some devices hears of those alone', async () => {
    const stream = await listen(await api.signIn('vera'));
    const all = await listen(await api.signIn('root'));
    await other.notify('device', far);
    await other.notify('requests', 'r-far');
    await other.notify('requests', 'r-of-nobody-knows-where');
    await api.context.serverEvents.append({ type: 'device.renewed', fields: { device: far } });
    await api.context.serverEvents.append({ type: 'admin.login-failed', fields: { name: 'x' } });
    await eventually(async () => all.events.includes('requests r-far') && all.events.includes(`devices ${far}`) && all.events.includes('events'));
    await other.notify('device', near);
    await other.notify('requests', 'r-near');
    await eventually(async () => stream.events.includes('requests r-near') && stream.events.includes(`devices ${near}`));
    expect(stream.events).toEqual(['hello', `devices ${near}`, 'requests r-near']);
    await api.context.serverEvents.append({ type: 'device.renewed', fields: { device: near } });
    await eventually(async () => stream.events.includes('events'));
    // People are of the whole server: nobody sees them by halves.
    expect(stream.events.filter((event) => event.startsWith('people'))).toEqual([]);
    await api.context.store.db.deleteFrom('device_groups').where('device_id', '=', near).execute();
    await other.notify('device', near);
    await eventually(async () => stream.events.filter((event) => event === `devices ${near}`).length === 2);
    await other.notify('device', near);
    await other.notify('policy');
    await eventually(async () => stream.events.includes('policies'));
    expect(stream.events.filter((event) => event === `devices ${near}`)).toHaveLength(2);
    await api.context.store.db.insertInto('device_groups').values({ device_id: near, group_name: 'near' }).execute();
  });

  test('whoever may see nothing hears nothing, and without a token there is no stream', async () => {
    const stream = await listen(await api.signIn('none'));
    const all = await listen(await api.signIn('root'));
    for (const channel of ['requests', 'device', 'events', 'policy', 'people'] as const) await other.notify(channel, near);
    await eventually(async () => all.events.length >= 6);
    expect(stream.events).toEqual(['hello']);
    expect((await api.ask('GET', '/api/v1/live')).status).toBe(401);
  });

  test('a flood is one hint of each', async () => {
    const stream = await listen(await api.signIn('root'));
    for (let at = 0; at < 2000; at++) void api.context.store.notify('device', `d-${at}`);
    await eventually(async () => stream.events.includes('devices'));
    expect(stream.events.length).toBeLessThan(1000);
  });

  test('ends when the session does; new roles are heeded meanwhile', async () => {
    const token = await api.signIn('vera');
    const stream = await listen(token);
    await api.context.store.db.insertInto('role_bindings').values({ holder: 'a-vera', role: 'viewer', device_group: '*', source: 'local' }).execute();
    await eventually(async () => stream.events.includes('people'));
    expect(stream.events).toEqual(expect.arrayContaining(['requests', 'devices', 'events', 'policies']));
    await other.notify('device', far);
    await eventually(async () => stream.events.includes(`devices ${far}`));
    await api.context.store.db.deleteFrom('role_bindings').where('holder', '=', 'a-vera').where('device_group', '=', '*').execute();
    expect((await api.ask('POST', '/api/v1/logout', { token, body: {} })).status).toBe(200);
    await eventually(async () => stream.ended());
  });

  test('one account has so many streams and no more; one that has ended makes room', async () => {
    const token = await api.signIn('root');
    const streams: Stream[] = [];
    for (let at = 0; at < 16; at++) streams.push(await listen(token));
    const refused = await listen(token);
    expect(refused.answer.statusCode).toBe(503);
    expect((await listen(await api.signIn('vera'))).answer.statusCode).toBe(200);
    streams[0]?.answer.destroy();
    await eventually(async () => {
      const again = await listen(token);
      return again.answer.statusCode === 200;
    });
  });
});
