import { closeSync, readFileSync } from 'node:fs';
import type { ByteString } from '@belay/core/bytes';
import type { Clock, Platform } from '../platform.ts';
import { createAccounts } from './accounts.ts';
import { usesDirectory, withDirectory } from './directory-accounts.ts';
import { openFixedFile } from './fixed-file.ts';
import { createHashCache } from './hash-cache.ts';
import { fileState, inspect } from './inspect.ts';
import { bootMs, receiveWaiting, sendAtOnce, trimMemory } from './libc.ts';
import { hasSpareProcessor } from './load.ts';
import { createNameService } from './name-service.ts';
import { whenOpened } from './opened.ts';
import { createPackageFacts } from './packages/package-facts.ts';
import { peerOf } from './peer.ts';
import { createProcesses } from './processes.ts';
import { createPosture } from './posture.ts';
import { seal } from './seal.ts';
import { readTimeZone, zoneOffsetAt } from './time-zone.ts';
import { openRootFolder, walk } from './walk.ts';

export function createLinuxPlatform(): Platform {
  const clock = createClock();
  const hashes = createHashCache({ nowMs: clock.now });
  const packages = createPackageFacts({ nowMs: clock.now });
  // What is known of the agent itself is the daemon's to say.
  const posture = createPosture({ nowMs: clock.now, bootMs: clock.boot, agentHealthy: () => undefined });
  const local = createAccounts();
  const names = usesDirectory() ? createNameService({ bootMs: clock.boot }) : undefined;
  const directory = names === undefined ? undefined : withDirectory(local, names);
  return {
    clock, accounts: directory ?? local, processes: createProcesses(), peerOf, receiveWaiting, sendAtOnce, inspect, fileState, objectOf, openRootFolder, seal, hashes, closeDescriptor: closeSync, openFixedFile, whenOpened, hasSpareProcessor: () => hasSpareProcessor(), trimMemory,
    ownerOf: packages.ownerOf,
    posture: posture.current,
    keepNames: (wanted) => directory?.keep(wanted),
    async readAhead(wanted) {
      await Promise.allSettled([wanted.packages ? packages.prepare() : undefined, wanted.posture ? posture.start() : undefined]);
    },
    close() {
      hashes.close();
      packages.close();
      posture.close();
      names?.close();
    },
  };
}

const ZONE_FOR_MS = 1000;

function createClock(): Clock {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  let told = { atMs: Number.NEGATIVE_INFINITY, offset: 0 };
  return {
    now: () => Date.now(),
    boot: bootMs,
    bootId,
    utcOffsetMinutes() {
      const [nowMs, atMs] = [Date.now(), bootMs()];
      // Node asks for the zone once in its life; a device that travels is given another.
      if (atMs - told.atMs >= ZONE_FOR_MS) told = { atMs, offset: offsetAt(nowMs) };
      return told.offset;
    },
  };
}

function offsetAt(nowMs: number): number {
  const zone = readTimeZone();
  return zone === undefined ? -new Date(nowMs).getTimezoneOffset() : zoneOffsetAt(zone, nowMs);
}

function objectOf(path: ByteString): { resolved: ByteString; device: bigint; inode: bigint } | undefined {
  const walked = walk(path);
  return walked === undefined ? undefined : { resolved: walked.resolved, device: walked.stats.dev, inode: walked.stats.ino };
}
