// docs/permissions.md says who may do what; here every cell is tried over HTTP: each role, for every device, for the device's group and for
// another group, on each route.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ANSWERING } from '@belay/core/policy-tools';
import { type Answered, startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { enrol } from '../../../tests/support/fleet.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { type Permission, PERMISSIONS, ROLE_PERMISSIONS, ROLES, type Role } from '../features/accounts/permissions.ts';
import { ACCESS, type RouteName } from './access.ts';
import { SAMPLES, type World } from '../../../tests/support/permission-samples.ts';

const SCOPES = { all: 'all', own: ['own'], other: ['other'] } as const;
type ScopeName = keyof typeof SCOPES;

/** What the tables promise: the answer as it should be, the answer to what does not exist, or a list without the device. */
function promised(access: string, role: Role, scope: ScopeName): 'yes' | 'no' | 'without' {
  if (access === 'anyone' || access === 'anybody') return 'yes';
  const permission = access as Permission;
  if (!ROLE_PERMISSIONS[role].includes(permission)) return 'no';
  if (scope === 'all' || permission === 'policies.read') return 'yes';
  if (PERMISSIONS[permission].reach === 'server') return 'no';
  return scope === 'own' ? 'yes' : 'without';
}

const databases = postgresMissing() === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);

test('lint knows which roles may answer requests', () => {
  expect(ANSWERING).toEqual(Object.fromEntries(ROLES.map((role) => [role, ROLE_PERMISSIONS[role].includes('requests.answer')])));
});

test('every route has a sample', () => {
  expect((Object.keys(ACCESS) as RouteName[]).filter((name) => SAMPLES[name] === undefined)).toEqual([]);
});

describe.each(databases)('permissions on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let api: TestApi;
  let device: string;

  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    api = await startTestApi({ config: 'signIn: { triesPerMinute: 1000 }\nrequests: { pendingOfDevice: 10000 }', ...(postgres === undefined ? {} : { databaseUrl: postgres.createDatabase() }) });
    await api.account('root', 'administrator');
    device = (await enrol(api, await api.token({ groups: ['own'] }), undefined, 'the-device')).id;
    await enrol(api, await api.token({ groups: ['other'] }), undefined, 'another-device');
  });
  afterAll(async () => {
    await api.close();
    await postgres?.close();
  });

  const cells = ROLES.flatMap((role) => (Object.keys(SCOPES) as ScopeName[]).map((scope) => [role, scope] as const));

  test.each(cells)('%s for %s: every route answers as the tables say', async (role, scope) => {
    const name = `${role}-${scope}`;
    await api.account(name, [{ role, groups: SCOPES[scope] }]);
    const [token, admin] = [await api.signIn(name), await api.signIn('root')];
    const absent = withoutRequest(await api.ask('GET', '/api/v1/nothing-here', { token }));
    const world: World = { api, device, admin, token, tag: `${name}-${kind}` };
    for (const route of Object.keys(ACCESS) as RouteName[]) {
      const sample = SAMPLES[route];
      if (sample === undefined || sample === 'elsewhere') continue;
      const { path = route.split(' ')[1] as string, body, shows } = await sample.ask(world);
      const method = route.split(' ')[0] as string;
      const answer = await api.ask(method, path.replace(':device', device), { token, ...(method === 'GET' ? {} : { body: body ?? {} }) });
      const found = { route, status: answer.status, body: answer.status === 404 ? withoutRequest(answer) : undefined, shows: shows === undefined ? undefined : answer.text.includes(shows) };
      const promise = promised(ACCESS[route], role, scope);
      const isWithout = promise === 'without' && sample.isList === true;
      if (promise === 'yes' || isWithout) expect(found).toEqual({ route, status: 200, body: undefined, shows: shows === undefined ? undefined : !isWithout });
      else expect(found).toMatchObject({ route, status: 404, body: absent });
      await api.context.store.db.updateTable('devices').set({ state: 'active', name: 'the-device' }).where('id', '=', device).execute();
    }
  });
});

function withoutRequest({ body }: Answered): Record<string, unknown> {
  return { ...body, request: 'some id' };
}
