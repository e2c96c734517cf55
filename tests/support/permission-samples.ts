/** For each route something it answers 200 to when whoever asks may; the matrix of permissions is tried with these. */
import type { RouteName } from '../../policy-server/src/http/access.ts';
import { PASSWORD, type TestApi } from './api.ts';
import { fileDirectly } from './requests.ts';

/** `device` is called the-device and is in the group `own`. `token` is of whoever is tried, `admin` of an administrator. `tag` makes names new. */
export type World = { readonly api: TestApi; readonly device: string; readonly admin: string; readonly token: string; readonly tag: string };
/** `:device` in the path is the device. `shows`: what the answer holds if, and only if, the device is within reach. */
export type Asked = { readonly path?: string; readonly body?: unknown; readonly shows?: string };
/** `isList`: out of reach it answers all the same, without the device. */
export type Sample = { readonly isList?: true; readonly ask: (world: World) => Asked | Promise<Asked> } | 'elsewhere';

const plain: Sample = { ask: () => ({}) };
const body = (content: unknown): Sample => ({ ask: () => ({ body: content }) });
const list = (path: string, shows: (world: World) => string): Sample => ({ isList: true, ask: (world) => ({ path, shows: shows(world) }) });

async function made(world: World, path: string, content: unknown): Promise<Record<string, unknown>> {
  const answer = await world.api.ask('POST', `/api/v1${path}`, { token: world.admin, body: content });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.text}`);
  return answer.body;
}

const newPerson = async (world: World): Promise<string> => (await made(world, '/persons', { name: 'Somebody' }))['id'] as string;
const accounts = new WeakMap<World, Promise<Record<string, unknown>>>();
/** One for each world: hashing its password is most of the work. */
const newAccount = async (world: World): Promise<string> => {
  const making = accounts.get(world) ?? made(world, '/accounts', { name: `${world.tag}-other`, bindings: [], password: 'not a good password' });
  accounts.set(world, making);
  return `/api/v1/accounts/${((await making) as { account: { id: string } }).account.id}`;
};

const POLICY = `apiVersion: belay/v1
kind: Policy
metadata: { name: recovery }
rules:
  - { name: recovery, recovery: true, who: ["group:belay-recovery"], run: any, then: ask, require: { reauth: true } }
`;
const policies = async (world: World): Promise<void> => {
  await made(world, '/policies/apply', { files: [{ name: 'recovery.yaml', text: POLICY }] });
};

const webhook = (act: string): Sample => ({
  ask: async (world) => {
    const { webhook: { id } } = (await made(world, '/webhooks', { name: `${act} ${world.tag}`, url: 'https://1.1.1.1/' })) as { webhook: { id: string } };
    return { path: `/api/v1/webhooks/${id}/${act}`, body: {} };
  },
});

let requests = 0;

/** A request of the device that approvers and administrators may answer; its id. */
async function request({ api, device }: World, emergency = false): Promise<string> {
  requests += 1;
  const approval = [{ from: ['role:approver', 'role:administrator'], count: 1, withinMs: 600_000 }];
  return fileDirectly(api.context, device, { number: requests, uid: 10_000 + requests, user: `user${requests}`, approval, emergency });
}

async function approved(world: World, emergency = false): Promise<Record<string, unknown>> {
  return made(world, `/requests/${await request(world, emergency)}/approve`, {});
}

const grantOf = async (world: World): Promise<string> => ((await approved(world))['grant'] as { id: string }).id;
const proposalOf = async (world: World): Promise<string> => ((await made(world, `/requests/${await request(world)}/propose`, {}))['proposal'] as { id: string }).id;
const onRequest = (act: string, content: unknown, emergency?: boolean): Sample => ({
  ask: async (world) => ({ path: `/api/v1/requests/${emergency === true ? String((await approved(world, true))['id']) : await request(world)}${act}`, body: content }),
});

const cases = 'apiVersion: belay/v1\nkind: PolicyTest\nmetadata: { name: daily }\ncases: [{ name: look, who: ada, run: [/usr/bin/id], expect: deny }]\n';
const tokenBody = { bindings: [{ role: 'viewer', groups: 'all' }], validForMs: 60_000 };

export const SAMPLES: Partial<Record<RouteName, Sample>> = {
  'POST /api/v1/login': 'elsewhere',
  // It would end the session of the matrix.
  'POST /api/v1/logout': 'elsewhere',
  'GET /api/v1/whoami': plain,

  'GET /api/v1/sign-in': plain,
  'GET /api/v1/session/oidc/start': 'elsewhere',
  'GET /api/v1/session/oidc/callback/:id': 'elsewhere',
  'GET /api/v1/session': plain,
  'POST /api/v1/session': 'elsewhere',
  'POST /api/v1/session/totp': 'elsewhere',
  'POST /api/v1/session/passkey/options': body({}),
  'POST /api/v1/session/passkey/finish': 'elsewhere',
  'DELETE /api/v1/session': 'elsewhere',
  'GET /api/v1/me/factors': plain,
  'POST /api/v1/me/password': body({ current: PASSWORD, next: PASSWORD }),
  'POST /api/v1/me/totp/start': plain,
  'POST /api/v1/me/totp/confirm': 'elsewhere',
  'POST /api/v1/me/totp/remove': plain,
  'POST /api/v1/me/passkeys/options': plain,
  'POST /api/v1/me/passkeys/add': 'elsewhere',
  'DELETE /api/v1/me/passkeys/:id': 'elsewhere',
  'GET /api/v1/me/sessions': plain,
  'DELETE /api/v1/me/sessions/:id': { ask: async ({ api, token, admin }) => {
    const { name } = (await api.ask('GET', '/api/v1/whoami', { token })).body as { name: string };
    const other = token === admin ? token : await api.signIn(name);
    const { sessions } = (await api.ask('GET', '/api/v1/me/sessions', { token: other })).body as { sessions: { id: string; current: boolean }[] };
    return { path: `/api/v1/me/sessions/${sessions.find(({ current }) => current)?.id}` };
  } },

  'GET /api/v1/tokens': plain,
  'POST /api/v1/tokens': body({ name: 'made', ...tokenBody }),
  'POST /api/v1/tokens/:id/revoke': { ask: async (world) => ({ path: `/api/v1/tokens/${((await made(world, '/tokens', { name: 'x', ...tokenBody }))['info'] as { id: string }).id}/revoke` }) },

  'GET /api/v1/openapi.json': plain,
  'GET /api/v1/permissions': plain,
  'GET /api/v1/persons': plain,
  'POST /api/v1/persons': body({ name: 'Made' }),
  'GET /api/v1/persons/:id': { ask: async (world) => ({ path: `/api/v1/persons/${await newPerson(world)}` }) },
  'POST /api/v1/persons/:id': { ask: async (world) => ({ path: `/api/v1/persons/${await newPerson(world)}`, body: { name: 'Other' } }) },
  'POST /api/v1/persons/:id/users': { ask: async (world) => ({ path: `/api/v1/persons/${await newPerson(world)}/users`, body: { add: [{ user: world.tag, device: null }] } }) },
  'GET /api/v1/accounts': plain,
  'POST /api/v1/accounts': { ask: ({ tag }) => ({ body: { name: `${tag}-made`, bindings: [] } }) },
  'GET /api/v1/accounts/:id': { ask: async (world) => ({ path: await newAccount(world) }) },
  'POST /api/v1/accounts/:id/roles': { ask: async (world) => ({ path: `${await newAccount(world)}/roles`, body: { bindings: [{ role: 'viewer', groups: ['own'] }] } }) },
  'POST /api/v1/accounts/:id/disable': { ask: async (world) => ({ path: `${await newAccount(world)}/disable` }) },
  'POST /api/v1/accounts/:id/enable': { ask: async (world) => ({ path: `${await newAccount(world)}/enable` }) },
  'POST /api/v1/accounts/:id/password': { ask: async (world) => ({ path: `${await newAccount(world)}/password` }) },
  'POST /api/v1/accounts/:id/person': { ask: async (world) => ({ path: `${await newAccount(world)}/person`, body: { person: null } }) },
  'POST /api/v1/accounts/:id/unlink-factors': { ask: async (world) => ({ path: `${await newAccount(world)}/unlink-factors` }) },

  'GET /api/v1/enroll-tokens': plain,
  'POST /api/v1/enroll-tokens': body({ uses: 1, validForMs: 60_000 }),
  'POST /api/v1/enroll-tokens/:id/revoke': { ask: async (world) => ({ path: `/api/v1/enroll-tokens/${((await made(world, '/enroll-tokens', { uses: 1, validForMs: 60_000 }))['info'] as { id: string }).id}/revoke` }) },

  'GET /api/v1/devices': list('/api/v1/devices', ({ device }) => device),
  'GET /api/v1/devices/:device': plain,
  'POST /api/v1/devices/:device/rename': body({ name: 'renamed' }),
  'POST /api/v1/devices/:device/label': body({ labels: { site: 'bern' } }),
  'POST /api/v1/devices/:device/group': body({ add: ['own'] }),
  'POST /api/v1/devices/:device/owner': body({ person: null }),
  'POST /api/v1/devices/:device/revoke': plain,
  'POST /api/v1/devices/:device/decommission': plain,

  'POST /api/v1/policies/apply': body({ files: [{ name: 'recovery.yaml', text: POLICY }] }),
  'POST /api/v1/policy-versions/:version/rollback': { ask: async (world) => (await policies(world), { path: '/api/v1/policy-versions/1/rollback' }) },
  'POST /api/v1/policies/explain': body({ case: { who: 'ada', run: ['/usr/bin/id'] } }),
  'POST /api/v1/policies/who-can': body({ command: '/usr/bin/id' }),
  'POST /api/v1/policies/test': body({ files: [{ name: 'a.test.yaml', text: cases }] }),
  'GET /api/v1/policies': plain,
  'GET /api/v1/policies/:name': { ask: async (world) => (await policies(world), { path: '/api/v1/policies/recovery' }) },
  'GET /api/v1/policy-versions': plain,
  'GET /api/v1/policy-versions/:from/diff/:to': { ask: async (world) => (await policies(world), { path: '/api/v1/policy-versions/1/diff/1' }) },

  'GET /api/v1/events': list('/api/v1/events?type=device.enrolled', ({ device }) => device),
  'GET /api/v1/events/:id/proof': { ask: async ({ api, admin, device }) => {
    const { events } = (await api.ask('GET', '/api/v1/events?type=device.enrolled', { token: admin })).body as { events: { id: number; fields: { device: string } }[] };
    return { path: `/api/v1/events/${events.find(({ fields }) => fields.device === device)?.id}/proof` };
  } },
  'GET /api/v1/events/tail': 'elsewhere',
  'GET /api/v1/events/export': 'elsewhere',
  'GET /api/v1/events/csv': list('/api/v1/events/csv?type=device.enrolled', ({ device }) => device),

  // Tried in live-routes.test.ts: it never ends.
  'GET /api/v1/live': 'elsewhere',

  'GET /api/v1/webhooks': plain,
  'POST /api/v1/webhooks': { ask: ({ tag }) => ({ body: { name: `hook ${tag}`, url: 'https://1.1.1.1/' } }) },
  'POST /api/v1/webhooks/:id/delete': webhook('delete'),
  'POST /api/v1/webhooks/:id/rotate': webhook('rotate'),
  // It calls out: tried in features/notices/told.test.ts.
  'POST /api/v1/webhooks/:id/test': 'elsewhere',

  'GET /api/v1/requests': { isList: true, ask: async (world) => (await request(world), { path: '/api/v1/requests', shows: world.device }) },
  'GET /api/v1/requests/:id': onRequest('', undefined),
  'POST /api/v1/requests/:id/approve': onRequest('/approve', {}),
  'POST /api/v1/requests/:id/deny': onRequest('/deny', { words: 'no' }),
  'POST /api/v1/requests/:id/propose': onRequest('/propose', {}),
  'POST /api/v1/requests/:id/review': onRequest('/review', { words: 'seen' }, true),
  'GET /api/v1/grants': { isList: true, ask: async (world) => (await approved(world), { path: '/api/v1/grants', shows: world.device }) },
  'POST /api/v1/grants/:id/revoke': { ask: async (world) => ({ path: `/api/v1/grants/${await grantOf(world)}/revoke` }) },
  'GET /api/v1/proposals': plain,
  'POST /api/v1/proposals/:id/settle': { ask: async (world) => ({ path: `/api/v1/proposals/${await proposalOf(world)}/settle`, body: { outcome: 'declined' } }) },

  'GET /healthz': plain,
  'GET /readyz': plain,
  'GET /metrics': plain,
};
