import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { hasWriters } from './libc.ts';
import { stampOf } from './packages/root-files.ts';
import { onLocalFileSystem, ownedAndClosed } from './walk.ts';

/** SHA-256 (hex, lower case) of executables that nobody but root can write; of any other, nothing. */
export interface HashCache {
  /** What is known without reading the file: one fstat(2). */
  known(file: HashedFile): string | undefined;
  /**
   * The same, read off the event loop where it is not known; a second request for the same file waits for the first one's reading.
   * The caller may close its descriptor at once. Undefined: not root's alone, being written, changed meanwhile, unreadable, or aborted.
   */
  of(file: HashedFile, signal: AbortSignal): Promise<string | undefined>;
  close(): void;
}

export type HashedFile = { readonly fd: number; /** See `Executable.rootOnly`: the folders above are root's too. */ readonly rootOnly: boolean };

export type HashCacheDeps = {
  /** Unix time, ms. */
  readonly nowMs: () => number;
  readonly maxEntries?: number;
};

const MAX_ENTRIES = 1024;
const CHUNK_BYTES = 1024 * 1024;
/**
 * The kernel stamps changes by a clock that stands still for up to 10 ms: two changes can have one stamp. A file that changed just
 * now is read again next time.
 */
const SETTLED_MS = 100;
const S_IFMT = 0o170000n;
const S_IFREG = 0o100000n;
const readAt = promisify(read);

export function createHashCache({ nowMs, maxEntries = MAX_ENTRIES }: HashCacheDeps): HashCache {
  const entries = createRecent(maxEntries);
  const running = new Map<string, Promise<string | undefined>>();
  const closing = new AbortController();

  async function readOnce(own: Opened): Promise<string | undefined> {
    const settled = nowMs() - Number(own.stats.ctimeNs / 1_000_000n) >= SETTLED_MS;
    const sha256 = await hashOf(own, closing.signal);
    if (sha256 !== undefined && own.watched && settled) entries.keep(own.stamp, sha256);
    return sha256;
  }

  function start(fd: number): Promise<string | undefined> {
    const own = openForReading(fd);
    if (own === undefined) return Promise.resolve(undefined);
    const reading = readOnce(own).catch(() => undefined).finally(() => {
      running.delete(own.stamp);
      closeSync(own.fd);
    });
    running.set(own.stamp, reading);
    return reading;
  }

  const known = ({ fd, rootOnly }: HashedFile): string | undefined => (rootOnly ? entries.find(stampBehind(fd)) : undefined);
  return {
    known,
    async of(file, signal) {
      if (!file.rootOnly || closing.signal.aborted || signal.aborted) return undefined;
      return known(file) ?? unlessAborted(running.get(stampBehind(file.fd)) ?? start(file.fd), signal);
    },
    close() {
      closing.abort();
      entries.clear();
    },
  };
}

type Recent = { find(stamp: string): string | undefined; keep(stamp: string, sha256: string): void; clear(): void };

/** Keyed by device, inode, times of change in ns and size; the longest unused goes first. */
function createRecent(maxEntries: number): Recent {
  const entries = new Map<string, string>();
  return {
    find(stamp) {
      const sha256 = entries.get(stamp);
      if (sha256 === undefined) return undefined;
      entries.delete(stamp);
      entries.set(stamp, sha256);
      return sha256;
    },
    keep(stamp, sha256) {
      entries.set(stamp, sha256);
      const [oldest] = entries.keys();
      if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
    },
    clear: () => entries.clear(),
  };
}

type Opened = {
  readonly fd: number;
  readonly stats: BigIntStats;
  readonly stamp: string;
  /** Nobody had it open for writing when we began, so whoever writes to it from then on changes its stamp. */
  readonly watched: boolean;
};

/** Empty: none. */
function stampBehind(fd: number): string {
  try {
    return stampOf(fstatSync(fd, { bigint: true }));
  } catch {
    return '';
  }
}

/** A description of our own: the caller's is shared with the process it came from. */
function openForReading(fd: number): Opened | undefined {
  let own: number;
  try {
    own = openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  const opened = examine(own);
  if (opened === undefined) closeSync(own);
  return opened;
}

function examine(fd: number): Opened | undefined {
  try {
    const stats = fstatSync(fd, { bigint: true });
    // SECURITY(T-17): whose file it is means nothing on a file system that somebody else keeps.
    if ((stats.mode & S_IFMT) !== S_IFREG || !ownedAndClosed(stats) || !onLocalFileSystem(`/proc/self/fd/${fd}`)) return undefined;
    // SECURITY(T-34): a mapping from before the file became root's is written through without a trace in its times. Once it is certain
    // that there is none, only root can make one, and its first write shows.
    const writers = hasWriters(fd);
    return writers === true ? undefined : { fd, stats, stamp: stampOf(stats), watched: writers === false };
  } catch {
    return undefined;
  }
}

/** The file must be the same at the end as at the start, or the hash is of neither. */
async function hashOf({ fd, stats, stamp }: Opened, signal: AbortSignal): Promise<string | undefined> {
  const digest = createHash('sha256');
  const chunk = Buffer.allocUnsafeSlow(Number(stats.size < BigInt(CHUNK_BYTES) ? stats.size + 1n : CHUNK_BYTES));
  for (let at = 0; !signal.aborted; ) {
    const { bytesRead } = await readAt(fd, chunk, 0, chunk.length, at);
    if (bytesRead === 0) return stampBehind(fd) === stamp ? digest.digest('hex') : undefined;
    digest.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
    if (at > stats.size) return undefined;
  }
  return undefined;
}

function unlessAborted<T>(work: Promise<T | undefined>, signal: AbortSignal): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<T | undefined>();
  const give = (): void => resolve(undefined);
  signal.addEventListener('abort', give, { once: true });
  void work.then(resolve, give).finally(() => signal.removeEventListener('abort', give));
  return promise;
}
