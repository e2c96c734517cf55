import { type FSWatcher, fstatSync, lstatSync, watch } from 'node:fs';
import type { ByteString } from '@belay/core/bytes';
import { pathArgument } from '../walk.ts';
import { createDebPackages } from './deb/deb-packages.ts';
import { createDigests } from './digests.ts';
import type { PackageAnswer, PackageManager } from './package-manager.ts';
import { createRpmPackages } from './rpm/rpm-packages.ts';

export interface PackageFacts {
  /**
   * Which package owns the file behind `fd`, which the kernel says is at `path`. `none`: no package does. Undefined: it cannot be told
   * now. Answers at once: a few milliseconds, and the time to digest the file where that is not known yet.
   */
  ownerOf(file: { readonly path: ByteString; readonly fd: number; /** See `Inspected`: nobody but root can change the file. */ readonly rootOnly: boolean }): PackageAnswer;
  /** Reads ahead what answers need, and keeps it up to date from now on; for a device whose policy has a rule on packages. */
  prepare(): Promise<void>;
  close(): void;
}

export type PackageFactsDeps = {
  /** Where the machine's file system starts; databases, key rings and files are looked for below it. */
  readonly root?: string;
  readonly nowMs: () => number;
  /** Larger files are digested off the path of requests, and unknown until then. */
  readonly inlineBytes?: number;
};

const INLINE_BYTES = 64 * 1024 * 1024;
/** A package manager makes many changes in a row. */
const SETTLE_MS = 300;

export function createPackageFacts({ root = '/', nowMs, inlineBytes = INLINE_BYTES }: PackageFactsDeps): PackageFacts {
  const base = root.replace(/\/+$/, '');
  const digests = createDigests({ inlineBytes });
  const managers = [createDebPackages(base, digests, nowMs), createRpmPackages(base, digests, nowMs)];
  const freshness = createFreshness(managers);
  return {
    ownerOf({ path, fd, rootOnly }) {
      if (!path.startsWith(`${base}/`)) return 'none';
      if (!rootOnly || !isBehind(path, fd)) return undefined;
      const answer = agreed(managers.filter((manager) => manager.isPresent()).map((manager) => manager.ownerOf(path.slice(base.length), fd)));
      freshness.refreshIfStale();
      return answer;
    },
    prepare: () => freshness.start(),
    close() {
      freshness.close();
      digests.close();
    },
  };
}

/** SECURITY(T-16): a path is the package's, a descriptor may be of anything: of a file that was moved away, or lies in another mount namespace. */
function isBehind(path: ByteString, fd: number): boolean {
  try {
    const [named, opened] = [lstatSync(pathArgument(path), { bigint: true }), fstatSync(fd, { bigint: true })];
    return named.dev === opened.dev && named.ino === opened.ino && opened.isFile();
  } catch {
    return false;
  }
}

/** One owner at most, and none only where every database says so. */
function agreed(answers: readonly PackageAnswer[]): PackageAnswer {
  const owners = answers.filter((answer) => answer !== 'none');
  return owners.length === 0 ? 'none' : owners.length === 1 ? owners[0] : undefined;
}

/** Refreshes one at a time, when asked and when a database's folder changes. */
function createFreshness(managers: readonly PackageManager[]): { refreshIfStale(): void; start(): Promise<void>; close(): void } {
  const closing = new AbortController();
  const watchers = new Map<string, FSWatcher>();
  let running: Promise<void> | undefined;
  let settling: NodeJS.Timeout | undefined;

  async function refreshAll(): Promise<void> {
    for (const manager of managers) if (!closing.signal.aborted && manager.isPresent()) await manager.refresh(closing.signal).catch(() => undefined);
  }

  function refresh(): Promise<void> {
    running ??= refreshAll().finally(() => {
      running = undefined;
    });
    return running;
  }

  function refreshSoon(): void {
    settling ??= setTimeout(() => {
      settling = undefined;
      void refresh();
    }, SETTLE_MS).unref();
  }

  function watchFolder(folder: string): void {
    if (watchers.has(folder) || closing.signal.aborted) return;
    try {
      const watcher = watch(folder, { persistent: false }, refreshSoon);
      watcher.on('error', () => watcher.close());
      watchers.set(folder, watcher);
    } catch {
      // Not there, or no more watches to be had: the next request finds out by itself.
    }
  }

  return {
    refreshIfStale() {
      if (!closing.signal.aborted && managers.some((manager) => manager.isPresent() && manager.isStale())) refreshSoon();
    },
    async start() {
      for (const folder of managers.flatMap((manager) => manager.watched)) watchFolder(folder);
      await refresh();
    },
    close() {
      closing.abort();
      clearTimeout(settling);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}
