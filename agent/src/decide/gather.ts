import type { ByteString } from '@belay/core/bytes';
import type { ElevationRequest, Requester } from '@belay/core/request';
import { err, ok, type Result } from '@belay/core/result';
import type { Account, Actor, Inspected, Peer, Platform } from '../platform/platform.ts';
import { readVariables, type Variables } from './environment.ts';
import { readRunAs, type Target } from './run-as.ts';
import type { SudoRequest } from './sudo-request.ts';

/** Everything that decides, read from the kernel and from root's files; and our copy of the descriptor. */
export type Gathered = {
  readonly request: ElevationRequest;
  /** What `request.env` was made of. */
  readonly variables: Variables;
  readonly account: Account;
  readonly inspected: Inspected;
  /** Ours; closed by `close`. */
  readonly fd: number;
  /** argv[0] as typed, for uid 0; `undefined` arguments never occur. */
  readonly typedName: ByteString;
  /** Where the front end is to go; undefined: it stays where it is. */
  readonly directory: ByteString | undefined;
};

export type Refused = { readonly why: 'bad-request' | 'not-found'; readonly message: string };
export type GatherDeps = { readonly platform: Platform; deviceId(): string };

export function requesterOf(actor: Actor, platform: Platform): Requester {
  return { uid: actor.realUid, gid: actor.realGid, groups: actor.groups, name: platform.accounts.userById(actor.realUid)?.name };
}

/** Opens nothing by path. The caller closes `fd` of what it gets. */
export function gather(sudo: SudoRequest, peer: Peer, deps: GatherDeps): Result<Gathered, Refused> {
  const { platform } = deps;
  const bad = (message: string) => err({ why: 'bad-request', message } as const);
  const target = readRunAs(sudo.runAsUser, sudo.runAsGroup, peer.actor, platform.accounts);
  if (!target.ok) return bad(target.error);
  const directory = directoryOf(sudo, target.value, peer, platform);
  if (!directory.ok) return bad(directory.error);
  if (sudo.executableFd === undefined) return err({ why: 'not-found', message: '' });
  const taken = peer.takeDescriptor(sudo.executableFd);
  if (!taken.ok) return err({ why: 'not-found', message: '' });
  const inspected = platform.inspect(taken.value, sudo.typedPath);
  const rest = inspected.ok ? requestOf(sudo, peer, { target: target.value, inspected: inspected.value, cwd: directory.value.cwd }, deps) : inspected;
  if (!inspected.ok || !rest.ok) {
    platform.closeDescriptor(taken.value);
    return inspected.ok && !rest.ok ? bad(rest.error) : err({ why: 'not-found', message: '' });
  }
  return ok({
    ...rest.value,
    account: target.value.account,
    inspected: inspected.value,
    fd: taken.value,
    typedName: sudo.argv[0] ?? sudo.typedPath,
    directory: directory.value.change,
  });
}

type Found = { readonly target: Target; readonly inspected: Inspected; readonly cwd: ByteString };

function requestOf(sudo: SudoRequest, peer: Peer, { target, inspected, cwd }: Found, { platform, deviceId }: GatherDeps): Result<Pick<Gathered, 'request' | 'variables'>, string> {
  const requester = requesterOf(peer.actor, platform);
  const args = sudo.argv.slice(1);
  if (sudo.loginShell && sudo.typedPath !== target.account.shell) return err('the login shell is not the one of that user');
  const command = inspected.executable.typed;
  const variables = readVariables(sudo, { account: target.account, actor: peer.actor, requesterName: requester.name, command, args });
  const { loginSession } = peer.actor;
  const request = { door: 'sudo', deviceId: deviceId(), requester, loginSession, executable: inspected.executable, args, cwd, env: variables.usual, runAs: target.runAs } as const;
  return ok({ request, variables });
}

/**
 * Whether it is still as it was gathered: what may have changed under a yes without any rule's seeing it.
 *
 * SECURITY(T-18): the same account behind the name, and the same folder, which others may have renamed or moved meanwhile.
 */
export function isAsGathered({ request, account, directory }: Gathered, sudo: SudoRequest, peer: Peer, { platform, place }: { readonly platform: Platform; readonly place: Place | undefined }): boolean {
  const target = readRunAs(sudo.runAsUser, sudo.runAsGroup, peer.actor, platform.accounts);
  if (!target.ok || JSON.stringify([target.value.runAs, target.value.account]) !== JSON.stringify([request.runAs, account])) return false;
  if (requesterOf(peer.actor, platform).name !== request.requester.name) return false;
  if (directory !== undefined) return true;
  const now = peer.workingDirectory();
  if (now !== undefined) return now === request.cwd;
  // With -b sudo's first process has ended, and its child runs where that one was.
  const there = placeOf(request.cwd, platform);
  return place !== undefined && there !== undefined && place.device === there.device && place.inode === there.inode;
}

/** A folder, apart from its name. */
export type Place = { readonly device: bigint; readonly inode: bigint };

export function placeOf(folder: ByteString, platform: Platform): Place | undefined {
  return platform.objectOf(folder);
}

/** Where it runs: where the peer is, by the kernel; a login shell at home; with -D where the requester could have gone too. */
function directoryOf(sudo: SudoRequest, target: Target, peer: Peer, platform: Platform): Result<{ readonly cwd: ByteString; readonly change: ByteString | undefined }, string> {
  const typed = sudo.directoryWanted;
  if (typed !== undefined && !typed.startsWith('/')) return err('-D needs an absolute path');
  // SECURITY(T-06): sudo enters it as root, after the decision: a link that the requester can turn would lead root elsewhere.
  const wanted = typed === undefined || peer.actor.realUid === 0 ? typed : platform.openRootFolder(typed);
  if (typed !== undefined && wanted === undefined) return err('-D is only for folders of root that everybody may enter; go to the folder first and leave out -D');
  const change = wanted ?? (sudo.loginShell ? target.account.home : undefined);
  const cwd = change ?? peer.workingDirectory();
  return cwd === undefined ? err('your working directory cannot be told') : ok({ cwd, change });
}
