import type { ByteString } from '@belay/core/bytes';
import type { ElevationRequest, Requester } from '@belay/core/request';
import { err, ok, type Result } from '@belay/core/result';
import type { Account, Actor, Inspected, Peer, Platform } from '../platform/platform.ts';
import { buildEnvironment } from './environment.ts';
import { readRunAs, type Target } from './run-as.ts';
import type { SudoRequest } from './sudo-request.ts';

/** Everything that decides, read from the kernel and from root's files; and our copy of the descriptor. */
export type Gathered = {
  readonly request: ElevationRequest;
  readonly account: Account;
  readonly inspected: Inspected;
  /** Ours; closed by `close`. */
  readonly fd: number;
  /** argv[0] as typed, for uid 0; `undefined` arguments never occur. */
  readonly typedName: ByteString;
  /** Set for a login shell: its home. */
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
    request: rest.value,
    account: target.value.account,
    inspected: inspected.value,
    fd: taken.value,
    typedName: sudo.argv[0] ?? sudo.typedPath,
    directory: directory.value.change,
  });
}

type Found = { readonly target: Target; readonly inspected: Inspected; readonly cwd: ByteString };

function requestOf(sudo: SudoRequest, peer: Peer, { target, inspected, cwd }: Found, { platform, deviceId }: GatherDeps): Result<ElevationRequest, string> {
  const requester = requesterOf(peer.actor, platform);
  const args = sudo.argv.slice(1);
  if (sudo.loginShell && sudo.typedPath !== target.account.shell) return err('the login shell is not the one of that user');
  const command = inspected.executable.typed;
  const env = buildEnvironment(sudo, { account: target.account, actor: peer.actor, requesterName: requester.name, command, args });
  if (!env.ok) return env;
  return ok({
    door: 'sudo',
    deviceId: deviceId(),
    requester,
    loginSession: peer.actor.loginSession,
    executable: inspected.executable,
    args,
    cwd,
    env: env.value,
    runAs: target.runAs,
  });
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
