import type { Decision, Demands, Obligations } from '../../core/src/policy/index.ts';
import type { Ask, World } from '../../core/src/policy-tools/index.ts';
import type { Row } from './course.ts';

/** A device as the tables take it for granted. */
const USERS = ['ada', 'bob', 'build', 'eve', 'gast', 'olga', 'postgres'];
const GROUPS = ['adm', 'admins', 'belay-recovery', 'dba', 'developers', 'editors', 'finance', 'guests', 'network', 'oncall', 'operators', 'postgres', 'security', 'shadow', 'staff', 'support', 'web'];
const SBIN = ['arping', 'fdisk', 'nginx', 'reboot'];
const LOCAL = ['backup', 'deploy', 'payments', 'publish'];
const debian = { version: '8.14.1-2', repositories: ['Debian/stable'] };

const device: World = {
  users: Object.fromEntries(USERS.map((name, index) => [name, 1001 + index])),
  // It cannot resolve "blue".
  groups: { ...Object.fromEntries(GROUPS.map((name, index) => [name, 2001 + index])), blue: 'unknown' },
  primary: { postgres: 'postgres' },
  files: {
    '/usr/bin/ping': { package: { ...debian, name: 'iputils-ping' } },
    '/usr/sbin/arping': { package: { ...debian, name: 'iputils-arping', unmodified: false } },
    '/usr/bin/curl': { package: { ...debian, name: 'curl' } },
    '/home/ada/bin/tool': { writable: true },
    '/home/ada/bin/vi': { writable: true },
    '/home/ada/installer': { writable: true },
  },
  links: { '/usr/bin/vi': '/usr/bin/vim.basic' },
};

/** The request of one row, and the device on which it is made: columns who, types, cwd, env, login, address, at, above, device, server. */
export function requestOf(row: Row): { readonly world: World; readonly ask: Ask } {
  const [, name = '', groups] = /^([a-z]+)(?: \(([a-z, -]+)\))?$/.exec(row['who'] ?? '') ?? [];
  const { words, as } = commandOf(row['types'] ?? '');
  const server = row['server'] ?? '';
  const ask: Ask = {
    who: known(name, USERS),
    groups: groups?.split(', ').map((group) => known(group, GROUPS)),
    run: words,
    as,
    cwd: row['cwd'],
    env: row['env']?.split(', '),
    at: row['at'] === undefined ? undefined : timeOf(row['at']),
    login: row['login'] as Ask['login'],
    address: row['address'],
    above: row['above']?.split(', '),
    expired: server === 'expired',
    silent: server === 'not known' ? 'unknown' : /^silent (.*)$/.exec(server)?.[1],
  };
  return { world: { ...device, device: deviceOf(row['device']) }, ask };
}

function known(name: string, names: readonly string[]): string {
  if (!names.includes(name)) throw new Error(`the tables' device knows no "${name}"`);
  return name;
}

/** `sudo -u USER -g GROUP PROGRAM ARGUMENT…`, with single quotes as in a shell. */
function commandOf(typed: string): { readonly words: string[]; readonly as: Ask['as'] } {
  const words = [...typed.replace(/^`sudo (.*)`$/, '$1').matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? (match[2] as string));
  const as: { user?: string; group?: string } = {};
  for (let option = words[0]; option === '-u' || option === '-g'; option = words[0]) {
    const [, value = ''] = words.splice(0, 2);
    if (option === '-u') as.user = value;
    else as.group = value;
  }
  const [program = '', ...args] = words;
  return { words: [program.startsWith('/') ? program : `${folderOf(program)}/${program}`, ...args], as: Object.keys(as).length === 0 ? undefined : as };
}

function folderOf(program: string): string {
  return SBIN.includes(program) ? '/usr/sbin' : LOCAL.includes(program) ? '/usr/local/sbin' : '/usr/bin';
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** `Wed 10:00`, of a week that began with the first of the month. */
function timeOf(text: string): string {
  const [day = '', time = ''] = text.split(' ');
  return `2026-03-0${DAYS.indexOf(known(day, DAYS)) + 1}T${time}:00Z`;
}

/** `encrypted=true, patchAgeDays=3, label:site=berlin`. */
function deviceOf(text: string | undefined): World['device'] {
  const parts = text?.split(', ') ?? [];
  const labels = parts.filter((part) => part.startsWith('label:')).map((part) => part.slice('label:'.length));
  const pairs = (texts: readonly string[]): [string, string][] => texts.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]);
  const posture = pairs(parts.filter((part) => !part.startsWith('label:'))).map(([name, value]) => [name, JSON.parse(value) as unknown]);
  return { labels: Object.fromEntries(pairs(labels)), posture: Object.fromEntries(posture) as Record<string, never> };
}

const minutes = (ms: number): string => `${ms / 60_000} min`;

/** Demands as the tables write them; empty: none. */
export function demandsText({ reason, reauth, confirm, approval, emergency }: Demands): string {
  const texts = [];
  if (reason !== undefined) texts.push(reason.minLength === 1 ? 'a reason' : `a reason of ${reason.minLength} characters`, ...reason.patterns.map((pattern) => `like ${pattern}`));
  if (reauth !== undefined) texts.push(reauth.maxAgeMs === 0 ? 'a password' : `a password of the last ${minutes(reauth.maxAgeMs)}`);
  if (confirm) texts.push('a second yes');
  texts.push(...approval.map(({ from, count }) => `${count} yes of ${from.join(' or ')}`));
  if (emergency === true) texts.push('an emergency');
  return texts.join(', ');
}

/** Obligations as the tables write them; empty: none. */
export function obligationsText(obligations: Obligations): string {
  const { durationMs, children, network, writable, umask, record, alert, conflicts } = obligations;
  const texts = [
    durationMs === undefined ? '' : `duration ${minutes(durationMs)}`,
    children === 'allow' ? '' : `children ${children}`,
    network === 'allow' ? '' : `network ${network}`,
    writable === undefined ? '' : `writable ${writable.join(' ')}`,
    umask === undefined ? '' : `umask ${umask.toString(8)}`,
    record === 'none' ? '' : `record ${record}`,
    alert === 'none' ? '' : `alert ${alert}`,
    ...conflicts.map((conflict) => `conflict: ${conflict}`),
  ];
  return texts.filter((text) => text !== '').join(', ');
}

/** Names of the rules that decided. */
export function deciders(decision: Decision): readonly string[] {
  const by = decision.kind === 'deny' ? ('by' in decision.reason ? decision.reason.by : []) : decision.by;
  return by.map(({ rule }) => rule);
}
