import type { ByteString } from '@belay/core/bytes';
import { type FileIdentity, identifyCached, identifyLink, pidfdAlive } from './libc.ts';
import { parseLink, parseUids, type ProcessLink, type ProcessUids, readKernelFile, readLink } from './lineage-proc.ts';

/** A process above another, and how the kernel has it now. */
export type Ancestor = {
  readonly pid: number;
  readonly startTicks: number;
  readonly uids: ProcessUids;
  /** What it runs; empty where no path of ours names that very file: deleted, replaced, or in another mount namespace. */
  readonly executable: ByteString;
  readonly device: bigint;
  readonly inode: bigint;
};

export type Chain = {
  /** Parent first. */
  readonly ancestors: readonly Ancestor[];
  /** It goes up to pid 1. */
  readonly complete: boolean;
};

const MAX_DEPTH = 64;
const UNNAMED = '' as ByteString;

/**
 * The processes above the one behind `pidfd`, whose number is `pid`. Undefined: it is gone, it lives in another pid namespace than
 * ours, or somebody above went while we looked. About ten system calls for each.
 */
export function ancestorsOf(pid: number, pidfd: number): Chain | undefined {
  // SECURITY(T-03): numbers mean other processes in another namespace; a parent outside ours shows as 0.
  if (readLink(`/proc/${pid}/ns/pid`) !== readLink('/proc/self/ns/pid')) return undefined;
  const links: { readonly pid: number; readonly link: ProcessLink }[] = [];
  const ancestors: Ancestor[] = [];
  for (let at = pid; ; ) {
    const link = linkOf(at);
    if (link === undefined) return undefined;
    const self = at === pid ? undefined : readAncestor(at, link);
    if (at !== pid && self === undefined) return undefined;
    if (self !== undefined) ancestors.push(self);
    links.push({ pid: at, link });
    if (at === 1 || links.length > MAX_DEPTH) break;
    if (link.parent === 0) return undefined;
    at = link.parent;
  }
  return held(links) && pidfdAlive(pidfd) ? { ancestors, complete: ancestors.at(-1)?.pid === 1 } : undefined;
}

/**
 * SECURITY(T-11): a process that keeps its parent's number keeps its parent, as only older processes adopt. Checked from the top down,
 * each look lies within the time for which the one below vouches, down to the requester, whose handle holds its own number. So every
 * number meant one process all the while.
 */
function held(links: readonly { readonly pid: number; readonly link: ProcessLink }[]): boolean {
  return links.toReversed().every(({ pid, link }) => {
    const now = linkOf(pid);
    return now !== undefined && now.parent === link.parent && now.startTicks === link.startTicks;
  });
}

function linkOf(pid: number): ProcessLink | undefined {
  const text = readKernelFile(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseLink(text);
}

function readAncestor(pid: number, link: ProcessLink): Ancestor | undefined {
  const uids = parseUids(readKernelFile(`/proc/${pid}/status`, 4096) ?? '');
  if (uids === undefined) return undefined;
  const file = identifyLink(`/proc/${pid}/exe`);
  return { pid, startTicks: link.startTicks, uids, executable: nameOf(pid, file), device: file?.device ?? 0n, inode: file?.inode ?? 0n };
}

/**
 * SECURITY(T-11): the kernel's text for it is no more than a claim. Out of another mount namespace anything can be called anything,
 * a deleted file keeps the name it had there, and a descriptor carries it into a process of ours.
 */
function nameOf(pid: number, file: FileIdentity | undefined): ByteString {
  const path = file === undefined ? undefined : (readLink(`/proc/${pid}/exe`) as ByteString | undefined);
  if (file === undefined || path === undefined || !path.startsWith('/')) return UNNAMED;
  const cached = identifyCached(path);
  const there = cached === 'unsupported' ? identifyLink(path) : cached;
  return there !== undefined && there.device === file.device && there.inode === file.inode ? path : UNNAMED;
}
