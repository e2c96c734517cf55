// What of a case a test's machine can be made to be. The rest is put as the machine has it; where that changes nothing, the case runs live.
import { posix } from 'node:path';
import { sha256 } from '../../../core/node/crypto.ts';
import type { ByteString } from '../../../core/src/bytes.ts';
import { decide, type Decision, type PolicySet } from '../../../core/src/policy/index.ts';
import { type Ask, outcomeOf, type PolicyCase, questionIn, type World } from '../../../core/src/policy-tools/index.ts';
import { SSHD } from './machine.ts';
import type { WorldFile } from '../../../core/src/policy-tools/cases/schema-world.ts';

type Posture = NonNullable<NonNullable<World['device']>['posture']>;
/** What is so on the machine whatever a case says. */
export type Machine = {
  readonly deviceId: string;
  readonly posture: Posture;
  /** Of the file at a path; undefined: nobody can say. */
  readonly ownerOf: (path: string) => WorldFile['package'];
  /** Hex SHA-256 of what stands in for a program, where a case gives no content. */
  readonly programSha256: (path: string) => string;
  /** Programs above everything that the test starts. */
  readonly above: readonly string[];
  /** Of the networks an SSH login may come from. */
  readonly isOwnAddress: (address: string) => boolean;
};

/** `now`: at once; `silent`: when the server has not been heard of for some seconds; `expired`: when the manifest has. */
export type Phase = 'now' | 'silent' | 'expired';
export type Plan =
  | { readonly kind: 'live'; readonly ask: Ask; readonly phase: Phase; readonly decision: Decision; /** With the policies that are only watched. */ readonly watched: Decision; readonly keepsEnvironment: boolean }
  | { readonly kind: 'left-out'; readonly reason: string };

/** Since when the server is silent in the phase of that name. */
export const SILENT_MS = 3200;
/** From and to: both must come to the same. */
const SILENCE: Readonly<Record<Phase, readonly [string, string]>> = { now: ['0s', '30s'], silent: ['3s', '1h'], expired: ['0s', '30s'] };

/** Of a name that is in no file a device may or may not know that there is none. */
const MISSING = ['absent', 'unknown'] as const;
type CaseSets = { readonly enforced: PolicySet; readonly monitored: PolicySet };
type Setting = { readonly world: World; readonly ask: Ask };
type Change = { readonly reason: string; readonly apply: (setting: Setting) => Setting };

/** How a case runs live; or why it does not. Asks the engine what the changes come to. */
export function planOf({ world, sets, paths }: { readonly world: World; readonly sets: CaseSets; readonly paths: readonly ByteString[] }, each: PolicyCase, machine: Machine): Plan {
  const obstacle = obstacleOf(each, world);
  if (obstacle !== undefined) return { kind: 'left-out', reason: obstacle };
  const time = { isAsked: false };
  const decided = ({ world: ofDevice, ask }: Setting): readonly [enforced: Decision, watched: Decision] => {
    const question = questionIn(ofDevice, ask, { sha256, rulePaths: paths });
    const { request } = question;
    const context = { ...question.context, get nowMs() { time.isAsked = true; return question.context.nowMs; } };
    const enforced = decide(sets.enforced, request, context);
    return [enforced, sets.monitored === sets.enforced ? enforced : decide(sets.monitored, request, context)];
  };
  const textOf = (setting: Setting): string => JSON.stringify(decided(setting).map(outcomeOf));
  const original: Setting = { world, ask: each };
  const wanted = textOf(original);
  const fits = (changes: readonly Change[]): boolean => textOf(applied(original, changes)) === wanted && (!time.isAsked || isTimeless(applied(original, changes), wanted, textOf));
  const phases: readonly Phase[] = each.expired === true ? ['expired'] : ['now', 'silent'];
  for (const phase of phases) {
    for (const keepsEnvironment of [false, true]) {
      const variants = SILENCE[phase].flatMap((silence) => MISSING.map((missing) => changesOf(machine, { silence, missing, keepsEnvironment })));
      if (!variants.every(fits)) continue;
      const setting = applied(original, variants[0] as readonly Change[]);
      const [decision, watched] = decided(setting);
      if (keepsEnvironment && !keepsAll(decision, each.env ?? [])) continue;
      return { kind: 'live', ask: setting.ask, phase, decision, watched, keepsEnvironment };
    }
  }
  const single = MISSING.flatMap((missing) => changesOf(machine, { silence: '0s', missing, keepsEnvironment: false })).filter((change) => textOf(applied(original, [change])) !== wanted);
  const reasons = single.length > 0 ? [...new Set(single.map(({ reason }) => reason))] : ['another time of day or day of the week'];
  return { kind: 'left-out', reason: reasons.join('; ') };
}

/** Whether it is so all week, by a look every ten minutes. */
function isTimeless({ world, ask }: Setting, wanted: string, textOf: (setting: Setting) => string): boolean {
  const { zone: _zone, ...device } = world.device ?? {};
  for (let minute = 0; minute < 7 * 24 * 60; minute += 10) {
    const at = `${new Date(Date.UTC(2026, 2, 2, 0, minute)).toISOString().slice(0, 19)}Z`;
    if (textOf({ world: { ...world, device }, ask: { ...ask, at } }) !== wanted) return false;
  }
  return true;
}

function applied(setting: Setting, changes: readonly Change[]): Setting {
  return changes.reduce((each, { apply }) => apply(each), setting);
}

/** Bytes that no machine takes, or that this test does not try to give it. */
function obstacleOf({ who, run: [command = ''] }: PolicyCase, { users }: World): string | undefined {
  if (who.startsWith('uid:')) return 'sudo serves nobody who has no name';
  if (who === 'root') return 'root is outside the rules';
  if (users?.[who] === 'absent' || users?.[who] === 'unknown') return 'sudo serves nobody who has no name';
  if (command.includes('\\x')) return 'a command path of odd bytes';
  return undefined;
}

function keepsAll(decision: Decision, env: readonly string[]): boolean {
  if (decision.kind === 'deny') return false;
  const { keep } = decision.obligations.environment;
  return env.every((entry) => keep.includes(entry.slice(0, entry.indexOf('='))));
}

type Variant = { readonly silence: string; readonly missing: (typeof MISSING)[number]; readonly keepsEnvironment: boolean };

function changesOf(machine: Machine, { silence, missing, keepsEnvironment }: Variant): readonly Change[] {
  const ofDevice = (reason: string, change: (device: NonNullable<World['device']>) => World['device']): Change => ({ reason, apply: ({ world, ask }) => ({ ask, world: { ...world, device: change(world.device ?? {}) } }) });
  const ofAsk = (reason: string, change: (ask: Ask) => Ask): Change => ({ reason, apply: ({ world, ask }) => ({ world, ask: change(ask) }) });
  const ofNames = (kind: 'users' | 'groups'): Change => ({ reason: 'whether there is no such name, or nobody knows', apply: ({ world, ask }) => ({ ask, world: { ...world, [kind]: withMissing(world[kind], missing) } }) });
  return [
    ofDevice('another device id', (device) => ({ ...device, id: machine.deviceId })),
    ofDevice('a posture that this machine has not', (device) => ({ ...device, posture: machine.posture })),
    ofNames('users'), ofNames('groups'),
    { reason: 'a number that has no name', apply: ({ world, ask }) => ({ ask, world: withNamedNumbers(world, ask) }) },
    { reason: 'a package, its repository or its key', apply: ({ world, ask }) => ({ ask, world: { ...world, files: ownedFiles(world, ask, machine) } }) },
    { reason: 'a content that is given by its digest, or cannot be read', apply: ({ world, ask }) => ({ ask, world: { ...world, files: filledFiles(world, ask, machine) } }) },
    ofAsk('another door', ({ door: _door, ...ask }) => ask),
    ofAsk('a directory that the kernel spells otherwise', (ask) => ({ ...ask, cwd: posix.normalize(ask.cwd ?? '/home/user') })),
    ofAsk('a time for which the server has been silent', (ask) => ({ ...ask, silent: silence })),
    ofAsk('nothing known of who started it, or all of it', (ask) => ({ ...ask, above: [...(ask.above ?? []), ...(ask.login === 'ssh' ? [SSHD] : []), ...machine.above], whole: false })),
    ofAsk('a login, or an address that one did not come from', (ask) => loginOf(ask, machine)),
    ...(keepsEnvironment ? [] : [ofAsk('variables that no rule keeps', ({ env: _env, ...ask }) => ask)]),
  ];
}

function withMissing(ids: World['users'], missing: Variant['missing']): NonNullable<World['users']> {
  return Object.fromEntries(Object.entries(ids ?? {}).map(([name, id]) => [name, typeof id === 'string' ? missing : id]));
}

function loginOf({ login, address, ...ask }: Ask, machine: Machine): Ask {
  if (login !== 'ssh') return ask;
  return address !== undefined && machine.isOwnAddress(address) ? { ...ask, login, address } : { ...ask, login };
}

/** To belayd a number without a name is nobody, so those that a case runs as have one. */
function withNamedNumbers(world: World, { as }: Ask): World {
  const named = (ids: World['users'], id: number | undefined, name: string): World['users'] =>
    id === undefined || id < 1 || id > LARGEST_ID || Object.values(ids ?? {}).includes(id) ? ids : { ...ids, [name]: id };
  return { ...world, users: named(world.users, as?.uid, `u${as?.uid}`), groups: named(world.groups, as?.gid, `g${as?.gid}`) };
}

const LARGEST_ID = 4_294_967_294;

/** The files of a world, with the one at the end of what is typed. */
function filesOf({ files = {}, links = {} }: World, { run: [command = ''] }: Ask): Readonly<Record<string, WorldFile | 'absent'>> {
  let end = command;
  for (let step = 0; step < 40 && links[end] !== undefined; step++) end = links[end] as string;
  return Object.hasOwn(files, end) ? files : { ...files, [end]: {} };
}

function ownedFiles(world: World, ask: Ask, { ownerOf }: Machine): NonNullable<World['files']> {
  return Object.fromEntries(Object.entries(filesOf(world, ask)).map(([path, file]) => [path, file === 'absent' ? file : { ...file, package: ownerOf(path) }]));
}

function filledFiles(world: World, ask: Ask, { programSha256 }: Machine): NonNullable<World['files']> {
  return Object.fromEntries(Object.entries(filesOf(world, ask)).map(([path, file]) => {
    if (file === 'absent' || typeof file.content === 'string') return [path, file];
    const { content: _content, ...rest } = file;
    return [path, { ...rest, sha256: programSha256(path) }];
  }));
}
