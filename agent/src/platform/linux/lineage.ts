import { statSync } from 'node:fs';
import type { Lineage } from '@belay/core/policy';
import { parseControlGroup, readKernelFile } from './lineage-proc.ts';
import { type Ancestor, ancestorsOf, type Chain } from './lineage-walk.ts';
import { ownedAndClosed } from './walk.ts';

export type LineageReading = Lineage & {
  /**
   * As `whole`, but what runs as somebody else than root may be in the list: an ended ancestor can only have been hidden by a process
   * further up that was the requester's own already and had made itself a subreaper. Who commands that one could have asked without
   * the hidden one. Good for saying that somebody is no ancestor; not for saying who the parent is.
   */
  readonly unbroken: boolean;
};

export type LineageDeps = {
  /** Whether the process has been root's, and what its name says, from its start on. */
  readonly isOfSystem: (ancestor: Ancestor) => boolean;
};

/**
 * The processes above the one behind `pidfd`. What the list says of them is so; what it leaves out is the question.
 *
 * SECURITY(T-11): the kernel gives an orphan to the nearest ancestor that called itself a subreaper, or else to pid 1, and shows no
 * one's being a subreaper. The mark outlives an exec, set-user-id included, and can be taken off again after it has served. Nor does
 * anything show when a process last became another program: one that starts a child and then becomes `X` has that child under `X`
 * without anybody having been adopted. Session, process group, control group and start order are as their user arranges them, and the
 * order of children shows some adoptions but never that there was none. So of a process that runs with the requester's rights nothing
 * can be claimed but that it is above, and what it runs now. That leaves the processes of the system: started by pid 1, root's all the
 * way. Hence `whole` where nobody else is in the list: the requester is the child of a session's or service's root process (cron, sshd,
 * a root service). Directly under pid 1 nobody can tell a service's main process from an orphan. A user's service manager adopts and
 * runs as the user, so it is never part of such a list. A process whose file has no name could be any: never whole,
 * but for pid 1, which is above everybody whatever it is.
 */
export function lineageOf(pid: number, pidfd: number, deps: LineageDeps = SYSTEMD): LineageReading | undefined {
  const chain = ancestorsOf(pid, pidfd);
  return chain === undefined ? undefined : judge(chain, deps);
}

/** The same of a chain that was read already. */
export function judge({ ancestors, complete }: Chain, { isOfSystem }: LineageDeps = SYSTEMD): LineageReading {
  const processes = ancestors.map(({ executable, device, inode, uids }) => ({ executable, device, inode, uid: uids[0] }));
  const told = complete && ancestors.every(({ pid, executable }) => pid === 1 || executable !== '');
  const lastOther = told ? ancestors.findLastIndex((one) => one.pid !== 1 && !isOfSystem(one)) : 0;
  // Pid 1 and at least one process of the system below it.
  const unbroken = told && ancestors.length - 1 - lastOther >= 2;
  return { processes, whole: unbroken && lastOther === -1, unbroken };
}

const SESSIONS = '/run/systemd/sessions';
const SYSTEMD: LineageDeps = { isOfSystem: (ancestor) => isOfSystem(ancestor, readKernelFile(`/proc/${ancestor.pid}/cgroup`), SESSIONS) };

/**
 * Root in a service of the system's, where nobody but root puts a process, or the leader of a login session, by logind's word (sshd's
 * monitor, login, a display manager's worker). Where pid 1 is no systemd: none.
 */
export function isOfSystem({ pid, uids }: Pick<Ancestor, 'pid' | 'uids'>, controlGroups: string | undefined, sessions: string): boolean {
  if (uids.some((uid) => uid !== 0)) return false;
  const group = parseControlGroup(controlGroups ?? '') ?? '';
  if (isInSystemService(group)) return true;
  const session = sessionOf(group)?.id;
  return session !== undefined && readSession(sessions, session)?.get('LEADER') === `${pid}`;
}

/** The control group is one of a service of the system's, or lies in one. */
export function isInSystemService(controlGroup: string): boolean {
  return /^\/system\.slice\/(?:[^/]+\.slice\/)*[^/]+\.service(?:\/|$)/.test(controlGroup);
}

/** The login session whose scope a control group lies in. The folders above are systemd's, so the numbers are too. */
export function sessionOf(controlGroup: string): { readonly id: string; readonly uid: number } | undefined {
  const found = /^\/user\.slice\/user-([0-9]{1,10})\.slice\/session-([A-Za-z0-9]{1,32})\.scope(?:\/|$)/.exec(controlGroup);
  return found === null ? undefined : { uid: Number(found[1]), id: found[2] as string };
}

/** What logind says of a session or a user. Undefined: nothing, or not in a file of root's alone. */
export function readSession(folder: string, name: string): ReadonlyMap<string, string> | undefined {
  const path = `${folder}/${name}`;
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile() || !ownedAndClosed(stats)) return undefined;
  const text = readKernelFile(path);
  return text === undefined ? undefined : parseSession(text);
}

/** `NAME=value` a line, as logind writes its state; see sd-login(3). */
export function parseSession(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^([A-Z_]{1,64})=(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined && !found.has(name)) found.set(name, value);
  }
  return found;
}
