import { closeSync, constants, openSync } from 'node:fs';
import type { ByteString } from '@belay/core/bytes';
import { err, ok, type Result } from '@belay/core/result';
import type { FileState, Inspected } from '../platform.ts';
import { type FileStatus, linkOf, readStart, statusOf } from './files.ts';
import { onLocalFileSystem, ownedAndClosed, pathArgument, walk } from './walk.ts';

const S_IFMT = 0o170000n;
const S_IFREG = 0o100000n;
/** The kernel's own limit is four interpreters after one another; linux/binfmts.h BINPRM_BUF_SIZE. */
const MAX_INTERPRETERS = 4;
const HEAD_BYTES = 256;

/** What runs, read from the descriptor. `typed` only explains how somebody came to it. */
export function inspect(fd: number, typed: ByteString): Result<Inspected, string> {
  try {
    const stats = statusOf(fd);
    if ((stats.mode & S_IFMT) !== S_IFREG) return err('not a regular file');
    if ((stats.mode & 0o111n) === 0n) return err('not executable');
    return ok(inspected(fd, typed, stats));
  } catch (error) {
    return err(`cannot be inspected: ${Error.isError(error) ? error.message : 'fault'}`);
  }
}

function inspected(fd: number, typed: ByteString, stats: FileStatus): Inspected {
  const head = headOf(fd);
  const resolved = linkOf(`/proc/self/fd/${fd}`);
  const walked = walk(typed);
  // The descriptor decides. Where the path leads elsewhere by now, or lies in another mount namespace, nobody can say who
  // may write it: not root's alone.
  const way = walked !== undefined && walked.resolved === resolved ? walked : walk(resolved);
  const same = way !== undefined && way.stats.dev === stats.dev && way.stats.ino === stats.ino;
  // SECURITY(T-17): the file, every folder above it, and the same for its interpreter.
  const rootOnly = same && way.foldersRootOnly && ownedAndClosed(stats) && (stats.dev === way.folderDevice || onLocalFileSystem(`/proc/self/fd/${fd}`)) && interpreterRootOnly(head, MAX_INTERPRETERS);
  return {
    executable: {
      typed,
      links: walked?.links ?? [],
      resolved,
      device: stats.dev,
      inode: stats.ino,
      rootOnly,
      script: isScript(head),
    },
    file: fileStateOf(stats),
  };
}

export function fileState(fd: number): FileState {
  return fileStateOf(statusOf(fd));
}

function fileStateOf(stats: FileStatus): FileState {
  return { device: stats.dev, inode: stats.ino, uid: Number(stats.uid), gid: Number(stats.gid), mode: Number(stats.mode), size: Number(stats.size), changedNs: stats.ctimeNs };
}

function headOf(fd: number): string {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  return head.toString('latin1', 0, readStart(fd, head));
}

function headOfPath(path: ByteString): string {
  const fd = openSync(pathArgument(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return headOf(fd);
  } finally {
    closeSync(fd);
  }
}

function isScript(head: string): boolean {
  return head.startsWith('#!');
}

/** The program after `#!`, as the kernel cuts it; undefined where there is none. See execve(2). */
export function interpreterOf(head: string): ByteString | undefined {
  const line = head.slice(2).split('\n', 1)[0] ?? '';
  const path = line.replace(/^[ \t]+/, '').split(/[ \t\0]/, 1)[0] ?? '';
  return path.startsWith('/') ? (path as ByteString) : undefined;
}

/** Whether nobody but root can change what interprets the bytes behind `fd`; true where nothing does. */
export function hasSafeInterpreter(fd: number): boolean {
  return interpreterRootOnly(headOf(fd), MAX_INTERPRETERS);
}

function interpreterRootOnly(head: string, left: number): boolean {
  if (!isScript(head)) return true;
  const path = interpreterOf(head);
  const walked = path === undefined || left === 0 ? undefined : walk(path);
  if (walked === undefined || !walked.foldersRootOnly || !ownedAndClosed(walked.stats) || !onLocalFileSystem(walked.resolved)) return false;
  return interpreterRootOnly(headOfPath(walked.resolved), left - 1);
}
