import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { enrol } from '../../../tests/support/fleet.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';

const HOUR = 3_600_000;

const RECOVERY = `apiVersion: belay/v1
kind: Policy
metadata: { name: recovery }
rules:
  - { name: recovery, recovery: true, who: ["group:belay-recovery"], run: any, then: ask, require: { reauth: true }, priority: -100 }
`;
const SHARED = `apiVersion: belay/v1
kind: UserSet
metadata: { name: engineers }
who: ["group:developers", "group:operations"]
`;
const PACKAGES = `apiVersion: belay/v1
kind: Policy
metadata: { name: packages }
targets: { devices: ["group:engineering"] }
rules:
  - { name: install, who: ["set:engineers"], run: [{ command: /usr/bin/apt-get, args: [install, "**"] }], during: { from: "08:00", to: "18:00" }, then: allow }
  - { name: no interns, who: ["group:interns"], run: [{ command: /usr/bin/apt-get }], then: deny, message: Ask your mentor. }
`;

const databases = postgresMissing() === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);

describe.each(databases)('questions about policy on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let api: TestApi;
  let [viewer, device]: string[] = [];

  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    api = await startTestApi(postgres === undefined ? {} : { databaseUrl: postgres.createDatabase() });
    for (const [name, role] of [['root', 'administrator'], ['vera', 'viewer']] as const) await api.account(name, role);
    const admin = await api.signIn('root');
    viewer = await api.signIn('vera');
    const post = (path: string, body: unknown) => api.ask('POST', `/api/v1${path}`, { token: admin, body });
    const apply = async (files: Readonly<Record<string, string>>) => {
      const applied = await post('/policies/apply', { files: Object.entries(files).map(([name, text]) => ({ name, text })) });
      if (applied.status !== 200) throw new Error(applied.text);
    };
    await apply({ 'recovery.yaml': RECOVERY });
    await apply({ 'shared.yaml': SHARED, 'packages.yaml': PACKAGES });
    const { token } = (await post('/enroll-tokens', { uses: 1, validForMs: HOUR, groups: ['engineering'] })).body as { token: string };
    device = (await enrol(api, token)).id;
    await post(`/devices/${device}/rename`, { name: 'laptop-7' });
  });
  afterAll(async () => {
    await api.close();
    await postgres?.close();
  });

  const ask = (path: string, body: unknown, token: string | undefined = viewer) => api.ask('POST', `/api/v1/policies/${path}`, { token, body });
  const APT = { who: 'ada', groups: ['developers'], run: ['/usr/bin/apt-get', 'install', 'vim'] };

  test('a viewer has a request explained for a device of the fleet, by its groups in the database and the version in force', async () => {
    const answer = await ask('explain', { device: 'laptop-7', case: { ...APT, at: '2026-03-04T07:50:30Z' } });
    expect([answer.status, answer.body]).toMatchObject([200, {
      version: 2, device: { id: device, name: 'laptop-7', groups: ['engineering'] }, at: '2026-03-04T07:50:30Z', outcome: { decision: 'deny', reason: 'no-rule' }, elsewhere: [], requester: { decision: 'deny', by: [] },
    }]);
    const [nearest] = answer.body['rules'] as { criteria: { truth: string }[] }[];
    expect(nearest).toMatchObject({ rule: { policy: 'packages', rule: 'install' }, part: 'does-not-hold' });
    expect(nearest?.criteria.filter(({ truth }) => truth !== 'true')).toMatchObject([{ criterion: 'during', wants: '08:00 to 18:00', found: 'Wednesday 07:50, 10 min before it begins' }]);
    expect((await ask('explain', { device, case: { ...APT, at: '2026-03-04T08:00:00Z' } })).body).toMatchObject({ outcome: { decision: 'allow', by: ['packages/install'] } });
    expect((await ask('explain', { device, case: { ...APT, groups: ['interns'] } })).body).toMatchObject({ outcome: { decision: 'deny', reason: 'denied-by-rule', message: 'Ask your mentor.' } });
  });

  test('without a time it is about now', async () => {
    const before = Date.now();
    const answer = await ask('explain', { device, case: APT });
    const at = Date.parse(answer.body['at'] as string);
    expect([at > before - 1000, at <= Date.now()]).toEqual([true, true]);
  });

  test('or in a world of its own, or by an older version', async () => {
    const at = '2026-03-04T08:00:00Z';
    expect((await ask('explain', { case: { ...APT, at } })).body).toMatchObject({ device: null, elsewhere: ['packages'], outcome: { reason: 'no-rule' } });
    expect((await ask('explain', { case: { ...APT, at }, world: { device: { groups: ['engineering'] } } })).body).toMatchObject({ elsewhere: [], outcome: { by: ['packages/install'] } });
    expect((await ask('explain', { case: { ...APT, at }, world: { device: { groups: ['engineering'] }, files: { '/usr/bin/apt-get': { writable: true } } } })).body).toMatchObject({ outcome: { reason: 'unsafe-file' } });
    expect((await ask('explain', { device, version: 1, case: { ...APT, at } })).body).toMatchObject({ version: 1, rules: [{ rule: { policy: 'recovery' } }] });
    // What the database knows of a device is not the caller's to say.
    expect((await ask('explain', { device, case: { ...APT, at }, world: { device: { groups: ['sales'], posture: { encrypted: true } } } })).body).toMatchObject({ device: { groups: ['engineering'] }, outcome: { by: ['packages/install'] } });
  });

  test('who can run a command: everybody the rules name, with sets filled in, and what stands against it', async () => {
    const answer = await ask('who-can', { command: '/usr/bin/apt-get' });
    expect([answer.status, answer.body]).toMatchObject([200, {
      version: 2, device: null, isCut: false, takenAway: [],
      entitlements: [
        { rule: { policy: 'packages', rule: 'install' }, then: 'allow', who: ['group:developers', 'group:operations'], devices: 'group:engineering', command: '/usr/bin/apt-get install **', as: 'root : root', conditions: ['08:00 to 18:00'], others: [{ then: 'deny', rule: { rule: 'no interns' }, certain: false, conditions: ['group:interns'] }] },
        { rule: { policy: 'recovery' }, then: 'ask', who: ['group:belay-recovery'], demands: { reauth: { maxAgeMs: 0 } } },
      ],
    }]);
    const verdict = async (more: object) => (await ask('who-can', { command: '/usr/bin/apt-get', args: ['install', 'vim'], device: 'laptop-7', ...more })).body['verdict'];
    expect(await verdict({ user: { name: 'ada', groups: ['developers'] } })).toMatchObject({ answer: 'depends', outcomes: ['allow', 'deny'] });
    expect(await verdict({ user: { name: 'ada', groups: ['developers', 'interns'] } })).toMatchObject({ answer: 'deny', rules: [{ rule: { rule: 'no interns' }, holds: 'yes' }, expect.anything(), expect.anything()] });
    expect(await verdict({ user: { name: 'ada', groups: ['belay-recovery'] } })).toMatchObject({ answer: 'ask' });
  });

  test('a version or device that is not there answers as what is not allowed does; nothing else is let in', async () => {
    for (const path of ['explain', 'who-can']) {
      const question = path === 'explain' ? { case: APT } : { command: '/usr/bin/id' };
      const absent = await api.ask('POST', '/api/v1/nothing-here', { token: viewer, body: {} });
      for (const more of [{ version: 99 }, { device: 'absent' }, { device: '../laptop-7' }, { device: "x' or '1'='1" }]) {
        const answer = await ask(path, { ...question, ...more });
        expect([more, answer.status, answer.body['code'], answer.body['detail']]).toEqual([more, 404, absent.body['code'], absent.body['detail']]);
      }
      expect((await ask(path, question, 'blt_x')).status).toBe(401);
      for (const wrong of [{ more: 1 }, { version: -1 }, { version: 'x' }, { device: '' }, { device: 'x'.repeat(300) }]) expect([wrong, (await ask(path, { ...question, ...wrong })).status]).toEqual([wrong, 400]);
    }
    for (const wrong of [{}, { case: {} }, { case: { ...APT, run: ['apt-get'] } }, { case: { ...APT, at: '2026-02-30T10:00:00Z' } }, { case: APT, world: { files: [] } }]) expect([wrong, (await ask('explain', wrong)).status]).toEqual([wrong, 400]);
    for (const command of ['apt-get', '', '/usr/bin/../bin/id', '/usr//bin/id', '/usr/bin/', '/usr/bin/\u0000', '/usr/*']) expect([command, (await ask('who-can', { command })).status]).toEqual([command, 400]);
    expect((await ask('who-can', { command: '/usr/bin/id', as: {} })).status).toBe(400);
    expect((await ask('explain', { case: { ...APT, run: ['/bin/x', 'y'.repeat(300_000)] } })).status).toBe(413);
  });

  test('names that JavaScript knows, and bytes that are no text, are only names and bytes', async () => {
    const world = { users: { constructor: 7 }, groups: { toString: 9 }, files: { '/bin/valueOf': {} } };
    const answer = await ask('explain', { device, world, case: { who: 'constructor', groups: ['toString'], run: ['/usr/bin/apt-get', 'install', '\\xff'], at: '2026-03-04T09:00:00Z' } });
    expect([answer.status, answer.body]).toMatchObject([200, { outcome: { decision: 'deny' } }]);
    const bytes = (answer.body['rules'] as { criteria: { criterion: string; truth: string }[] }[]).map(({ criteria }) => criteria.find(({ criterion }) => criterion === 'bytes')?.truth);
    expect(bytes).toContain('false');
    const raw = `{"case":${JSON.stringify(APT)},"world":{"users":{"__proto__":5}}}`;
    expect((await api.ask('POST', '/api/v1/policies/explain', { token: viewer, raw })).status).toBe(400);
  });
});
