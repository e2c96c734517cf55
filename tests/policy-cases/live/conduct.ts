// Puts cases to real sudo, many to a shell, each in a session of its own: by its number their events are found again.
import { posix } from 'node:path';
import type { ByteString } from '../../../core/src/bytes.ts';
import type { Ask } from '../../../core/src/policy-tools/index.ts';
import { type Accounts, LIVE, SSHD } from './machine.ts';
import { quoted, script, written } from './script.ts';

/** `number`: of its own among all that are run. `passesEnvironment`: the caller has the case's variables. */
export type Running = { readonly number: number; readonly ask: Ask; readonly passesEnvironment: boolean };
/** `session`: as the kernel numbers it, and the events. */
export type RanCase = { readonly session: number; readonly code: number; readonly output: string };

export const SSH_PORT = 2222;

/** Writes the scripts of the cases, runs one after the other, and says where each begins and how it ended. */
export function conductScript(cases: readonly Running[], accounts: Accounts): ByteString {
  return script('export SHELL=/usr/local/bin/sh', ...cases.map((each) => caseFiles(each, accounts)), ...cases.map(({ number, ask }) => {
    const first = `${LIVE}/cases/${number}.first`;
    const run = ask.terminal === false ? `setsid -w sh ${first}` : `script -qec 'sh ${first}' /dev/null`;
    return `timeout -k 1 20 ${run} </dev/null 2>&1; printf 'LIVE-END ${number} %s\\n' $?`;
  }));
}

/** From the outermost in: the session's first, root's sshd, the requester, the programs above, sudo. */
function caseFiles({ number, ask, passesEnvironment }: Running, accounts: Accounts): ByteString {
  const file = (name: string): string => `${LIVE}/cases/${number}.${name}`;
  // The SSH server is root's, and started apart.
  const above = (ask.above ?? []).filter((path, index, all) => !OWN.has(path) && !(ask.login === 'ssh' && path === SSHD && index === all.lastIndexOf(SSHD)));
  const variables = passesEnvironment ? (ask.env ?? []).map(quoted).join(' ') : '';
  const sudo = `env ${variables} /usr/bin/sudo -n ${runAs(ask)} -- ${ask.run.map(quoted).join(' ')}`;
  const chain = above.map((path, index) => written(file(`above${index + 1}`), script(`${quoted(path)} ${file(`above${index}`)}`, 'exit $?')));
  const user = written(file('user'), script(`exec ${asRequester(ask, accounts)} sh ${file(`above${above.length}`)}`));
  const network = ask.address === undefined ? '' : `exec 3<>/dev/tcp/${ask.address}/${SSH_PORT}`;
  const ssh = written(file('ssh'), script(network, `sh ${file('user')}`, 'exit $?'));
  const inside = ask.login === 'ssh' ? `${SSHD} ${file('ssh')}` : `sh ${file('user')}`;
  const first = written(file('first'), script('read -r pid name state parent group session rest </proc/self/stat', `printf 'LIVE-CASE ${number} %s\\n' "$session"`, `cd ${quoted(posix.normalize(ask.cwd ?? '/home/user'))} || exit 99`, inside, 'exit $?'));
  return script(written(file('above0'), script(sudo, 'exit $?')), ...chain, user, ssh, first);
}

/** What is above all of them is not started for one. */
export const OWN: ReadonlySet<string> = new Set(['/usr/local/bin/sh', '/opt/belay/bin/node', '/usr/bin/dash', '/usr/local/bin/timeout', '/usr/local/bin/setsid', '/usr/local/bin/script']);

function runAs({ as }: Ask): string {
  const user = as?.user === undefined ? (as?.uid === undefined ? '' : `-u '#${as.uid}'`) : `-u ${quoted(as.user)}`;
  const group = as?.group === undefined ? (as?.gid === undefined ? '' : `-g '#${as.gid}'`) : `-g ${quoted(as.group)}`;
  return `${user} ${group}`;
}

function asRequester({ who, groups = [] }: Ask, { uids, gids, primaryOf }: Accounts): string {
  const uid = uids.get(who);
  const gid = gids.get(primaryOf(who)) ?? uid;
  const all = [gid, ...groups.map((name) => (name.startsWith('gid:') ? Number(name.slice(4)) : gids.get(name)))].filter((id) => id !== undefined);
  return `setpriv --reuid ${uid} --regid ${gid} --groups ${all.join(',')} --`;
}

/** By number. What a case's shell never said is not in it. */
export function readOutput(text: string): ReadonlyMap<number, RanCase> {
  const ran = new Map<number, RanCase>();
  const pattern = /LIVE-CASE (\d+) (\d+)\r?\n([\s\S]*?)LIVE-END \1 (\d+)\n/g;
  for (const [, number, session, output = '', code] of text.matchAll(pattern)) ran.set(Number(number), { session: Number(session), code: Number(code), output });
  return ran;
}
