import { type Posture, UNKNOWN_POSTURE } from '@belay/core/policy';
import { readRootEncrypted } from './posture/disk-encryption.ts';
import { readFirewall } from './posture/firewall.ts';
import { readOsRelease } from './posture/os-release.ts';
import { createPatchAge } from './posture/patch-age.ts';
import { readSecureBoot } from './posture/secure-boot.ts';

type PostureRead = Omit<Posture, 'agentHealthy'>;

export interface PostureReader {
  /** At once, from what was read last. What is older than the age limit counts as unknown. */
  current(): Posture;
  /** Reads anew; for the start, and for when something is known to have changed. Never fails: what cannot be read is unknown. */
  refresh(): Promise<void>;
  /** Reads now and from now on. */
  start(): Promise<void>;
  close(): void;
}

export type PostureDeps = {
  /** Unix time, ms. */
  readonly nowMs: () => number;
  /** CLOCK_BOOTTIME, ms: ages by it, so that sleep counts and nobody can set it. */
  readonly bootMs: () => number;
  readonly agentHealthy: () => boolean | undefined;
  readonly readers?: Readers;
  readonly refreshEveryMs?: number;
  readonly maxAgeMs?: number;
};

/** One for each fact; each may fail. */
export type Readers = {
  readonly encrypted: () => Promise<boolean | undefined>;
  readonly secureBoot: () => Promise<boolean | undefined>;
  readonly osRelease: () => Promise<Pick<Posture, 'osId' | 'osVersion'>>;
  readonly patchAgeDays: (nowMs: number) => Promise<number | undefined>;
  readonly firewall: () => Promise<boolean | undefined>;
};

const REFRESH_EVERY_MS = 60_000;
const MAX_AGE_MS = 5 * 60_000;

export function createPosture({ nowMs, bootMs, agentHealthy, readers = linuxReaders(), refreshEveryMs = REFRESH_EVERY_MS, maxAgeMs = MAX_AGE_MS }: PostureDeps): PostureReader {
  let last: { readonly atMs: number; readonly read: PostureRead } | undefined;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function readAll(): Promise<void> {
    // Facts are as old as the oldest of them can be.
    const atMs = bootMs();
    const read = await readPosture(readers, nowMs());
    if (!closed) last = { atMs, read };
  }

  function refresh(): Promise<void> {
    running ??= readAll().finally(() => {
      running = undefined;
    });
    return running;
  }

  return {
    current() {
      const ageMs = last === undefined ? Number.POSITIVE_INFINITY : bootMs() - last.atMs;
      if (ageMs > refreshEveryMs && !closed) void refresh();
      return { ...(last !== undefined && ageMs <= maxAgeMs ? last.read : UNKNOWN_POSTURE), agentHealthy: agentHealthy() };
    },
    refresh,
    async start() {
      timer ??= setInterval(() => void refresh(), refreshEveryMs).unref();
      await refresh();
    },
    close() {
      closed = true;
      last = undefined;
      clearInterval(timer);
    },
  };
}

function linuxReaders(): Readers {
  const patchAge = createPatchAge();
  return { encrypted: () => readRootEncrypted(), secureBoot: () => readSecureBoot(), osRelease: () => readOsRelease(), patchAgeDays: (nowMs) => patchAge.read(nowMs), firewall: () => readFirewall() };
}

async function readPosture(readers: Readers, nowMs: number): Promise<PostureRead> {
  const orUnknown = async <T>(read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch {
      return undefined;
    }
  };
  const [encrypted, secureBoot, os, patchAgeDays, firewall] = await Promise.all([
    orUnknown(readers.encrypted), orUnknown(readers.secureBoot), orUnknown(readers.osRelease), orUnknown(() => readers.patchAgeDays(nowMs)), orUnknown(readers.firewall),
  ]);
  return { encrypted, secureBoot, osId: os?.osId, osVersion: os?.osVersion, patchAgeDays, firewall };
}
