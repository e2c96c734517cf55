import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import type { ByteString } from '@belay/core/bytes';
import { onLocalFileSystem, ownedAndClosed, pathArgument, walk } from '../walk.ts';

/**
 * Reading what only root can have written: SECURITY(T-16): a package database, a list or a key ring that anybody else could change, or
 * that is reached through a folder which is not root's alone, counts as unreadable. Paths are one char per byte.
 */
export type RootFile = { readonly bytes: Buffer; readonly stamp: string };

/** `absent`: it is certain that there is nothing. Undefined: it cannot be told, or is not root's alone. */
export type Maybe<T> = T | 'absent' | undefined;

const S_IFMT = 0o170000n;
const S_IFREG = 0o100000n;
const S_IFDIR = 0o040000n;
const MAX_ENTRIES = 50_000;

/** Another stamp: another state of the file. A file that was replaced, or written through a descriptor, has another one. */
export function stampOf({ dev, ino, ctimeNs, mtimeNs, size }: BigIntStats): string {
  return `${dev}:${ino}:${ctimeNs}:${mtimeNs}:${size}`;
}

/** What tells one state of these paths from another, whosever they are. */
export function stampOfPaths(paths: readonly string[]): string {
  return paths.map((path) => {
    const stats = statsOf(path);
    return typeof stats === 'object' ? stampOf(stats) : String(stats);
  }).join(' ');
}

/** The same of every file in these folders. */
export function stampOfFilesIn(folders: readonly string[]): string {
  return stampOfPaths(folders.flatMap((folder) => (namesIn(folder) ?? []).toSorted().map((name) => `${folder}/${name}`)));
}

function statsOf(path: string): Maybe<BigIntStats> {
  try {
    return lstatSync(pathArgument(path as ByteString), { bigint: true, throwIfNoEntry: false }) ?? 'absent';
  } catch {
    return undefined;
  }
}

/** The folder a path leads to, if nobody but root can change what is in it. */
export function rootFolder(path: string): Maybe<string> {
  const found = statsOf(path);
  if (typeof found !== 'object') return found;
  const walked = walk(path as ByteString);
  if (walked === undefined || (walked.stats.mode & S_IFMT) !== S_IFDIR || !walked.foldersRootOnly || !ownedAndClosed(walked.stats)) return undefined;
  return onLocalFileSystem(walked.resolved) ? walked.resolved : undefined;
}

/** The names in a folder that `rootFolder` answered; undefined when there are too many. */
export function namesIn(folder: string): readonly string[] | undefined {
  try {
    const names = readdirSync(pathArgument(folder as ByteString), 'latin1');
    return names.length > MAX_ENTRIES ? undefined : names;
  } catch {
    return undefined;
  }
}

/** Opens `name` in a folder that `rootFolder` answered. The caller closes it. */
export function openRootFile(folder: string, name: string): Maybe<{ readonly fd: number; readonly stats: BigIntStats }> {
  let fd: number;
  try {
    fd = openSync(pathArgument(`${folder}/${name}` as ByteString), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return Error.isError(error) && 'code' in error && error.code === 'ENOENT' ? 'absent' : undefined;
  }
  try {
    const stats = fstatSync(fd, { bigint: true });
    if ((stats.mode & S_IFMT) === S_IFREG && ownedAndClosed(stats)) return { fd, stats };
  } catch {
    // Not readable, so closed below.
  }
  closeSync(fd);
  return undefined;
}

/** The whole of a small file in a folder that `rootFolder` answered. */
export function readRootFile(folder: string, name: string, maxBytes: number): Maybe<RootFile> {
  const opened = openRootFile(folder, name);
  if (typeof opened !== 'object') return opened;
  try {
    const bytes = readWhole(opened.fd, opened.stats, maxBytes);
    return bytes === undefined ? undefined : { bytes, stamp: stampOf(opened.stats) };
  } catch {
    return undefined;
  } finally {
    closeSync(opened.fd);
  }
}

function readWhole(fd: number, { size }: BigIntStats, maxBytes: number): Buffer | undefined {
  if (size > BigInt(maxBytes)) return undefined;
  const bytes = Buffer.allocUnsafeSlow(Number(size));
  let at = 0;
  while (at < bytes.length) {
    const count = readSync(fd, bytes, at, bytes.length - at, at);
    if (count === 0) return undefined;
    at += count;
  }
  return bytes;
}
