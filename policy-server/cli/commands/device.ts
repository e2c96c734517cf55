import { type Command, Option } from 'commander';
import { createApi } from '../api.ts';
import { define, group, type OutputOptions, print, running } from '../command.ts';
import { Ended } from '../exit-codes.ts';
import { details, inert, table, timeText } from '../text.ts';
import { collect } from './token.ts';

type Device = {
  readonly id: string; readonly name: string; readonly hostname: string; readonly state: string; readonly groups: readonly string[]; readonly labels: Readonly<Record<string, string>>;
  readonly enrolledAt: number; readonly certificateExpiresAt: number; readonly lastSeenAt: number | null; readonly silentSince: number | null;
  readonly manifest: { readonly epoch: number; readonly number: number; readonly issuedNumber: number };
  readonly agentVersion: string; readonly inventory: Readonly<Record<string, string | number>>; readonly problems: readonly string[];
  readonly evidence: { readonly state: string; readonly seq: number };
};

export function addDevices(program: Command): void {
  const device = group(program, 'device', 'The machines of the fleet.');
  const named = ['<device>', 'its id, or its name where only one has it'] as const;
  define(device, 'list', 'List devices.', ['belayctl device list --group engineering', 'belayctl device list --state revoked --json'])
    .option('--group <name>', 'only those in this group')
    .option('--search <text>', 'only those with this in their name, host name or id')
    .addOption(new Option('--state <state>', 'only those in this state').choices(['active', 'revoked', 'decommissioned']))
    .action(running(list));
  define(device, 'show', 'Everything about one device.', ['belayctl device show laptop-17']).argument(...named).action(running(show));
  define(device, 'rename', 'Give a device another name.', ['belayctl device rename d-2k7… laptop-17']).argument(...named).argument('<name>', 'the new name').action(running(rename));
  define(device, 'label', 'Set labels, or remove them. CEL sees them as device.labels.', ['belayctl device label laptop-17 owner=carol site=bern', 'belayctl device label laptop-17 site-'])
    .argument(...named).argument('<labels...>', 'KEY=VALUE sets, KEY- removes').action(running(label));
  define(device, 'group', 'Put a device into groups, or take it out. Policies target groups.', ['belayctl device group laptop-17 --add engineering --remove trial'])
    .argument(...named).option('--add <name>', 'put it into this group; repeatable', collect).option('--remove <name>', 'take it out of this group; repeatable', collect).action(running(regroup));
  define(device, 'revoke', 'Shut a device out at once: lost, stolen or taken over. It cannot come back; it enrols anew.', ['belayctl device revoke laptop-17']).argument(...named).action(running(retire('revoke')));
  define(device, 'decommission', 'Take a device out of the fleet in good order. Its events stay.', ['belayctl device decommission laptop-17']).argument(...named).action(running(retire('decommission')));
}

async function list({ group: name, state, search, ...options }: OutputOptions & { group?: string; state?: string; search?: string }): Promise<void> {
  const devices = await createApi().all<Device>('/devices', 'devices', { group: name, state, search });
  print(options, devices, () => table(devices, [
    { title: 'NAME', of: (each) => each.name }, { title: 'ID', of: ({ id }) => id }, { title: 'STATE', of: stateOf }, { title: 'POLICY', of: policyOf },
    { title: 'LAST SEEN', of: ({ lastSeenAt }) => timeText(lastSeenAt) }, { title: 'GROUPS', of: ({ groups }) => groups.join(', ') },
  ]));
}

function stateOf({ state, silentSince, evidence, problems }: Device): string {
  if (state !== 'active') return state;
  if (evidence.state === 'refused' || evidence.state === 'gap') return `evidence ${evidence.state}`;
  if (silentSince !== null) return 'silent';
  return problems.length > 0 ? 'has problems' : 'active';
}

function policyOf({ manifest: { number, issuedNumber } }: Device): string {
  return number === issuedNumber ? String(number) : `${number}, behind ${issuedNumber}`;
}

function describe(device: Device): string {
  return details([
    ['Name', device.name], ['Id', device.id], ['Host', device.hostname], ['State', stateOf(device)], ['Groups', device.groups.join(', ')],
    ['Labels', Object.entries(device.labels).map(([key, value]) => `${key}=${value}`).join(', ')],
    ['Policy', `manifest ${policyOf(device)}, epoch ${device.manifest.epoch}`], ['Evidence', `${device.evidence.state}, ${device.evidence.seq} events`],
    ['Last seen', timeText(device.lastSeenAt)], ['Enrolled', timeText(device.enrolledAt)], ['Certificate', `until ${timeText(device.certificateExpiresAt)}`], ['Agent', device.agentVersion],
    ...device.problems.map((problem) => ['Problem', problem] as const),
    ...Object.entries(device.inventory).map(([key, value]) => [key, String(value)] as const),
  ]);
}

const at = (name: string, act = ''): string => `/devices/${encodeURIComponent(name)}${act === '' ? '' : `/${act}`}`;

async function show(name: string, options: OutputOptions): Promise<void> {
  const device = await createApi().get<Device>(at(name));
  print(options, device, () => describe(device));
}

async function rename(device: string, name: string, options: OutputOptions): Promise<void> {
  const changed = await createApi().post<Device>(at(device, 'rename'), { name });
  print(options, changed, () => describe(changed));
}

async function label(device: string, changes: readonly string[], options: OutputOptions): Promise<void> {
  const labels = Object.fromEntries(changes.map((text): [string, string | null] => {
    const split = text.indexOf('=');
    if (split > 0) return [text.slice(0, split), text.slice(split + 1)];
    if (split < 0 && text.length > 1 && text.endsWith('-')) return [text.slice(0, -1), null];
    throw new Ended('usage', `This is neither KEY=VALUE nor KEY-: "${inert(text)}".`);
  }));
  const changed = await createApi().post<Device>(at(device, 'label'), { labels });
  print(options, changed, () => describe(changed));
}

async function regroup(device: string, { add = [], remove = [], ...options }: OutputOptions & { add?: readonly string[]; remove?: readonly string[] }): Promise<void> {
  if (add.length + remove.length === 0) throw new Ended('usage', 'Say which: --add NAME or --remove NAME.');
  const changed = await createApi().post<Device>(at(device, 'group'), { add, remove });
  print(options, changed, () => describe(changed));
}

function retire(act: 'revoke' | 'decommission') {
  return async (device: string, options: OutputOptions): Promise<void> => {
    const changed = await createApi().post<Device>(at(device, act));
    print(options, changed, () => `${inert(changed.name)} (${changed.id}) is ${changed.state}.\n`);
  };
}
