import { closeSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import type { LoginOrigin } from '@belay/core/policy';
import { pidfdAlive, pidfdGetfd, pidfdOpen, socketPeerAddress } from './libc.ts';
import { isInSystemService, readSession, sessionOf } from './lineage.ts';
import { parseControlGroup, parseLink, readKernelFile, readLink } from './lineage-proc.ts';
import { type Ancestor, ancestorsOf, type Chain } from './lineage-walk.ts';
import { isOfPerson, kindOf, type Session, sessionsOfUser } from './login-sessions.ts';
import { addressText, normalAddress } from './socket-address.ts';
import { ownedAndClosed, walk } from './walk.ts';

export type OriginDeps = {
  readonly proc: string;
  /** logind's; see sd-login(3). */
  readonly sessions: string;
  /** For one who has read them already. */
  readonly ancestorsOf: (pid: number, pidfd: number) => Chain | undefined;
};

const LINUX: OriginDeps = { proc: '/proc', sessions: '/run/systemd/sessions', ancestorsOf };

/** (uid_t)-1: no login has set it. */
const UNSET = 4_294_967_295;
const MAX_DESCRIPTORS = 256;
const SSH_SERVERS: ReadonlySet<string> = new Set(['sshd', 'sshd-session', 'dropbear']);
/** Where no PAM module tells logind, what people start stays in the unit that let them in. */
const LOGIN_UNITS = /\/(?:sshd?|dropbear|(?:[a-z]+-)?getty|xrdp|cockpit|vnc|x11vnc|gdm|sddm|lightdm|xdm|lxdm|display-manager)[^/]*\.service/;
const SCHEDULERS: ReadonlySet<string> = new Set(['cron', 'crond', 'anacron', 'atd']);

/**
 * How the person behind a process came onto the device; `pidfd` is a handle of the process. Undefined: it cannot be told.
 *
 * SECURITY(T-11): by the kernel and logind alone; SSH_CONNECTION and its like are the caller's word. Being in a session is not enough:
 * what was left running in one (tmux, screen, nohup) may be attended from another since. So a session tells the origin only of what
 * hangs below its leader, root's process that ends with the login. What runs under a user's service manager hangs below no login:
 * desktops start terminals there. That is a desktop's if the user has no session that is not one. A person's own processes can act for
 * one another, so all this says how the session came about, not who is at the keyboard.
 */
export function loginOriginOf(pid: number, pidfd: number, given: Partial<OriginDeps> = {}): LoginOrigin | undefined {
  const deps = { ...LINUX, ...given };
  const chain = deps.ancestorsOf(pid, pidfd);
  const place = placeOf(pid, deps.proc);
  if (chain?.complete !== true || place === undefined) return undefined;
  const origin = judgeOrigin(chain.ancestors, place, deps);
  // SECURITY(T-10): what was read under this number belongs to the process only if it still holds the number.
  return pidfdAlive(pidfd) ? origin : undefined;
}

type Place = { readonly controlGroup: string; readonly auditSession: number | undefined; readonly loginUid: number | undefined; readonly terminal: number };

function placeOf(pid: number, proc: string): Place | undefined {
  const link = parseLink(readKernelFile(`${proc}/${pid}/stat`) ?? '');
  const groups = readKernelFile(`${proc}/${pid}/cgroup`);
  if (link === undefined || groups === undefined) return undefined;
  const number = (name: string): number | undefined => {
    const text = readKernelFile(`${proc}/${pid}/${name}`, 32)?.trim() ?? '';
    return /^[0-9]{1,10}$/.test(text) ? Number(text) : undefined;
  };
  return { controlGroup: parseControlGroup(groups) ?? '', auditSession: number('sessionid'), loginUid: number('loginuid'), terminal: link.terminal };
}

function judgeOrigin(ancestors: readonly Ancestor[], place: Place, { sessions }: OriginDeps): LoginOrigin | undefined {
  const id = sessionOf(place.controlGroup)?.id ?? auditedSession(place, sessions);
  const session = id === undefined ? undefined : readSession(sessions, id);
  const leader = session === undefined ? undefined : leaderOf(session, ancestors, place);
  if (session !== undefined && leader !== undefined) return originOfSession(session, leader);
  const user = /^\/user\.slice\/user-([0-9]{1,10})\.slice\//.exec(place.controlGroup)?.[1];
  if (user !== undefined) return isOnlyOnDesktop(Number(user), sessions) ? { kind: 'desktop', sourceAddress: undefined } : undefined;
  // A login session that does not fit: no claim.
  if (id !== undefined) return undefined;
  const server = ancestors.find((one) => runsOneOf(one, SSH_SERVERS));
  if (server !== undefined) return { kind: 'ssh', sourceAddress: connectionOf(server) };
  return isService(ancestors, place) ? { kind: 'service', sourceAddress: undefined } : undefined;
}

/** logind calls a session by its audit number, where there is one. */
function auditedSession({ auditSession }: Place, sessions: string): string | undefined {
  if (auditSession === undefined || auditSession === UNSET) return undefined;
  return readSession(sessions, `${auditSession}`)?.get('AUDIT') === `${auditSession}` ? `${auditSession}` : undefined;
}

/** The session's first process, if it is above the request and still the one; the kernel's number of the login must fit too. */
function leaderOf(session: Session, ancestors: readonly Ancestor[], { auditSession }: Place): Ancestor | undefined {
  const audit = session.get('AUDIT');
  if (audit !== undefined && auditSession !== undefined && auditSession !== UNSET && audit !== `${auditSession}`) return undefined;
  if (session.get('STATE') === 'closing') return undefined;
  return ancestors.find((one) => one.pid !== 1 && session.get('LEADER') === `${one.pid}` && isRoot(one));
}

function originOfSession(session: Session, leader: Ancestor): LoginOrigin | undefined {
  const kind = kindOf(session);
  if (kind !== 'ssh') return kind === undefined ? undefined : { kind, sourceAddress: undefined };
  return { kind, sourceAddress: normalAddress(session.get('REMOTE_HOST') ?? '') ?? connectionOf(leader) };
}

function isOnlyOnDesktop(uid: number, folder: string): boolean {
  const sessions = sessionsOfUser(folder, uid)?.filter(isOfPerson) ?? [];
  return sessions.length > 0 && sessions.every((session) => kindOf(session) === 'desktop');
}

/** No login has marked it, none could have without our seeing it, and it has no terminal; or a scheduler of root's has started it on somebody's behalf. */
function isService(ancestors: readonly Ancestor[], { controlGroup, loginUid, terminal }: Place): boolean {
  if (!isInSystemService(controlGroup) || LOGIN_UNITS.test(controlGroup) || terminal !== 0) return false;
  return loginUid === UNSET || ancestors.some((one) => runsOneOf(one, SCHEDULERS));
}

function isRoot({ uids }: Ancestor): boolean {
  return uids.every((uid) => uid === 0);
}

/** A process of root's whose file goes by one of these names, in a place where only root gives names. */
function runsOneOf(ancestor: Ancestor, names: ReadonlySet<string>): boolean {
  if (!isRoot(ancestor) || ancestor.executable === '' || !names.has(basename(ancestor.executable))) return false;
  const walked = walk(ancestor.executable);
  return walked !== undefined && walked.stats.dev === ancestor.device && walked.stats.ino === ancestor.inode && walked.foldersRootOnly && ownedAndClosed(walked.stats);
}

/** Where the one network connection of a process comes from. Undefined: it has none, or several, or is gone. */
function connectionOf({ pid, startTicks }: Ancestor): string | undefined {
  const pidfd = pidfdOpen(pid);
  if (pidfd < 0) return undefined;
  try {
    const sockets = readdirSync(`/proc/${pid}/fd`).slice(0, MAX_DESCRIPTORS).filter((fd) => readLink(`/proc/${pid}/fd/${fd}`)?.startsWith('socket:') === true);
    const addresses = new Set(sockets.map((fd) => peerOfDescriptor(pidfd, Number(fd))).filter((address) => address !== undefined));
    const [address, ...others] = addresses;
    const same = parseLink(readKernelFile(`/proc/${pid}/stat`) ?? '')?.startTicks === startTicks && pidfdAlive(pidfd);
    return same && others.length === 0 ? address : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(pidfd);
  }
}

function peerOfDescriptor(pidfd: number, number: number): string | undefined {
  const fd = pidfdGetfd(pidfd, number);
  if (fd < 0) return undefined;
  const address = socketPeerAddress(fd);
  closeSync(fd);
  return address === undefined ? undefined : addressText(address);
}

/**
 * What a terminal is called below /dev, by its device number as /proc/PID/stat has it; see Linux's devices.txt. Undefined: there is
 * none, or it is of another kind.
 */
export function terminalName(device: number): string | undefined {
  const [major, minor] = [(device >>> 8) & 0xfff, (device & 0xff) | ((device >>> 12) & 0xfff00)];
  if (major === 136) return `pts/${minor}`;
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  if (major === 5 && minor === 1) return 'console';
  if (major === 229) return `hvc${minor}`;
  return major === 204 && minor >= 64 && minor < 80 ? `ttyAMA${minor - 64}` : undefined;
}
