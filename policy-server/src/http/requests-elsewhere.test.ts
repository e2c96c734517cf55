// One request for several devices: who may ask, who may say yes for which, and what each device gets.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Grant } from '@belay/core/evidence';
import { isWellBound } from '@belay/core/grants';
import { type Answered, startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { APPROVER, type AskingDevice, askingDevice, filed, used } from '../../../tests/support/requests.ts';

const databases = postgresMissing() === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);
const MINUTE = 60_000;
const scope = { commands: [{ command: '/usr/bin/systemctl', args: ['restart', 'nginx'] }], runAsUid: 0, runAsGid: 0 };

type Elsewhere = { readonly id: string | null; readonly name: string; readonly user: string | null; readonly mayAnswer: boolean; readonly whyNot: string | null; readonly grant: { readonly id: string; readonly state: string; readonly usesLeft: number } | null };
type Detail = { readonly state: string; readonly alsoOn: readonly string[]; readonly elsewhere: readonly Elsewhere[]; readonly grant: { readonly id: string } | null };

describe.each(databases)('a request for several devices on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let api: TestApi;
  const tokens: Record<string, string> = {};
  const devices: Record<string, AskingDevice> = {};
  let number = 0;

  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    api = await startTestApi({ config: 'requests: { pendingOfUser: 100, pendingOfDevice: 100 }\nsignIn: { triesPerMinute: 1000 }', ...(postgres === undefined ? {} : { databaseUrl: postgres.createDatabase() }) });
    const { db } = api.context.store;
    for (const id of ['ada', 'ben']) await db.insertInto('persons').values({ id, name: id, email: null, manager_id: null, created_at: 0 }).execute();
    await api.account('ada', 'approver', 'ada');
    await api.account('ben', 'approver', 'ben');
    await api.account('anna', 'approver');
    await api.account('webby', [{ role: 'approver', groups: ['web'] }]);
    for (const name of ['ada', 'ben', 'anna', 'webby']) tokens[name] = await api.signIn(name);
    for (const [name, group] of [['web-1', 'web'], ['web-2', 'web'], ['db-1', 'data'], ['bens', 'web']] as const) devices[name] = await askingDevice(api, { groups: [group], hostname: name });
    const users = [['ada', null, 'alice'], ['ada', 'db-1', 'dba'], ['ben', 'bens', 'alice']] as const;
    for (const [person, device, user] of users) await db.insertInto('person_users').values({ person_id: person, device_id: device === null ? null : on(device).device.id, user_name: user }).execute();
  });
  afterAll(async () => {
    for (const device of Object.values(devices)) device.close();
    await api.close();
    await postgres?.close();
  });

  const on = (name: string): AskingDevice => devices[name] as AskingDevice;
  const show = async (id: string, who = 'anna'): Promise<Detail> => (await api.ask('GET', `/api/v1/requests/${id}`, { token: tokens[who] })).body as Detail;
  const post = (path: string, body: unknown = {}, who = 'anna'): Promise<Answered> => api.ask('POST', `/api/v1${path}`, { token: tokens[who], body });
  const upload = async (asking: Partial<Parameters<typeof filed>[0]>): Promise<number> => {
    number += 1;
    await on('web-1').upload(filed({ stance: 'ahead', forMs: 20 * MINUTE, uses: 2, scope, ...asking, number }));
    return number;
  };
  const ask = async (alsoOn: readonly string[], asking: Partial<Parameters<typeof filed>[0]> = {}): Promise<string> => {
    const mine = await upload({ alsoOn, ...asking });
    return (await api.context.store.db.selectFrom('requests').select('id').where('number', '=', mine).executeTakeFirstOrThrow()).id;
  };
  const grantOn = async (name: string, id: string | undefined): Promise<Grant> => {
    const device = on(name);
    const listed = (grants: readonly Uint8Array[]): Grant | undefined => grants.map((each) => device.grant(each)).find((grant) => grant.id === id);
    return listed((await device.manifest(({ grants }) => listed(grants) !== undefined)).grants) as Grant;
  };

  test('each device has a grant of its own, for the requester\'s user there by name, and spends its own alone', async () => {
    const id = await ask(['web-2', 'db-1', 'web-1']);
    expect(await show(id)).toMatchObject({ scope: { isExact: true, text: '/usr/bin/systemctl restart nginx' }, alsoOn: ['db-1', 'web-2'], elsewhere: [{ name: 'db-1', user: 'dba', mayAnswer: true, whyNot: null, grant: null }, { name: 'web-2', user: 'alice', mayAnswer: true }] });
    expect((await post(`/requests/${id}/approve`, { words: 'both' })).status).toBe(200);
    const after = await show(id);
    expect(after).toMatchObject({ state: 'approved', decisions: [{ by: 'anna', alsoOn: ['db-1', 'web-2'] }], elsewhere: [{ name: 'db-1', grant: { state: 'live', usesLeft: 2 } }, { name: 'web-2', grant: { state: 'live' } }] });
    const [db, web] = after.elsewhere.map(({ grant }) => grant?.id);
    const there = await grantOn('db-1', db);
    expect({ ...there, server: 0, id: 0, issuedAt: 0, expiresAt: there.expiresAt - there.issuedAt }).toEqual({
      server: 0, id: 0, device: on('db-1').device.id, request: 0, user: 'dba', scope, met: ['{"from":["role:approver"],"count":1,"withinMs":600000}'], uses: 2, issuedAt: 0, expiresAt: 20 * MINUTE, approvedBy: ['anna'], message: 'both', emergency: false,
    });
    expect([there, await grantOn('web-2', web), await grantOn('web-1', after.grant?.id)].map(isWellBound)).toEqual([true, true, true]);
    expect(await grantOn('web-2', web)).toMatchObject({ user: 'alice', request: 0 });
    expect(await grantOn('web-1', after.grant?.id)).toMatchObject({ user: 'alice', uid: 2001, request: number, scope });

    // SECURITY(T-18): another device's word counts for nothing.
    await on('web-1').upload(used(900, db as string), { type: 'grant.ended', fields: { grant: db as string, uid: 1, user: 'dba', why: 'revoked' } });
    expect((await show(id)).elsewhere[0]?.grant).toMatchObject({ state: 'live', usesLeft: 2 });
    await on('db-1').upload(used(7, db as string), used(8, db as string));
    expect(await show(id)).toMatchObject({ state: 'approved', grant: { usesLeft: 2 }, elsewhere: [{ grant: { state: 'used', usesLeft: 0 } }, { grant: { state: 'live', usesLeft: 2 } }] });
    expect((await post(`/grants/${web}/revoke`, {})).status).toBe(200);
    await on('web-2').manifest(({ revocations }) => revocations.includes(web as string));
    expect((await show(id)).state).toBe('approved');
    await on('web-1').upload(used(901, after.grant?.id as string), used(902, after.grant?.id as string));
    expect((await show(id)).state).toBe('used');
  });

  test('an approver leaves devices out, by name or id; the exact request is of one device', async () => {
    const id = await ask(['web-2', 'db-1']);
    for (const [body, detail] of [[{ devices: ['web-9'] }, 'This request is not for "web-9".'], [{ exact: true, devices: ['web-2'] }, expect.stringContaining('one of its own device')]] as const) {
      expect(await post(`/requests/${id}/approve`, body)).toMatchObject({ status: 400, body: { detail } });
    }
    await post(`/requests/${id}/approve`, { devices: [on('db-1').device.id] });
    expect((await show(id)).elsewhere.map(({ grant }) => grant?.state)).toEqual(['live', undefined]);
    for (const body of [{ devices: [] }, { exact: true }]) {
      const narrow = await ask(['web-2']);
      await post(`/requests/${narrow}/approve`, body);
      expect(await show(narrow)).toMatchObject({ state: 'approved', grant: { state: 'live' }, elsewhere: [{ grant: null }] });
    }
  });

  test('of several approvers each must have said yes for a device', async () => {
    const id = await ask(['web-2', 'db-1'], { approval: [{ ...APPROVER, count: 2 }] });
    await post(`/requests/${id}/approve`, { devices: ['web-2'] });
    await post(`/requests/${id}/approve`, {}, 'ben');
    expect(await show(id)).toMatchObject({ decisions: [{ by: 'anna', alsoOn: ['web-2'] }, { by: 'ben', alsoOn: ['db-1', 'web-2'] }], elsewhere: [{ name: 'db-1', grant: null }, { name: 'web-2', grant: { state: 'live' } }] });
  });

  test('T-37: whoever may not answer for a device gives nothing there, and learns no more than the name that was asked for', async () => {
    const id = await ask(['web-2', 'db-1']);
    expect((await show(id, 'webby')).elsewhere).toEqual([
      { id: null, name: 'db-1', user: null, mayAnswer: false, whyNot: 'This device is outside your roles.', grant: null }, { id: on('web-2').device.id, name: 'web-2', user: 'alice', mayAnswer: true, whyNot: null, grant: null },
    ]);
    expect(await post(`/requests/${id}/approve`, { devices: ['db-1'] }, 'webby')).toMatchObject({ status: 403, body: { detail: 'db-1: Your roles do not let you answer requests of this device.' } });
    expect((await post(`/requests/${id}/approve`, {}, 'webby')).status).toBe(200);
    expect((await show(id)).elsewhere.map(({ grant }) => grant?.state)).toEqual([undefined, 'live']);
  });

  test('T-31: the same name on another device is the same person only where links say so', async () => {
    const refusal = async (asking: Partial<Parameters<typeof filed>[0]>): Promise<string> => (await on('web-1').answer(await upload(asking), ({ state }) => state === 'denied')).message;
    // There is a device "bens" with a user of that name, who is somebody else: as if there were none.
    const nobody = 'Not asked for: no user of yours is known on bens, nowhere. Ask without, or have an administrator link you there.';
    expect(await refusal({ alsoOn: ['bens', 'nowhere', 'web-2'] })).toBe(nobody);
    expect(await refusal({ alsoOn: ['web-2'], user: 'stranger', uid: 3 })).toMatch(/nobody knows that you are you/);
    expect(await post(`/requests/${await ask(['web-2'])}/approve`, {}, 'ada')).toMatchObject({ status: 403, body: { detail: 'This is your own request.' } });
    for (const odd of [{ stance: 'waiting', scope: undefined }, { emergency: true }, { scope: undefined }] as const) expect(await refusal({ alsoOn: ['web-2'], ...odd })).toBe('This cannot be asked for on several devices at once.');
    expect(await refusal({ alsoOn: Array.from({ length: 51 }, (_, at) => `d-${at}`) })).toMatch(/does not understand/);
  });

  test('what has changed since: a link that was taken away, and a device that has left, get nothing', async () => {
    const { db } = api.context.store;
    const id = await ask(['web-2', 'db-1']);
    await db.deleteFrom('person_users').where('device_id', '=', on('db-1').device.id).execute();
    expect((await show(id)).elsewhere[0]).toMatchObject({ name: 'db-1', mayAnswer: false, whyNot: '"dba" is no longer linked to whoever asks.' });
    await db.updateTable('devices').set({ state: 'revoked' }).where('id', '=', on('web-2').device.id).execute();
    expect(await post(`/requests/${id}/approve`, { devices: ['web-2'] })).toMatchObject({ status: 403, body: { detail: 'web-2: This device is no longer part of the fleet.' } });
    expect((await post(`/requests/${id}/approve`)).status).toBe(200);
    expect((await show(id)).elsewhere.map(({ grant }) => grant)).toEqual([null, null]);
    await db.updateTable('devices').set({ state: 'active' }).where('id', '=', on('web-2').device.id).execute();
  });

  test('cancelled after the yes: over on every device', async () => {
    const id = await ask(['web-2']);
    await post(`/requests/${id}/approve`);
    const there = (await show(id)).elsewhere[0]?.grant?.id;
    await grantOn('web-2', there);
    await on('web-1').upload({ type: 'request.cancelled', fields: { request: number, uid: 2001, user: 'alice', why: 'by-requester' } });
    await on('web-2').manifest(({ grants }) => grants.every((each) => on('web-2').grant(each).id !== there));
    expect(await show(id)).toMatchObject({ state: 'cancelled', elsewhere: [{ grant: { state: 'ended' } }] });
  });

  test('T-31: whoever has just changed a policy asks on each device itself, as the rule that asks there may be theirs', async () => {
    const id = await ask(['web-2']);
    const file = (minutes: number): string => `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: web }\nrules:\n  - { name: reload, who: ["user:alice"], run: [{ command: /usr/bin/systemctl }], then: ask, require: { approval: { from: ["role:approver"], within: ${minutes}m } } }\n  - { name: recovery, recovery: true, who: ["group:belay-recovery"], run: any, then: ask, require: { reauth: true } }\n`;
    await api.account('author', 'policy-author', 'ada');
    tokens['author'] = await api.signIn('author');
    expect((await post('/policies/apply', { files: [{ name: 'web.yaml', text: file(5) }], comment: 'x' }, 'author')).status).toBe(200);
    const whyNot = 'Whoever asks has changed the policy "web" within the last 7 days, which may ask there: let them ask on that device.';
    expect((await show(id)).elsewhere).toMatchObject([{ mayAnswer: false, whyNot }]);
    expect(await post(`/requests/${id}/approve`, { devices: ['web-2'] })).toMatchObject({ status: 403, body: { detail: `web-2: ${whyNot}` } });
    expect((await post(`/requests/${id}/approve`)).status).toBe(200);
    expect(await show(id)).toMatchObject({ grant: { state: 'live' }, elsewhere: [{ grant: null }] });
  });
});
