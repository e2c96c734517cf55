import { closeSync } from 'node:fs';
import type { LoginSession } from '@belay/core/request';
import { err, ok, type Result } from '@belay/core/result';
import type { Actor, Peer } from '../platform.ts';
import { linkOf } from './files.ts';
import { lineageOf } from './lineage.ts';
import { errno, peerCredentials, peerGroups, peerPidfd, pidfdAlive, pidfdGetfd, pidfdIdentity, pidfdOpen } from './libc.ts';
import { loginOriginOf } from './origin.ts';
import { type ProcessStat, readStat, readStatus } from './proc.ts';

/**
 * The peer of a Unix socket, by the kernel alone. The handle comes with the socket (SO_PEERPIDFD); where the kernel lacks
 * that, it is opened by number and the start time must be the same before and after.
 */
export function peerOf(socketFd: number): Result<Peer, string> {
  // SECURITY(T-09): nothing that a frame says about who is calling is ever looked at.
  const credentials = peerCredentials(socketFd);
  if (credentials === undefined || credentials.pid <= 0) return err('the peer has no credentials');
  const pidfd = handleOf(socketFd, credentials.pid);
  if (pidfd === undefined) return err('the peer is gone');
  const actor = actorOf(socketFd, credentials, pidfd);
  if (actor === undefined) {
    closeSync(pidfd);
    return err('the peer is gone');
  }
  return ok(createPeer(actor, pidfd));
}

function handleOf(socketFd: number, pid: number): number | undefined {
  const given = peerPidfd(socketFd);
  if (given !== 'unsupported') return given;
  const before = readStat(pid)?.startTicks;
  const opened = pidfdOpen(pid);
  if (opened < 0) return undefined;
  // The same start time on both sides of the open: the handle and what is read from /proc are one process's.
  if (before !== undefined && readStat(pid)?.startTicks === before) return opened;
  closeSync(opened);
  return undefined;
}

function actorOf(socketFd: number, { pid, uid }: { readonly pid: number; readonly uid: number }, pidfd: number): Actor | undefined {
  const identity = identityOf(socketFd, pid, pidfd);
  return identity === undefined ? undefined : { pid, ...identity, effectiveUid: uid, loginSession: loginSessionOf(pid, pidfd) };
}

type Identity = Pick<Actor, 'realUid' | 'realGid' | 'groups'>;

/** By the handle (Linux 6.13), or else from /proc by number. */
function identityOf(socketFd: number, pid: number, pidfd: number): Identity | undefined {
  const given = pidfdIdentity(pidfd);
  if (given === undefined) return undefined;
  const groups = given === 'unsupported' ? undefined : peerGroups(socketFd);
  if (given !== 'unsupported' && groups !== undefined) return { ...given, groups: groups.includes(given.realGid) ? groups : [given.realGid, ...groups] };
  const status = readStatus(pid);
  // SECURITY(T-10): what was read under this number belongs to the peer only if the peer still holds the number.
  if (status === undefined || !pidfdAlive(pidfd)) return undefined;
  return { realUid: status.realUid, realGid: status.realGid, groups: status.groups };
}

const NO_SESSION: LoginSession = { sessionId: 0, leaderStart: 0, terminal: 0 };

/** Read when it is first asked for: a process keeps its session, and most of what asks can wait until after an answer. */
function loginSessionOf(pid: number, pidfd: number): LoginSession {
  let own: ProcessStat | 'gone' | undefined;
  let leaderStart: number | undefined;
  const read = (): ProcessStat | undefined => {
    if (own === undefined) {
      const stat = readStat(pid);
      own = stat !== undefined && pidfdAlive(pidfd) ? stat : 'gone';
    }
    return own === 'gone' ? undefined : own;
  };
  return {
    get sessionId() {
      return read()?.sessionId ?? NO_SESSION.sessionId;
    },
    get terminal() {
      return read()?.terminal ?? NO_SESSION.terminal;
    },
    get leaderStart() {
      leaderStart ??= leaderStartOf(pid, read());
      return leaderStart;
    },
  };
}

/** 0: the leader is gone. */
function leaderStartOf(pid: number, own: ProcessStat | undefined): number {
  if (own === undefined || own.sessionId === 0) return NO_SESSION.leaderStart;
  return own.sessionId === pid ? own.startTicks : (readStat(own.sessionId)?.startTicks ?? NO_SESSION.leaderStart);
}

function createPeer(actor: Actor, pidfd: number): Peer {
  let open = true;
  return {
    actor,
    takeDescriptor(number) {
      if (!open) return err('the peer is gone');
      const fd = pidfdGetfd(pidfd, number);
      return fd >= 0 ? ok(fd) : err(`pidfd_getfd: errno ${errno()}`);
    },
    workingDirectory() {
      try {
        const path = linkOf(`/proc/${actor.pid}/cwd`);
        return open && pidfdAlive(pidfd) && path.startsWith('/') ? path : undefined;
      } catch {
        return undefined;
      }
    },
    // SECURITY(T-11): of the process that the handle holds, by the kernel, whatever it says of itself.
    lineage: () => (open ? lineageOf(actor.pid, pidfd) : undefined),
    origin: () => (open ? loginOriginOf(actor.pid, pidfd) : undefined),
    close() {
      if (open) closeSync(pidfd);
      open = false;
    },
  };
}
