import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createExportVerifier } from '@belay/core/evidence';
import { ed25519Verify, sha256 } from '@belay/core/node-crypto';
import { PASSWORD, startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { eventually } from '../../../tests/support/fleet.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { ACCESS, type RouteName } from './access.ts';

const HOUR = 3_600_000;
const rule = (name: string, then = 'allow') => `apiVersion: belay/v1
kind: Policy
metadata: { name: ${name} }
rules:
  - name: look
    who: ["group:developers"]
    run: [{ command: /usr/bin/id }]
    then: ${then}
`;
const recovery = (isRecovery = true) => `apiVersion: belay/v1
kind: Policy
metadata: { name: recovery }
rules:
  - name: recovery
    ${isRecovery ? 'recovery: true' : 'priority: 1'}
    who: ["group:belay-recovery"]
    run: any
    then: ask
    require: { reauth: true }
`;
const file = (name: string, text: string) => ({ name: `${name}.yaml`, text });

const ADMINISTRATOR = [{ role: 'administrator', groups: 'all' }];
const VIEWER = [{ role: 'viewer', groups: 'all' }];

type Row = { readonly type: string; readonly fields: Record<string, unknown>; readonly id: number };

/** Every path has its parameters filled in with something that does not exist. */
function pathOf(name: RouteName): readonly [method: string, path: string] {
  const [method, path] = name.split(' ') as [string, string];
  return [method, path.replace(/:(version|from|to)/g, '999999').replace(/:[a-z]+/g, 'absent')];
}

const withoutRequest = (body: Record<string, unknown>) => ({ ...body, request: 'some id' });

const missing = postgresMissing();
const databases = missing === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);

describe.each(databases)('the API on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let api: TestApi;
  let offset = 0;
  let frozen: number | undefined;
  let admin: string;

  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    api = await startTestApi({ clock: () => frozen ?? Date.now() + offset, ...(postgres === undefined ? {} : { databaseUrl: postgres.createDatabase() }) });
    for (const [name, role] of [['root', 'administrator'], ['olga', 'operator'], ['vera', 'viewer']] as const) await api.account(name, role);
    admin = await api.signIn('root');
  });
  afterAll(async () => {
    await api.close();
    await postgres?.close();
  });

  const get = (path: string, token: string | undefined = admin) => api.ask('GET', `/api/v1${path}`, { token });
  const post = (path: string, body: unknown, token: string | undefined = admin) => api.ask('POST', `/api/v1${path}`, { token, body });
  const eventsOf = async (type: string): Promise<readonly Row[]> => (await get(`/events?type=${type}`)).body['events'] as readonly Row[];

  test('without a token every address answers alike, whether it exists or not', async () => {
    const routes = (Object.keys(ACCESS) as RouteName[]).filter((name) => ACCESS[name] !== 'anyone');
    const absent = await api.ask('GET', '/api/v1/nothing-here');
    expect(absent.status).toBe(401);
    for (const name of routes) {
      const [method, path] = pathOf(name);
      const answer = await api.ask(method, path, method === 'POST' ? { body: {} } : {});
      expect([name, answer.status, withoutRequest(answer.body)]).toEqual([name, 401, withoutRequest(absent.body)]);
    }
    for (const token of ['', 'x', 'blt_AAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA']) {
      expect([(await get('/whoami', token)).status, (await get('/nothing-here', token)).status]).toEqual([401, 401]);
    }
  });

  test('a wrong name, a wrong password and a locked account answer alike; the lock ends by itself', async () => {
    await api.account('lara', 'viewer');
    const login = (name: string, password: string) => post('/login', { name, password }, undefined);
    const absent = await login('nobody-here', PASSWORD);
    expect([absent.status, absent.body['code']]).toEqual([401, 'BELAY_E_UNAUTHENTICATED']);
    for (let attempt = 0; attempt < 5; attempt++) expect(withoutRequest((await login('lara', 'wrong')).body)).toEqual(withoutRequest(absent.body));
    const locked = await login('lara', PASSWORD);
    expect([locked.status, withoutRequest(locked.body)]).toEqual([401, withoutRequest(absent.body)]);
    offset += 31_000;
    expect((await login('lara', PASSWORD)).status).toBe(200);
    expect((await eventsOf('admin.login-failed')).filter(({ fields }) => fields['name'] === 'lara')).toHaveLength(6);
  });

  test('a disabled account can neither sign in nor go on', async () => {
    await api.account('dina', 'operator');
    const token = await api.signIn('dina');
    expect((await get('/whoami', token)).body).toMatchObject({ name: 'dina', bindings: [{ role: 'operator', groups: 'all' }], kind: 'session' });
    await api.context.store.db.updateTable('accounts').set({ disabled: 1 }).where('name', '=', 'dina').execute();
    expect((await get('/whoami', token)).status).toBe(401);
    expect((await post('/login', { name: 'dina', password: PASSWORD }, undefined)).status).toBe(401);
  });

  test('a service token works until it is revoked or expires, is stored only as a hash, and makes no tokens', async () => {
    const made = await post('/tokens', { name: 'ci', bindings: ADMINISTRATOR, validForMs: HOUR });
    const token = made.body['token'] as string;
    const { id } = made.body['info'] as { id: string };
    expect(id).toMatch(/^[a-z2-7]{12}$/); // no option of a command line
    expect((await get('/whoami', token)).body).toMatchObject({ name: 'token:ci', bindings: ADMINISTRATOR, kind: 'service' });
    expect((await post('/tokens', { name: 'child', bindings: VIEWER, validForMs: HOUR }, token)).status).toBe(404);
    const rows = await api.context.store.db.selectFrom('api_tokens').selectAll().execute();
    const secret = token.split('.')[1] as string;
    expect(JSON.stringify(rows.map((row) => ({ ...row, secret_hash: Buffer.from(row.secret_hash).toString('latin1') })))).not.toContain(secret);
    expect(JSON.stringify((await get('/tokens')).body)).not.toContain(secret);
    expect((await post(`/tokens/${id}/revoke`, {})).status).toBe(200);
    expect((await get('/whoami', token)).status).toBe(401);
    const short = (await post('/tokens', { name: 'short', bindings: VIEWER, validForMs: 60_000 })).body['token'] as string;
    expect((await get('/whoami', short)).status).toBe(200);
    offset += 61_000;
    expect((await get('/whoami', short)).status).toBe(401);
    expect((await eventsOf('admin')).map(({ type, fields }) => `${type} ${String(fields['name'])}`)).toEqual(expect.arrayContaining(['admin.token-created ci', 'admin.token-revoked ci']));
  });

  test('who signs out is out', async () => {
    const token = await api.signIn('vera');
    expect((await post('/logout', {}, token)).status).toBe(200);
    expect((await get('/whoami', token)).status).toBe(401);
  });

  test('policies are applied all or nothing, with every error of every file at once', async () => {
    const first = await post('/policies/apply', { files: [file('recovery', recovery()), file('dev', rule('dev'))], comment: 'first' });
    expect(first.body).toMatchObject({ version: 1, published: true, changes: [{ name: 'dev', change: 'added' }, { name: 'recovery', change: 'added' }] });
    const broken = await post('/policies/apply', {
      files: [file('good', rule('good')), file('one', rule('one', 'perhaps')), file('two', `${rule('two')}unknown: 1\n`), file('three', 'a: [b')], comment: '',
    });
    expect([broken.status, broken.type.split(';')[0], broken.body['code']]).toEqual([422, 'application/problem+json', 'BELAY_E_POLICY_INVALID']);
    const problems = broken.body['problems'] as readonly Record<string, unknown>[];
    expect(new Set(problems.map((each) => each['file']))).toEqual(new Set(['one.yaml', 'two.yaml', 'three.yaml']));
    for (const each of problems) expect(each).toEqual({ file: expect.any(String), line: expect.any(Number), column: expect.any(Number), message: expect.any(String), remedy: expect.any(String) });
    expect((await get('/policies')).body).toMatchObject({ version: 1, policies: [{ name: 'dev' }, { name: 'recovery' }] });
  });

  test('applying adds and replaces by name, a dry run shows the difference, nothing new is nothing published', async () => {
    const same = await post('/policies/apply', { files: [file('dev', rule('dev'))] });
    expect(same.body).toMatchObject({ version: 1, published: false });
    const files = [file('dev', rule('dev', 'deny')), file('more', rule('more'))];
    const dry = await post('/policies/apply', { files, dryRun: true });
    expect(dry.body).toMatchObject({ version: 1, published: false, changes: [{ name: 'dev', change: 'changed' }, { name: 'more', change: 'added' }, { name: 'recovery', change: 'unchanged' }] });
    expect((dry.body['changes'] as { diff: string }[])[0]?.diff).toContain('-    then: allow\n+    then: deny\n');
    expect((await post('/policies/apply', { files, baseVersion: 0 })).body['code']).toBe('BELAY_E_CONFLICT');
    expect((await post('/policies/apply', { files, baseVersion: 1 })).body).toMatchObject({ version: 2, published: true });
    expect((await get('/policies/dev')).body).toMatchObject({ version: 2, name: 'dev', source: rule('dev', 'deny') });
    expect((await get('/policies/dev?version=1')).body).toMatchObject({ source: rule('dev') });
    expect((await get('/policy-versions/1/diff/2')).body['changes']).toMatchObject([{ change: 'changed' }, { change: 'added' }, { change: 'unchanged' }]);
  });

  test('the recovery rule cannot be removed, by pruning or by replacing', async () => {
    const { version } = (await get('/policies')).body;
    for (const body of [{ files: [file('dev', rule('dev'))], prune: true }, { files: [file('recovery', recovery(false))] }, { files: [], prune: true }]) {
      const refused = await post('/policies/apply', body);
      expect([refused.status, refused.body['code']]).toEqual([422, 'BELAY_E_POLICY_RECOVERY']);
    }
    expect((await get('/policies')).body['version']).toBe(version);
  });

  test('a rollback publishes old content under a new number, and is told in the log', async () => {
    const back = await post('/policy-versions/1/rollback', { comment: 'was better' });
    expect(back.body).toMatchObject({ version: 3, published: true });
    expect((await get('/policies/dev')).body).toMatchObject({ version: 3, source: rule('dev') });
    expect((await get('/policies/more')).status).toBe(404);
    expect((await get('/policy-versions')).body['versions']).toMatchObject([{ version: 3, rollbackOf: 1, createdBy: 'root', comment: 'was better' }, { version: 2 }, { version: 1, comment: 'first' }]);
    expect((await post('/policy-versions/77/rollback', {})).status).toBe(404);
    expect((await eventsOf('policy')).map(({ type, fields }) => ({ type, ...fields }))).toMatchObject([
      { type: 'policy.rolled-back', by: 'root', version: 3, of: 1 }, { type: 'policy.published', version: 2 }, { type: 'policy.published', version: 1, policies: ['dev', 'recovery'] },
    ]);
  });

  test('of twenty who apply at once each is in, one after the other', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => post('/policies/apply', { files: [file(`p${at}`, rule(`p${at}`))] })));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(((await get('/policies')).body['policies'] as unknown[])).toHaveLength(22);
  });

  test('events are listed newest first, by filter and page by page', async () => {
    const all: Row[] = [];
    let before: number | null = null;
    do {
      const page = (await get(`/events?type=admin,policy&limit=7${before === null ? '' : `&before=${before}`}`)).body as { events: Row[]; next: number | null };
      expect(page.events.length).toBeLessThanOrEqual(7);
      all.push(...page.events);
      before = page.next;
    } while (before !== null);
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).toSorted((a, b) => b - a));
    expect(new Set(all.map(({ type }) => type.split('.')[0]))).toEqual(new Set(['admin', 'policy']));
    expect(((await get('/events?user=root&type=policy.rolled-back')).body['events'] as unknown[])).toHaveLength(1);
    expect((await get(`/events?since=${Date.now() + 10 * HOUR}`)).body).toEqual({ events: [], next: null });
    expect((await get('/events?device=absent')).status).toBe(404);
    expect((await get('/events?type=nonsense')).status).toBe(400);
    await post('/tokens', { name: 'all-viewer', bindings: VIEWER, validForMs: HOUR });
    const found = (await get('/events?text=all-viewer&type=admin.token-created')).body['events'] as readonly Row[];
    expect(found.map(({ fields }) => fields['name'])).toEqual(['all-viewer']);
    expect((await get('/events?text=all-view')).body['events']).toEqual([]);
    expect(((await get('/events?text=all-view*')).body['events'] as readonly Row[]).length).toBeGreaterThan(0);
    expect((await get('/events?text=%25%22*')).status).toBe(400);
  });

  test('a tail tells of an event the moment it happens, and goes on after the one it is given', async () => {
    const stream = await api.open('/api/v1/events/tail?type=enroll-token', admin);
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await eventually(async () => text.includes('event: ready'));
    const { info } = (await post('/enroll-tokens', { uses: 1, validForMs: HOUR })).body as { info: { id: string } };
    await eventually(async () => text.includes(info.id));
    stream.destroy();
    const [newest] = await eventsOf('enroll-token');
    const again = await api.open(`/api/v1/events/tail?type=enroll-token&after=${(newest as Row).id - 1}`, admin);
    let repeated = '';
    again.setEncoding('utf8').on('data', (chunk: string) => {
      repeated += chunk;
    });
    await eventually(async () => repeated.includes(info.id));
    again.destroy();
  });

  test('an export is complete and verifies', async () => {
    const count = async (): Promise<number> => Number((await api.context.store.db.selectFrom('events').select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()).count);
    const before = await count();
    const answer = await get('/events/export');
    const verifier = createExportVerifier({ sha256, verify: ed25519Verify, serverId: api.context.keys.serverId });
    for (const line of answer.text.trimEnd().split('\n')) verifier.line(line);
    const report = verifier.end();
    expect(report.faults).toEqual([]);
    // The server may seal its chain meanwhile.
    expect(report.events).toBeGreaterThanOrEqual(before);
    expect(report.events).toBeLessThanOrEqual(await count());
  });

  test('what is refused says what is wrong, and never more', async () => {
    expect((await post('/tokens', { name: 'x', bindings: [{ role: 'king', groups: 'all' }], validForMs: 1 })).body).toMatchObject({ status: 400, code: 'BELAY_E_BAD_REQUEST', detail: expect.stringContaining('body.bindings.0.role') });
    expect((await post('/tokens', { name: 'x', bindings: VIEWER, validForMs: HOUR, more: 1 })).status).toBe(400);
    expect((await api.ask('POST', '/api/v1/tokens', { token: admin, raw: '{"name":' })).status).toBe(400);
    expect((await get('/devices/%00')).status).toBe(400);
    expect((await get('/events?limit=100000')).status).toBe(400);
    expect((await get('/devices?state=lost')).status).toBe(400);
    const large = await post('/login', { name: 'root', password: 'x'.repeat(300_000) }, undefined);
    expect([large.status, large.body['code']]).toEqual([413, 'BELAY_E_TOO_LARGE']);
  });

  test('health and readiness need no token, metrics do', async () => {
    expect((await api.ask('GET', '/healthz')).body).toEqual({ status: 'ok' });
    expect((await api.ask('GET', '/readyz')).body).toEqual({ status: 'ready' });
    expect((await api.ask('GET', '/metrics')).status).toBe(401);
    expect((await api.ask('GET', '/metrics', { token: admin })).text).toContain('belay_http_seconds_count');
  });

  // Last: it spends what this address may try.
  test('sign-ins are limited by the address of the socket, whatever X-Forwarded-For says', async () => {
    frozen = api.context.clock();
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 40; attempt++) {
      statuses.push((await api.ask('POST', '/api/v1/login', { body: { name: 'nobody', password: 'x' }, headers: { 'x-forwarded-for': `10.0.0.${attempt}` } })).status);
    }
    expect(statuses.at(-1)).toBe(429);
    expect((await get('/whoami')).status).toBe(200);
  });
});
