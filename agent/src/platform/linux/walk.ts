import type { ByteString } from '@belay/core/bytes';
import { fileSystemAt, type FileStatus, linkOf, statusAt } from './files.ts';

/** Where a path leads, component by component, as the kernel would go; see path_resolution(7). */
export type Walked = {
  readonly resolved: ByteString;
  readonly stats: FileStatus;
  /** Every symbolic link on the way, as paths. */
  readonly links: readonly ByteString[];
  /** Every folder from `/` to the file's own is root's, on a local file system, and writable by root only. */
  readonly foldersRootOnly: boolean;
  /** Device of the file's own folder, which `foldersRootOnly` says is local. */
  readonly folderDevice: bigint | undefined;
  /** Anybody may go through each of them. */
  readonly foldersOpen: boolean;
};

const MAX_LINKS = 40;
const MAX_COMPONENTS = 4096;
const S_IFMT = 0o170000n;
const S_IFLNK = 0o120000n;
const S_IFDIR = 0o040000n;
const OTHERS_SEARCH = 0o001n;

/** Node wants bytes as a Buffer; a ByteString is one char per byte. ASCII needs no copy. */
export function pathArgument(path: ByteString): string | Buffer {
  // eslint-disable-next-line no-control-regex
  return /^[\x00-\x7f]*$/.test(path) ? path : Buffer.from(path, 'latin1');
}

/** Undefined: there is nothing, or too many links. */
export function walk(path: ByteString): Walked | undefined {
  if (!path.startsWith('/') || path.includes('\0')) return undefined;
  try {
    return walkFrom(path);
  } catch {
    return undefined;
  }
}

type Folder = { readonly path: string; readonly stats: FileStatus };

function walkFrom(path: ByteString): Walked | undefined {
  const links: ByteString[] = [];
  let pending = path.split('/').filter((part) => part !== '');
  const root: Folder = { path: '', stats: statusAt('/') };
  let folders: Folder[] = [root];
  for (let steps = 0; steps < MAX_COMPONENTS; steps++) {
    const [part, ...rest] = pending;
    const here = folders.at(-1) as Folder;
    if (part === undefined) return finish(folders, links);
    pending = rest;
    if (part === '.') continue;
    if (part === '..') {
      if (folders.length > 1) folders.pop();
      continue;
    }
    const next = `${here.path}/${part}`;
    const stats = statusAt(next);
    if ((stats.mode & S_IFMT) !== S_IFLNK) {
      if (rest.length > 0 && (stats.mode & S_IFMT) !== S_IFDIR) return undefined;
      folders.push({ path: next, stats });
      continue;
    }
    links.push(next as ByteString);
    if (links.length > MAX_LINKS) return undefined;
    const target = linkOf(next);
    if (target.startsWith('/')) folders = [root];
    pending = [...target.split('/').filter((name) => name !== ''), ...pending];
  }
  return undefined;
}

function finish(chain: readonly Folder[], links: readonly ByteString[]): Walked {
  const last = chain.at(-1) as Folder;
  const resolved = (last.path === '' ? '/' : last.path) as ByteString;
  const folders = chain.slice(0, -1);
  return {
    resolved,
    stats: last.stats,
    links,
    foldersRootOnly: folders.every((folder, at) => folderRootOnly(folder, chain[at - 1])),
    folderDevice: folders.at(-1)?.stats.dev,
    foldersOpen: folders.every(({ stats }) => (stats.mode & OTHERS_SEARCH) !== 0n),
  };
}

function folderRootOnly(folder: Folder, parent: Folder | undefined): boolean {
  if (!ownedAndClosed(folder.stats)) return false;
  return parent?.stats.dev === folder.stats.dev || onLocalFileSystem(folder.path === '' ? '/' : folder.path);
}

/**
 * The folder a path leads to, if anybody could have gone there and nobody but root can make the path lead elsewhere.
 */
export function openRootFolder(path: ByteString): ByteString | undefined {
  const walked = walk(path);
  if (walked === undefined || (walked.stats.mode & S_IFMT) !== S_IFDIR || (walked.stats.mode & OTHERS_SEARCH) === 0n) return undefined;
  return walked.foldersOpen && walked.foldersRootOnly && ownedAndClosed(walked.stats) && onLocalFileSystem(walked.resolved) ? walked.resolved : undefined;
}

/** Root owns it, and neither a group nor others may write. A POSIX ACL's mask shows as the group's bits. */
export function ownedAndClosed(stats: { readonly uid: bigint; readonly mode: bigint }): boolean {
  return stats.uid === 0n && (stats.mode & 0o022n) === 0n;
}

/**
 * File systems whose content only this kernel changes. On a network or user-space one, owner and mode are what somebody
 * else says they are. Numbers: linux/magic.h.
 */
const LOCAL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x858458f6, 0x794c7630, 0x73717368, 0xf2f52010, 0x2fc12fc1, 0xe0f5e1e2, 0xca451a4e, 0x9660, 0x15013346,
]);

export function onLocalFileSystem(path: string): boolean {
  try {
    return LOCAL_FILE_SYSTEMS.has(fileSystemAt(path));
  } catch {
    return false;
  }
}
