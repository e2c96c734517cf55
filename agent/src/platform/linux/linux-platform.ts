import { closeSync, readFileSync } from 'node:fs';
import type { ByteString } from '@belay/core/bytes';
import type { Clock, Platform } from '../platform.ts';
import { createAccounts } from './accounts.ts';
import { fileState, inspect } from './inspect.ts';
import { bootMs, trimMemory } from './libc.ts';
import { peerOf } from './peer.ts';
import { seal } from './seal.ts';
import { openRootFolder, walk } from './walk.ts';

export function createLinuxPlatform(): Platform {
  return { clock: createClock(), accounts: createAccounts(), peerOf, inspect, fileState, objectOf, openRootFolder, seal, closeDescriptor: closeSync, trimMemory };
}

function createClock(): Clock {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return { now: () => Date.now(), boot: bootMs, bootId, utcOffsetMinutes: () => -new Date().getTimezoneOffset() };
}

function objectOf(path: ByteString): { resolved: ByteString; device: bigint; inode: bigint } | undefined {
  const walked = walk(path);
  return walked === undefined ? undefined : { resolved: walked.resolved, device: walked.stats.dev, inode: walked.stats.ino };
}
