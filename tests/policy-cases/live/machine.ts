// Makes a world's machine into the device of a suite: accounts, files, links, folders; and undoes it.
import { posix } from 'node:path';
import { sha256 } from '../../../core/node/crypto.ts';
import type { ByteString } from '../../../core/src/bytes.ts';
import { decide, type PolicySet } from '../../../core/src/policy/index.ts';
import { type CaseSuite, questionIn, type World } from '../../../core/src/policy-tools/index.ts';
import type { WorldFile } from '../../../core/src/policy-tools/cases/schema-world.ts';
import { quoted, script } from './script.ts';

export const LIVE = '/opt/live';
/** Stands in for every program of a case; for one above, a shell that really starts the next. */
export const PROGRAM = `${LIVE}/program`;
const SHELL = `${LIVE}/shell`;

/** What the test itself needs, out of the way of what cases put in /usr/bin. */
const TOOLS = ['sh', 'bash', 'cat', 'chmod', 'chown', 'cp', 'dirname', 'env', 'id', 'install', 'ln', 'mkdir', 'md5sum', 'mv', 'rm', 'script', 'setpriv', 'setsid', 'sha256sum', 'stat', 'tail', 'test', 'timeout', 'touch', 'true'];

export function settleTools(): string {
  return `mkdir -p ${LIVE}/cases ${LIVE}/aside /etc/belay
    for tool in ${TOOLS.join(' ')}; do [ -e /usr/local/bin/$tool ] || cp -L /usr/bin/$tool /usr/local/bin/$tool; done
    cp -L /usr/bin/true ${PROGRAM}; cp -L /usr/bin/bash ${SHELL}; chmod 0755 ${LIVE} ${LIVE}/cases ${PROGRAM} ${SHELL}
    chown root /home/*; chmod 0755 /home/*
    printf 'ID=debian\\nVERSION_ID="12"\\n' >/etc/os-release`;
}

/** SHA-256 of the program and of the shell, hex. */
export async function programDigests(shell: (text: string) => Promise<string>): Promise<{ readonly program: string; readonly shell: string }> {
  const [program = '', ofShell = ''] = (await shell(`sha256sum ${PROGRAM} ${SHELL}`)).split('\n').map((line) => line.slice(0, 64));
  return { program, shell: ofShell };
}

export type Accounts = { readonly uids: ReadonlyMap<string, number>; readonly gids: ReadonlyMap<string, number>; readonly primaryOf: (user: string) => string };

const FIRST_UID = 60_001;
const FIRST_GID = 70_001;

/** Numbers as the suite gives them, and of its own for the other names in its cases and rules. */
export function accountsOf({ world, cases }: CaseSuite, asked: Names): Accounts {
  const primaryOf = (user: string): string => (Object.hasOwn(world.primary ?? {}, user) ? (world.primary?.[user] as string) : user);
  const names = (values: readonly (string | undefined)[]): readonly string[] => [...new Set(values.filter((name) => name !== undefined && !/^[ug]id:/.test(name)))] as string[];
  const users = names([...Object.keys(world.users ?? {}), ...asked.users, ...cases.flatMap(({ who, as }) => [who, as?.user])]).filter((name) => name !== 'root');
  const groups = names([...Object.keys(world.groups ?? {}), ...asked.groups, ...users.map(primaryOf), ...cases.flatMap(({ groups: own = [], as }) => [...own, as?.group])]).filter((name) => name !== 'root');
  const uids = numbered(users, world.users, FIRST_UID);
  const gids = numbered(groups, world.groups, FIRST_GID);
  return { uids: new Map([['root', 0], ...withNamed(uids, cases.map(({ as }) => as?.uid), 'u')]), gids: new Map([['root', 0], ...withNamed(gids, cases.map(({ as }) => as?.gid), 'g')]), primaryOf };
}

function withNamed(listed: readonly (readonly [string, number])[], ids: readonly (number | undefined)[], prefix: string): readonly (readonly [string, number])[] {
  const known = new Set(listed.map(([, id]) => id));
  const nameless = new Set(ids.filter((id) => id !== undefined && id > 0 && id < 4_294_967_295 && !known.has(id)));
  return [...listed, ...[...nameless].map((id) => [`${prefix}${id}`, id as number] as const)];
}

export type Names = { readonly users: readonly string[]; readonly groups: readonly string[] };

/** The names that the rules ask for, in any of the cases. */
export function namesAsked({ world, cases }: CaseSuite, set: PolicySet): Names {
  const users = new Set<string>();
  const groups = new Set<string>();
  for (const each of cases) {
    const { request, context } = questionIn(world, each, { sha256 });
    const userId = (name: string): number | undefined => context.userId(users.add(name) && name);
    const groupId = (name: string): number | undefined => context.groupId(groups.add(name) && name);
    decide(set, request, { ...context, userId, groupId });
  }
  return { users: [...users], groups: [...groups] };
}

function numbered(names: readonly string[], given: World['users'], first: number): readonly (readonly [string, number])[] {
  const taken = new Set(Object.values(given ?? {}));
  let free = first;
  return names.flatMap((name) => {
    const id = given !== undefined && Object.hasOwn(given, name) ? given[name] : undefined;
    if (typeof id === 'string') return [];
    if (id !== undefined) return [[name, id] as const];
    while (taken.has(free)) free++;
    return [[name, free++] as const];
  });
}

/** The uplink's account stays: the test speaks as it. */
export function accountsScript({ uids, gids, primaryOf }: Accounts): ByteString {
  const users = [...uids].filter(([name]) => name !== 'root').map(([name, uid]) => `${name}:x:${uid}:${gids.get(primaryOf(name)) ?? uid}::/home/user:/bin/sh`);
  const groups = [...gids].filter(([name]) => name !== 'root').map(([name, gid]) => `${name}:x:${gid}:`);
  const put = (file: string, lines: readonly string[]): string => `printf '%s\\n' ${lines.map((line) => quoted(line)).join(' ')} >${file}.live; chmod 0644 ${file}.live; mv ${file}.live ${file}`;
  return script(
    put('/etc/passwd', ['root:x:0:0:root:/root:/bin/sh', 'belay:x:20101:20101::/var/lib/belay:/usr/sbin/nologin', ...users]),
    put('/etc/group', ['root:x:0:', 'belay:x:20101:', ...groups]),
  );
}

export type Furniture = { readonly files: ReadonlyMap<string, WorldFile | 'absent'>; readonly links: ReadonlyMap<string, string>; readonly above: ReadonlySet<string>; readonly folders: readonly string[] };

/** sudo has to stay what it is. */
const KEPT = new Set(['/usr/bin/sudo', '/opt/belay/bin/node']);

/** Whatever the cases run, and whatever their rules name: what is not listed exists. */
export function furnitureOf({ world, cases }: CaseSuite, rulePaths: readonly string[]): Furniture {
  const links = new Map(Object.entries(world.links ?? {}));
  const above = new Set(cases.flatMap((each) => [...(each.above ?? []), ...(each.login === 'ssh' ? [SSHD] : [])]));
  const named = [...rulePaths, ...links.values(), ...above, ...cases.map(({ run }) => run[0] as string)].filter((path) => path.startsWith('/') && !path.includes('\\x') && !links.has(path) && !KEPT.has(path));
  const files = new Map<string, WorldFile | 'absent'>([...named.map((path) => [path, {}] as const), ...Object.entries(world.files ?? {})]);
  const folders = [...new Set(['/home/user', ...cases.map(({ cwd = '/home/user' }) => posix.normalize(cwd))])];
  return { files, links, above, folders };
}

export const SSHD = '/usr/sbin/sshd';

export function furnishScript({ files, links, above, folders }: Furniture): ByteString {
  const places = [...files.keys(), ...links.keys()];
  const aside = places.map((path, index) => `if [ -e ${quoted(path)} ] || [ -L ${quoted(path)} ]; then mv ${quoted(path)} ${LIVE}/aside/${index}; fi; mkdir -p ${quoted(posix.dirname(path))}`);
  const made = [...files].flatMap(([path, file]) => (file === 'absent' || file.hardLinkOf !== undefined ? [] : [
    typeof file.content === 'string' ? `printf %s ${quoted(file.content)} >${quoted(path)}` : `cp ${above.has(path) ? SHELL : PROGRAM} ${quoted(path)}`,
    `chmod ${file.writable === true ? '0777' : '0755'} ${quoted(path)}`,
  ]));
  const hard = [...files].flatMap(([path, file]) => (file === 'absent' || file.hardLinkOf === undefined ? [] : [`ln ${quoted(file.hardLinkOf)} ${quoted(path)}`]));
  const soft = [...links].map(([path, target]) => `ln -s ${quoted(target)} ${quoted(path)}`);
  return script('set -eu', ...folders.map((folder) => `mkdir -p ${quoted(folder)}`), ...aside, ...made, ...hard, ...soft);
}

export function restoreScript({ files, links }: Furniture): ByteString {
  return script('set -eu', ...[...files.keys(), ...links.keys()].map((path, index) => `rm -f ${quoted(path)}; if [ -e ${LIVE}/aside/${index} ] || [ -L ${LIVE}/aside/${index} ]; then mv ${LIVE}/aside/${index} ${quoted(path)}; fi`));
}
