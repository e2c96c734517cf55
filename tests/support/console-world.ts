/** A server with a small fleet that has a past: what the console is shown and tested with. Everything came in through the doors that devices and people use. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventDraft } from '@belay/core/evidence';
import { ensureConsole } from '../../tools/console.mjs';
import { projectRoot } from '../../tools/node26.mjs';
import type { Role, RoleBinding } from '../../policy-server/src/features/accounts/permissions.ts';
import { startTestApi, type TestApi } from './api.ts';
import { ANSWERED, ASKING_POLICY, REQUESTS } from './console-requests.ts';
import { CHECKPOINT, createChain, enrol, type Enrolled, eventually, fleetClient, openSync, type TestChain } from './fleet.ts';

export type FleetDevice = { readonly name: string; readonly device: Enrolled; readonly chain: TestChain; send(...events: readonly EventDraft[]): Promise<void>; close(): void };
export type ConsoleWorld = { readonly api: TestApi; readonly fleet: readonly FleetDevice[]; readonly admin: string; close(): Promise<void> };

type Machine = { readonly name: string; readonly groups: readonly string[]; readonly labels: Readonly<Record<string, string>>; readonly os: readonly [string, string]; readonly model: readonly [string, string]; readonly problems?: readonly string[] };

const MACHINES: readonly Machine[] = [
  { name: 'ada-laptop', groups: ['engineering', 'laptops'], labels: { site: 'berlin' }, os: ['Debian GNU/Linux', '13'], model: ['Lenovo', 'ThinkPad T14'] },
  { name: 'grace-laptop', groups: ['engineering', 'laptops'], labels: { site: 'berlin' }, os: ['Ubuntu', '26.04'], model: ['Framework', 'Laptop 13'] },
  { name: 'linus-desktop', groups: ['engineering'], labels: { site: 'portland' }, os: ['Fedora Linux', '44'], model: ['Dell', 'Precision 3660'], problems: ['The disk that holds the journal is 93 % full.'] },
  { name: 'db-01', groups: ['databases', 'servers'], labels: { env: 'production', site: 'fra1' }, os: ['Debian GNU/Linux', '12'], model: ['Supermicro', 'SYS-621'] },
  { name: 'web-01', groups: ['servers', 'web'], labels: { env: 'production', site: 'fra1' }, os: ['Debian GNU/Linux', '13'], model: ['Supermicro', 'SYS-511'] },
  { name: 'web-02', groups: ['servers', 'web'], labels: { env: 'production', site: 'fra1' }, os: ['Debian GNU/Linux', '13'], model: ['Supermicro', 'SYS-511'] },
  { name: 'kiosk-lobby', groups: ['kiosks'], labels: { site: 'berlin' }, os: ['Debian GNU/Linux', '13'], model: ['Intel', 'NUC 13'] },
];

const encoder = new TextEncoder();
const bytes = (text: string): Uint8Array => encoder.encode(text);

export type Deed = { readonly request: number; readonly user: string; readonly uid: number; readonly command: string; readonly argv: readonly string[]; readonly rule: string };

export function act({ request, user, uid, command, argv, rule }: Deed) {
  return { request, door: 'sudo', uid, user, runAsUid: 0, runAsGid: 0, rules: [rule], manifest: 1, command: bytes(command), argv: argv.map(bytes), cwd: bytes(`/home/${user}`), terminal: 34816, sessionId: 4711 };
}

export function allowed(deed: Deed, durationMs = 1800): readonly EventDraft[] {
  return [
    { type: 'elevation.intent', fields: { ...act(deed), digest: new Uint8Array(32).fill(deed.request), reauthenticated: false, outsideRules: false, environment: [bytes('LANG'), bytes('TERM')] } },
    { type: 'elevation.outcome', fields: { request: deed.request, uid: deed.uid, user: deed.user, end: 'exited', value: 0, durationMs } },
  ];
}

export function denied(deed: Deed, why = 'no-rule'): EventDraft {
  return { type: 'elevation.denied', fields: { ...act(deed), why } };
}

const deed = (request: number, user: string, line: string, rule = 'developers/packages from our repositories'): Deed => {
  const [command = '', ...argv] = line.split(' ');
  return { request, user, uid: user === 'ada' ? 1001 : 1002, command, argv, rule };
};

/** T-29: what somebody may write who wants a reader's terminal or page to do something. */
export const HOSTILE = '<img src=x onerror=alert(1)>\u001b[31mred\u202egnp.exe';

const PAST: Readonly<Record<string, readonly (readonly EventDraft[])[]>> = {
  'ada-laptop': [allowed(deed(1, 'ada', '/usr/bin/apt-get install nmap')), [denied(deed(2, 'ada', '/usr/bin/vim /etc/hosts', 'developers/editors escape'), 'denied-by-rule')], allowed(deed(3, 'ada', '/usr/bin/systemctl restart docker'), 2400)],
  'grace-laptop': [allowed(deed(1, 'grace', '/usr/bin/apt-get update'), 9100), [denied({ ...deed(2, 'grace', '/usr/bin/printf'), argv: [HOSTILE] })]],
  'db-01': [allowed(deed(1, 'ada', '/usr/bin/psql -U postgres -c VACUUM', 'database/maintenance'), 61_000)],
  'web-01': [allowed(deed(1, 'grace', '/usr/sbin/nginx -s reload', 'web/reload'))],
};

export function examplePolicies(): readonly { readonly name: string; readonly text: string }[] {
  const folder = join(projectRoot, 'examples', 'policies');
  return readdirSync(folder).filter((name) => name.endsWith('.yaml') && !name.endsWith('.test.yaml')).map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
}

const everywhere = (role: Role): RoleBinding => ({ role, groups: 'all' });
const ACCOUNTS: readonly (readonly [name: string, bindings: readonly RoleBinding[]])[] = [
  ['root', [everywhere('administrator'), everywhere('approver')]], ['olga', [everywhere('operator')]], ['vera', [everywhere('viewer')]], ['anton', [everywhere('approver')]],
  ['paula', [everywhere('policy-author'), { role: 'approver', groups: ['laptops'] }]],
];
const PERSONS = [
  { name: 'Ada Lovelace', email: 'ada@example.org', users: [{ user: 'ada', device: null }] }, { name: 'Grace Hopper', email: 'grace@example.org', users: [{ user: 'grace', device: null }] },
  { name: 'Anton Brandt', email: 'anton@example.org', users: [], account: 'anton' }, { name: 'Olga Petrova', email: 'olga@example.org', users: [{ user: 'olga', device: null }], account: 'olga' }, { name: 'Rosa Ott', email: 'rosa@example.org', users: [], account: 'root' },
] as const;

export async function startConsoleWorld(config = ''): Promise<ConsoleWorld> {
  // The server reads it at its start.
  ensureConsole();
  const api = await startTestApi({ config: `signIn: { triesPerMinute: 1000 }\n${config}` });
  for (const [name, bindings] of ACCOUNTS) await api.account(name, bindings);
  const admin = await api.signIn('root');
  await people(api, admin);
  await publish(api, admin);
  const fleet: FleetDevice[] = [];
  for (const machine of MACHINES) fleet.push(await join_(api, admin, machine));
  for (const each of fleet) for (const events of PAST[each.name] ?? []) await each.send(...events);
  await requests(api, fleet);
  return {
    api, fleet, admin,
    async close() {
      for (const each of fleet) each.close();
      await api.close();
    },
  };
}

/** Each with who they are on devices; the others report to the last. */
async function people(api: TestApi, admin: string): Promise<void> {
  let boss: string | null = null;
  for (const { account, ...person } of [...PERSONS].toReversed().map((each) => ({ account: undefined, ...each }))) {
    const { id } = await must(api, admin, '/persons', { ...person, manager: boss });
    boss ??= id as string;
    if (account !== undefined) await must(api, admin, `/accounts/a-${account}/person`, { person: id });
  }
}

async function requests(api: TestApi, fleet: readonly FleetDevice[]): Promise<void> {
  const anton = await api.signIn('anton');
  for (const { device, asking, number, verb, words } of ANSWERED) {
    await fleet.find(({ name }) => name === device)?.send(asking);
    const id = await eventually(async () => ((await api.ask('GET', '/api/v1/requests?state=pending', { token: anton })).body['requests'] as readonly { id: string; number: number }[]).find((each) => each.number === number)?.id);
    await must(api, anton, `/requests/${id}/${verb}`, { words });
  }
  for (const { name, send } of fleet) if (REQUESTS[name] !== undefined) await send(...REQUESTS[name]);
  await eventually(async () => ((await api.ask('GET', '/api/v1/requests?state=pending', { token: anton })).body['requests'] as readonly unknown[]).length === Object.values(REQUESTS).flat().length);
}

async function must(api: TestApi, token: string, path: string, body: unknown): Promise<Record<string, unknown>> {
  const answer = await api.ask('POST', `/api/v1${path}`, { token, body });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.text}`);
  return answer.body;
}

async function publish(api: TestApi, admin: string): Promise<void> {
  const files = [...examplePolicies(), { name: 'approvals.yaml', text: ASKING_POLICY }];
  await must(api, admin, '/policies/apply', { files: files.filter(({ name }) => !name.startsWith('finance')), comment: 'The first set' });
  await must(api, admin, '/policies/apply', { files, comment: 'Finance joins' });
  const web = files.find(({ name }) => name === 'web.yaml');
  if (web !== undefined) await must(api, admin, '/policies/apply', { files: [{ ...web, text: `# Web servers reload, they never stop.\n${web.text}` }], comment: 'A word on web servers' });
}

/** Enrolled, in touch, and with an inventory. */
async function join_(api: TestApi, admin: string, { name, groups, labels, os, model, problems = [] }: Machine): Promise<FleetDevice> {
  const device = await enrol(api, await api.token({ groups }), undefined, name);
  await must(api, admin, `/devices/${device.id}/label`, { labels });
  const client = fleetClient(api, device);
  const stream = openSync(client);
  stream.report({ agentVersion: '0.4.0', problems: [...problems], manifestNumber: 1n, manifestEpoch: 1 });
  await client.reportInventory({ inventory: { osName: os[0], osVersion: os[1], kernel: '6.12.41-amd64', architecture: 'x86_64', vendor: model[0], model: model[1], serial: `S${name.length}F0${name.charCodeAt(0)}`, memoryBytes: BigInt(32 * 2 ** 30), cpuCores: 16, agentVersion: '0.4.0' } }, { timeoutMs: 30_000 });
  const chain = createChain(device);
  const send: FleetDevice['send'] = async (...events) => {
    const first = BigInt(chain.state().seq + 1);
    await client.uploadEvents({ chain: chain.chain, first, events: chain.write(...events), earliest: 1n }, { timeoutMs: 30_000 });
  };
  await send({ type: 'agent.enrolled', fields: { address: 'belay.example.org:7444' } }, { type: 'agent.started', fields: { version: '0.4.0', lost: 0 } }, CHECKPOINT);
  await eventually(async () => {
    const shown = await api.devices.show(device.id, 'all');
    return shown.ok && shown.value.agentVersion !== '' && shown.value;
  });
  return {
    name, device, chain, send,
    close() {
      stream.close();
      client.close();
    },
  };
}
