import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answered, startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { enrol, eventually } from '../../../tests/support/fleet.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { type AskingDevice, askingDevice, filed, used } from '../../../tests/support/requests.ts';

const databases = postgresMissing() === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);
const MINUTE = 60_000;

type Row = { readonly id: string; readonly number: number; readonly state: string; readonly mayAnswer: boolean; readonly whyNot: string | null };
type Event = { readonly type: string; readonly request: number | null; readonly fields: Record<string, unknown> };

describe.each(databases)('requests for approval on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let api: TestApi;
  let databaseUrl: string | undefined;
  let offset = 0;
  const later = async (ms: number): Promise<void> => {
    offset += ms;
    await api.fleet.requests.reconcile();
  };
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
    const approved = await post(`/requests/${asked.id}/approve`, { words: 'go ahead' });
    expect(approved).toMatchObject({ status: 200, body: { state: 'approved', grant: { state: 'live', uses: 1, usesLeft: 1, approvedBy: ['anna'] }, decisions: [{ by: 'anna', decision: 'approved', words: 'go ahead' }] } });
    const answer = await laptop.answer(asked.number, ({ state }) => state === 'approved');
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

  test('two approvers at once: one says yes, the other is told who did', async () => {
    const asked = await ask();
    const both = await Promise.all(['anna', 'bert'].map((who) => post(`/requests/${asked.id}/approve`, {}, who)));
    const winner = both[0]?.status === 200 ? 'anna' : 'bert';
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    expect(both.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'BELAY_E_CONFLICT', detail: `This request was approved by ${winner} already.` });
    const no = await post(`/requests/${asked.id}/deny`, { words: 'too late' }, 'carl');
    expect([no.status, no.body['code']]).toEqual([409, 'BELAY_E_CONFLICT']);
    expect((await get<{ grants: readonly { request: string }[] }>('/grants')).grants.filter(({ request }) => request === asked.id)).toHaveLength(1);
  });

  test('two people are needed: each counts once, in stages, and the device hears of each', async () => {
    const asked = await ask({ approval: [{ from: ['role:approver'], count: 2, withinMs: 600_000 }, { from: ['user:carl', 'role:administrator'], count: 1, withinMs: 1_200_000, stage: 1 }] });
    expect(await laptop.answer(asked.number)).toMatchObject({ approvers: '2 people: anybody with the role approver', need: 3 });
    const early = await post(`/requests/${asked.id}/approve`, {}, 'root');
    expect(early.status).toBe(403);
    expect(early.body).toMatchObject({ code: 'BELAY_E_DENIED', detail: 'You are asked at another stage of this request.' });
    expect((await post(`/requests/${asked.id}/approve`, {}, 'anna')).body).toMatchObject({ state: 'pending', mayAnswer: false, whyNot: 'You have answered this request already (approved): each person counts once.' });
    expect((await post(`/requests/${asked.id}/approve`, {}, 'anna')).status).toBe(409);
    expect(await laptop.answer(asked.number, ({ have }) => have === 1)).toMatchObject({ state: 'pending', approvers: 'anybody with the role approver', by: ['anna'] });
    expect((await post(`/requests/${asked.id}/approve`, {}, 'bert')).body).toMatchObject({
      state: 'pending', approvals: [{ stage: 0, have: 2, open: false }, { stage: 1, from: ['role:administrator', 'user:carl'], have: 0, open: true }],
    });
    expect((await post(`/requests/${asked.id}/approve`, { words: 'fine' }, 'carl')).body).toMatchObject({ state: 'approved', grant: { approvedBy: ['anna', 'bert', 'carl'] } });
    expect(await laptop.answer(asked.number, ({ state }) => state === 'approved')).toMatchObject({ have: 3, need: 3, message: 'fine' });
    const told = await api.context.store.db.selectFrom('outbox').select('payload').where('kind', '=', 'request-filed').where('payload', 'like', `%${asked.id}%`).where('channel', '=', 'notice').orderBy('created_at').execute();
    expect(told.map(({ payload }) => (JSON.parse(payload) as { from: readonly string[] }).from)).toEqual([['role:approver'], ['role:administrator', 'user:carl']]);
    expect(await eventsOf('request.approved', asked.number)).toHaveLength(3);
  });

  test('nobody answers: more people are asked, and then it expires; a yes after that is refused with words', async () => {
    const asked = await ask({ approval: [{ from: ['user:nobody'], count: 1, withinMs: 10 * MINUTE, escalate: { afterMs: 2 * MINUTE, to: ['role:approver'] } }] });
    expect((await post(`/requests/${asked.id}/approve`)).body).toMatchObject({ code: 'BELAY_E_DENIED', detail: 'The rule that asks does not name you.' });
    await later(2 * MINUTE);
    expect(await laptop.answer(asked.number, ({ version }) => version === 2)).toMatchObject({ state: 'pending', approvers: 'nobody, or anybody with the role approver' });
    expect((await eventsOf('request.escalated', asked.number)).map(({ fields }) => fields['to'])).toEqual([['role:approver']]);
    expect(await get(`/requests/${asked.id}`)).toMatchObject({ mayAnswer: true });
    offset += 8 * MINUTE;
    const late = await post(`/requests/${asked.id}/approve`);
    expect(late).toMatchObject({ status: 409, body: { code: 'BELAY_E_CONFLICT', detail: 'This request has expired: nobody can answer it any more.' } });
    await later(0);
    expect(await laptop.answer(asked.number, ({ state }) => state === 'expired')).toMatchObject({ message: 'Nobody answered in time.' });
    expect(await get(`/requests/${asked.id}`)).toMatchObject({ state: 'expired', grant: null });
    expect(await eventsOf('request.expired', asked.number)).toHaveLength(1);
    expect((await eventsOf('request.answer-refused', asked.number)).map(({ fields }) => fields['why'])).toEqual(['not-pending', 'not-approver']);
    offset -= 10 * MINUTE;
  });

  test('asked ahead: an approver shortens, lowers and narrows, and never widens', async () => {
    const scope = { commands: [{ command: '/usr/bin/systemctl', args: ['restart', '*'] }], runAsUid: 0, runAsGid: 0 };
    const wide = await ask({ stance: 'ahead', forMs: 30 * MINUTE, uses: 3, scope });
    expect(await get(`/requests/${wide.id}`)).toMatchObject({ scope: { text: '/usr/bin/systemctl restart *', isExact: false, commands: [{ command: '/usr/bin/systemctl', args: ['restart', '*'] }] }, forMs: 30 * MINUTE, uses: 3 });
    expect((await post(`/requests/${wide.id}/approve`, { forMs: 31 * MINUTE })).body).toMatchObject({ code: 'BELAY_E_BAD_REQUEST', detail: 'An approval can be shorter than was asked for, not longer: at most 1800000 ms.' });
    expect((await post(`/requests/${wide.id}/approve`, { uses: 4 })).status).toBe(400);
    expect((await post(`/requests/${wide.id}/approve`, { forMs: 10 * MINUTE, uses: 2 })).status).toBe(200);
    const grantFor = async (of: number) => {
      const { grant: id } = await laptop.answer(of, ({ state }) => state === 'approved');
      const grants = laptop.opened('manifest').at(-1)?.grants.map((each) => laptop.grant(each)) ?? [];
      return grants.find((each) => each.id === id);
    };
    const first = await grantFor(wide.number);
    expect(first).toMatchObject({ scope, uses: 2 });
    expect([first?.digest, first?.session]).toEqual([undefined, undefined]);
    expect((first?.expiresAt ?? 0) - (first?.issuedAt ?? 0)).toBe(10 * MINUTE);
    const narrow = await ask({ stance: 'ahead', scope });
    await post(`/requests/${narrow.id}/approve`, { exact: true });
    const exact = await grantFor(narrow.number);
    expect([exact?.scope, exact?.uses, Buffer.from(exact?.digest ?? []).toString('hex')]).toEqual([undefined, 1, Buffer.alloc(32, narrow.number).toString('hex')]);

    // Twice used is used up, whichever number the second use has.
    await laptop.upload(used(900, first?.id as string));
    expect(await get(`/requests/${wide.id}`)).toMatchObject({ state: 'approved', grant: { usesLeft: 1, state: 'live' } });
    await laptop.upload(used(901, first?.id as string));
    expect(await get(`/requests/${wide.id}`)).toMatchObject({ state: 'used', grant: { usesLeft: 0, state: 'used' } });
  });

  test('what is used up can be taken back while a command runs under it, and is named to the device until that has ended', async () => {
    const asked = await ask();
    await post(`/requests/${asked.id}/approve`);
    const { grant } = await laptop.answer(asked.number, ({ state }) => state === 'approved');
    const outcome = { type: 'elevation.outcome', fields: { request: asked.number, uid: 2001, user: 'alice', end: 'signaled', value: 15, durationMs: 5 } } as const;
    const inForce = async () => (await get<{ grants: readonly { id: string; running: number }[] }>('/grants?live=true')).grants.find(({ id }) => id === grant);
    await laptop.upload(used(asked.number, grant as string));
    expect(await get(`/requests/${asked.id}`)).toMatchObject({ state: 'used', grant: { state: 'used', running: 1 } });
    expect(await inForce()).toMatchObject({ running: 1 });
    expect((await post(`/grants/${grant}/revoke`)).body).toMatchObject({ state: 'revoked', running: 1 });
    await laptop.manifest(({ revocations }) => revocations.includes(grant as string));
    await laptop.upload(outcome);
    expect(await get(`/requests/${asked.id}`)).toMatchObject({ state: 'revoked', grant: { state: 'revoked', running: 0 } });
    expect(await inForce()).toBeUndefined();
    const over = await ask();
    await post(`/requests/${over.id}/approve`);
    const second = (await laptop.answer(over.number, ({ state }) => state === 'approved')).grant as string;
    await laptop.upload(used(over.number, second), { ...outcome, fields: { ...outcome.fields, request: over.number } });
    expect((await post(`/grants/${second}/revoke`)).body).toMatchObject({ code: 'BELAY_E_CONFLICT', detail: 'This grant is over already: used.' });
  });

  test('cancelled: by whoever waits, before and after the yes; a yes then is refused with words', async () => {
    const asked = await ask();
    const cancel = (of: number) => laptop.upload({ type: 'request.cancelled', fields: { request: of, uid: 2001, user: 'alice', why: 'by-requester' } });
    await cancel(asked.number);
    expect(await get(`/requests/${asked.id}`)).toMatchObject({ state: 'cancelled' });
    expect((await post(`/requests/${asked.id}/approve`)).body).toMatchObject({ code: 'BELAY_E_CONFLICT', detail: 'This request was cancelled: nobody waits for it any more.' });
    const answered = await ask();
    await post(`/requests/${answered.id}/approve`);
    const { grant } = await laptop.answer(answered.number, ({ state }) => state === 'approved');
    await cancel(answered.number);
    await eventually(async () => laptop.opened('manifest').at(-1)?.grants.every((each) => laptop.grant(each).id !== grant));
    expect(await get(`/requests/${answered.id}`)).toMatchObject({ state: 'cancelled', grant: { state: 'ended' } });
  });

  test('a grant taken back leaves the manifest at once and is named there until it would have ended; an expired one just leaves', async () => {
    const asked = await ask({ stance: 'ahead', forMs: 20 * MINUTE });
    await post(`/requests/${asked.id}/approve`);
    const { grant } = await laptop.answer(asked.number, ({ state }) => state === 'approved');
    expect((await post(`/grants/${grant}/revoke`, {}, 'vera')).status).toBe(404);
    expect((await post(`/grants/${grant}/revoke`, { words: 'wrong machine' })).body).toMatchObject({ state: 'revoked' });
    await laptop.manifest(({ revocations }) => revocations.includes(grant as string));
    expect(await get(`/requests/${asked.id}`)).toMatchObject({ state: 'revoked' });
    expect((await post(`/grants/${grant}/revoke`)).body).toMatchObject({ code: 'BELAY_E_CONFLICT', detail: 'This grant is over already: revoked.' });
    const brief = await ask({ stance: 'ahead', forMs: MINUTE });
    await post(`/requests/${brief.id}/approve`);
    await laptop.answer(brief.number, ({ state }) => state === 'approved');
    await later(MINUTE);
    expect(await get(`/requests/${brief.id}`)).toMatchObject({ state: 'expired', grant: { state: 'expired' } });
    offset -= MINUTE;
  });

  test('too many at once: a no that says so, one event however many, and few rows', async () => {
    const other = await askingDevice(api, { hostname: 'flooded' });
    const filings = Array.from({ length: 500 }, (_, at) => filed({ number: at + 1 }));
    await other.upload(...filings);
    expect(await other.answer(500)).toMatchObject({ version: 1, state: 'denied', message: 'You have 3 requests waiting already, and no more may wait at once: cancel one, or wait for an answer.' });
    const rows = { requests: 0, refusals: 0, excesses: 0 };
    const { db } = api.context.store;
    rows.requests = (await db.selectFrom('requests').select('id').where('device_id', '=', other.device.id).execute()).length;
    rows.refusals = (await db.selectFrom('request_refusals').select('number').where('device_id', '=', other.device.id).execute()).length;
    rows.excesses = (await db.selectFrom('request_excesses').select('uid').where('device_id', '=', other.device.id).execute()).length;
    expect(rows).toEqual({ requests: 3, refusals: 100, excesses: 1 });
    await other.upload(...Array.from({ length: 10 }, (_, at) => filed({ number: 600 + at, uid: 3000 + at, user: `u${at}` })));
    expect(await other.answer(609)).toMatchObject({ state: 'denied', message: '5 requests of this device are waiting already, and no more may wait at once.' });
    await api.fleet.requests.reconcile();
    const refused = (await get<{ events: readonly (Event & { device: string })[] }>('/events?type=request.refused')).events;
    expect(refused.map(({ fields }) => [fields['why'], fields['uid'], fields['request']])).toEqual([['too-many-of-device', 0, 602], ['too-many-of-user', 2001, 4]]);
    // What the device has heard of is forgotten.
    await other.upload({ type: 'request.answered', fields: { request: 500, uid: 2001, user: 'alice', state: 'denied', version: 1 } });
    expect(await db.selectFrom('request_refusals').select('number').where('device_id', '=', other.device.id).where('number', '=', 500).execute()).toEqual([]);
    other.close();
  });

  test('what cannot be understood is answered with a no; what is sent twice counts once', async () => {
    const bad = filed({ number: 2000 });
    await laptop.upload({ ...bad, fields: { ...bad.fields, approval: ['{"from":["role:approver"],"count":0,"withinMs":1}'] } } as typeof bad);
    expect(await laptop.answer(2000)).toMatchObject({ state: 'denied', message: 'The server does not understand this request: bring agent and server to the same version.' });
    const asked = await ask();
    await laptop.resend();
    expect((await listed()).filter((each) => each.number === asked.number)).toHaveLength(1);
    await post(`/requests/${asked.id}/deny`, { words: 'no' });
  });

  test('a revoked device: its requests and grants end, and a yes is refused with words', async () => {
    const lost = await askingDevice(api, { hostname: 'lost' });
    const [given, open] = [await ask({ stance: 'ahead' }, lost), await ask({}, lost)];
    await post(`/requests/${given.id}/approve`);
    await api.devices.revoke(lost.device.id, { name: 'root', scope: 'all' });
    expect(await get(`/requests/${given.id}`)).toMatchObject({ state: 'revoked', grant: { state: 'revoked' } });
    expect(await get(`/requests/${open.id}`)).toMatchObject({ state: 'denied' });
    expect((await post(`/requests/${open.id}/approve`, {}, 'bert')).body).toMatchObject({ code: 'BELAY_E_CONFLICT', detail: 'The device has been revoked: its requests have ended.' });
    expect((await eventsOf('request.denied', open.number)).map(({ fields }) => [fields['by'], fields['words']])).toEqual([['root', 'The device is no longer part of the fleet.']]);
    lost.close();
  });

  test('an emergency is open until somebody else has looked at it', async () => {
    const asked = await ask({ emergency: true, approval: [{ from: ['role:approver'], count: 2, withinMs: 600_000 }] });
    for (const who of ['anna', 'bert']) expect((await post(`/requests/${asked.id}/approve`, {}, who)).status).toBe(200);
    expect((await listed('?review=true')).map(({ id }) => id)).toEqual([asked.id]);
    expect(await eventsOf('emergency.opened', asked.number)).toHaveLength(1);
    expect((await post(`/requests/${asked.id}/review`, { words: 'it was right' }, 'carl')).body).toMatchObject({ needsReview: false, review: { by: 'carl', words: 'it was right' } });
    expect(await listed('?review=true')).toEqual([]);
    expect((await post(`/requests/${asked.id}/review`, { words: 'again' }, 'bert')).body).toMatchObject({ code: 'BELAY_E_CONFLICT', detail: 'carl has reviewed it already.' });
    const kinds = (await api.context.store.db.selectFrom('outbox').select('kind').where('payload', 'like', `%${asked.id}%`).execute()).map(({ kind: each }) => each);
    expect(kinds.toSorted()).toEqual(['emergency-opened', 'emergency-reviewed', 'request-answered', 'request-filed']);
  });

  test('a request becomes a proposed rule that the language takes, whatever is in it', async () => {
    const asked = await ask({ command: '/usr/bin/touch', argv: ['/srv/[1].conf', 'a b: #c', '--x=*'], reason: 'first\nrules: []' });
    const proposed = (await post(`/requests/${asked.id}/propose`)).body['proposal'] as { id: string; yaml: string };
    expect(proposed).toMatchObject({ request: asked.id, by: 'anna', state: 'open', settledBy: null });
    expect(proposed.yaml).toContain('# Reason that was given: first\\x0arules: []\n');
    expect(proposed.yaml).toContain('then: allow');
    expect((await post(`/requests/${asked.id}/propose`, {}, 'bert')).body['proposal']).toMatchObject({ id: proposed.id });
    expect((await post(`/proposals/${proposed.id}/settle`, { outcome: 'taken' }, 'anna')).status).toBe(404);
    expect((await post(`/proposals/${proposed.id}/settle`, { outcome: 'taken' }, 'root')).body).toMatchObject({ state: 'taken', settledBy: 'root' });
    expect((await get<{ proposals: readonly { id: string }[] }>('/proposals')).proposals.map(({ id }) => id)).toEqual([proposed.id]);
    expect((await post(`/proposals/${proposed.id}/settle`, { outcome: 'declined' }, 'root')).status).toBe(409);
    const bytes = await ask({ uid: 2002, user: 'bob', argv: [new Uint8Array([0xff, 0x0a])] });
    expect((await post(`/requests/${bytes.id}/propose`)).body).toMatchObject({ code: 'BELAY_E_UNSUPPORTED' });
    for (const { id } of [asked, bytes]) await post(`/requests/${id}/deny`, { words: 'no' });
  });

  test('history, pages and filters', async () => {
    const asked = await ask({ uid: 2050, user: 'hilda' });
    await post(`/requests/${asked.id}/deny`, { words: 'no' });
    const again = await ask({ uid: 2050, user: 'hilda', argv: ['stop', 'x'] });
    expect(await get(`/requests/${again.id}`)).toMatchObject({ history: { byUser: { total: 1, approved: 0, denied: 1, last: [{ id: asked.id, user: 'hilda', state: 'denied', device: 'laptop' }] }, byCommand: { total: 0 } } });
    const detail = await get<{ history: { byCommand: { total: number; last: readonly unknown[] } } }>(`/requests/${asked.id}`);
    expect(detail.history.byCommand.total).toBeGreaterThan(5);
    expect(detail.history.byCommand.last).toHaveLength(5);
    expect((await listed('?user=hilda')).map(({ id }) => id)).toEqual([again.id, asked.id]);
    expect((await listed(`?user=hilda&state=pending&device=${laptop.device.id}`)).map(({ id }) => id)).toEqual([again.id]);
    const all = (await listed('?limit=200')).map(({ id }) => id);
    const paged: string[] = [];
    for (let cursor = ''; ;) {
      const page = await get<{ requests: readonly Row[]; next: string | null }>(`/requests?limit=3${cursor}`);
      paged.push(...page.requests.map(({ id }) => id));
      if (page.next === null) break;
      cursor = `&cursor=${page.next}`;
    }
    expect(paged).toEqual(all);
    expect((await api.ask('GET', '/api/v1/requests?state=odd', { token: tokens['anna'] })).status).toBe(400);
    await post(`/requests/${again.id}/deny`, { words: 'no' });
  });

  test('a device that asks for the time is told it, signed, with its own random bytes', async () => {
    const nonce = new Uint8Array(16).fill(9);
    laptop.stream.report({ agentVersion: '1.2.3', timeNonce: nonce });
    await laptop.stream.next((message) => message.case === 'time');
    expect(laptop.opened('time').map(({ nonce: of, device }) => [Buffer.from(of).toString('hex'), device])).toEqual([[Buffer.from(nonce).toString('hex'), laptop.device.id]]);
  });

  test('another device, and a manifest that is not needed: nobody else hears of a grant', async () => {
    const other = await askingDevice(api);
    const asked = await ask();
    const before = other.kinds().length;
    await post(`/requests/${asked.id}/approve`);
    const { grant } = await laptop.answer(asked.number, ({ state }) => state === 'approved');
    await enrol(api, await api.token());
    // T-18: a use that another device claims does not count.
    await other.upload(used(1, grant as string));
    expect(await get(`/requests/${asked.id}`)).toMatchObject({ state: 'approved', grant: { usesLeft: 1 } });
    expect(other.kinds().slice(before).filter((each) => each === 'manifest' || each === 'answer')).toEqual([]);
    other.close();
  });
});
