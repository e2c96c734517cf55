import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answered, startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { eventually } from '../../../tests/support/fleet.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { APPROVER, type AskingDevice, askingDevice, filed, used } from '../../../tests/support/requests.ts';

const databases = postgresMissing() === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);
const MINUTE = 60_000;

type Row = { readonly id: string; readonly number: number; readonly state: string; readonly mayAnswer: boolean; readonly whyNot: string | null };
type Event = { readonly type: string; readonly request: number | null; readonly fields: Record<string, unknown> };

describe.each(databases)('requests for approval on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let api: TestApi;
  let databaseUrl: string | undefined;
  let offset = 0;
  const tokens: Record<string, string> = {};
  let laptop: AskingDevice;
  let number = 0;

  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    databaseUrl = postgres?.createDatabase();
    api = await startTestApi({ clock: () => Date.now() + offset, config: 'requests: { pendingOfUser: 3, pendingOfDevice: 5 }\nsignIn: { triesPerMinute: 1000 }', ...(databaseUrl === undefined ? {} : { databaseUrl }) });
    for (const name of ['anna', 'bert', 'carl']) await api.account(name, 'approver');
    await api.account('root', 'administrator');
    await api.account('vera', 'viewer');
    for (const name of ['anna', 'bert', 'carl', 'root', 'vera']) tokens[name] = await api.signIn(name);
    laptop = await askingDevice(api, { groups: ['office'] });
  });
  afterAll(async () => {
    laptop.close();
    await api.close();
    await postgres?.close();
  });

  const get = async <T>(path: string, who = 'anna'): Promise<T> => (await api.ask('GET', `/api/v1${path}`, { token: tokens[who] })).body as T;
  const post = (path: string, body: unknown = {}, who = 'anna'): Promise<Answered> => api.ask('POST', `/api/v1${path}`, { token: tokens[who], body });
  const listed = async (query = '', who = 'anna'): Promise<readonly Row[]> => (await get<{ requests: readonly Row[] }>(`/requests${query}`, who)).requests;
  const eventsOf = async (type: string, of: number): Promise<readonly Event[]> => (await get<{ events: readonly Event[] }>(`/events?type=${type}&request=${of}`)).events;

  /** Files a request and answers its number and its id. */
  async function ask(asking: Partial<Parameters<typeof filed>[0]> = {}, device = laptop): Promise<{ readonly number: number; readonly id: string }> {
    number += 1;
    const mine = number;
    await device.upload(filed({ ...asking, number: mine }));
    const row = (await listed()).find((each) => each.number === mine);
    if (row === undefined) throw new Error('the request is not there');
    return { number: mine, id: row.id };
  }

  test('filed, approved, and on the device: the grant with the manifest, then the answer', async () => {
    const asked = await ask({ reason: 'nginx hangs' });
    expect(await laptop.answer(asked.number)).toMatchObject({ version: 1, state: 'pending', approvers: 'anybody with the role approver', have: 0, need: 1, by: [] });
    expect(await get(`/requests/${asked.id}`)).toMatchObject({
      id: asked.id, number: asked.number, device: { id: laptop.device.id, name: 'laptop' }, user: 'alice', uid: 2001, person: null, command: '/usr/bin/systemctl restart nginx', runAs: 'root:root',
      reason: 'nginx hangs', state: 'pending', stance: 'waiting', emergency: false, rules: ['ops/restart'], mayAnswer: true, whyNot: null, answeredAt: null,
      approvals: [{ stage: 0, from: ['role:approver'], count: 1, have: 0, open: true }],
      argv: [{ text: 'restart', exact: Buffer.from('restart').toString('base64') }, { text: 'nginx', exact: Buffer.from('nginx').toString('base64') }], executable: '/usr/bin/systemctl', cwd: '/home/alice',
      environment: ['PATH', 'TERM'], package: { name: 'systemd', version: '252-1', repository: 'Debian/stable', key: 'ABCD', unmodified: true }, posture: { encrypted: true, osId: 'debian' },
      origin: { kind: 'ssh', sourceAddress: '192.0.2.7' }, scope: null, uses: 1, decisions: [], grant: null, review: null,
    });

    const before = laptop.kinds().length;
    const startedAt = Date.now();
    const approved = await post(`/requests/${asked.id}/approve`, { words: 'go ahead' });
    expect(approved).toMatchObject({ status: 200, body: { state: 'approved', grant: { state: 'live', uses: 1, usesLeft: 1, approvedBy: ['anna'] }, decisions: [{ by: 'anna', decision: 'approved', words: 'go ahead' }] } });
    const answer = await laptop.answer(asked.number, ({ state }) => state === 'approved');
    expect(Date.now() - startedAt).toBeLessThan(1000);
    expect(laptop.kinds().slice(before).filter((each) => each !== 'keepAlive')).toEqual(['manifest', 'answer']);
    const manifest = laptop.opened('manifest').at(-1);
    expect(manifest).toMatchObject({ features: ['grants/v1'], revocations: [] });
    const grant = laptop.grant(manifest?.grants[0] as Uint8Array);
    expect(answer).toMatchObject({ version: 2, by: ['anna'], message: 'go ahead', have: 1, need: 1, grant: grant.id });
    expect({ ...grant, server: 0, digest: Buffer.from(grant.digest ?? []).toString('hex'), session: Buffer.from(grant.session ?? []).toString('hex') }).toEqual({
      server: 0, device: laptop.device.id, id: grant.id, request: asked.number, uid: 2001, user: 'alice', digest: Buffer.alloc(32, asked.number).toString('hex'), session: Buffer.alloc(32, 7).toString('hex'),
      met: ['{"from":["role:approver"],"count":1,"withinMs":600000}'], uses: 1, issuedAt: grant.issuedAt, expiresAt: grant.expiresAt, approvedBy: ['anna'], message: 'go ahead', emergency: false,
    });
    expect(grant.expiresAt - grant.issuedAt).toBeGreaterThan(9 * MINUTE);

    await laptop.upload({ type: 'request.answered', fields: { request: asked.number, uid: 2001, user: 'alice', state: 'approved', version: 2 } }, used(asked.number, grant.id));
    await laptop.manifest(({ grants, number: of }) => grants.length === 0 && of > (manifest?.number ?? 0));
    expect(await get(`/requests/${asked.id}`)).toMatchObject({ state: 'used', grant: { state: 'used', usesLeft: 0 } });
    expect((await listed('?state=used')).map(({ id }) => id)).toContain(asked.id);
    for (const type of ['request.approved', 'request.filed']) expect(await eventsOf(type, asked.number)).toHaveLength(1);
    const issued = (await get<{ events: readonly Event[] }>('/events?type=grant.issued')).events[0];
    expect(issued?.fields).toMatchObject({ by: 'anna', grant: grant.id, asked: asked.id, uses: 1 });
  });

  test('denied with words, that the device hears', async () => {
    const asked = await ask();
    expect((await post(`/requests/${asked.id}/deny`, { words: 'not on a Friday' })).body).toMatchObject({ state: 'denied', decisions: [{ by: 'anna', decision: 'denied', words: 'not on a Friday' }] });
    expect(await laptop.answer(asked.number, ({ state }) => state === 'denied')).toMatchObject({ version: 2, by: ['anna'], message: 'not on a Friday' });
    expect(await eventsOf('request.denied', asked.number)).toHaveLength(1);
  });
});
