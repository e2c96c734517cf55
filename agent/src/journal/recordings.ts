import { closeSync, constants, fstatSync, mkdirSync, openSync, read, readdirSync, statfsSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beginRecording, type RecordingCut, type RecordingHeader, RecordingReader } from '@belay/core/evidence';
import { randomBytes, sha256 } from '@belay/core/node-crypto';
import { toHex } from '@belay/core/bytes';
import { err, ok, type Result } from '@belay/core/result';

/** What a recording holds in the end. `lost`: nobody told, and this is what was found. */
export type RecordedEnd = { readonly hash: Uint8Array; readonly bytes: number; readonly durationMs: number; readonly cut: RecordingCut | 'lost' | undefined };

/** One that is being made: the file is open, its header written. */
export interface OpenRecording {
  readonly fd: number;
  readonly sealed: Uint8Array;
  readonly length: number;
  readonly limit: number;
  /** Nothing ran: there is nothing to keep. */
  discard(): void;
  /** What the file holds now; undefined: it cannot be read. */
  measure(): Promise<RecordedEnd | undefined>;
  close(): void;
}

export type RecordingLimits = { readonly maxSessionBytes: number; readonly maxBytes: number; readonly retentionMs: number };
export type Dropped = { readonly request: number; readonly bytes: number; readonly why: 'retention' | 'room' };
export type RecordingsDeps = { readonly folder: string; limits(): RecordingLimits; now(): number; dropped(what: Dropped): void; readonly log: { warn(detail: object, message: string): void } };

export interface Recordings {
  /** Errors: a sentence for the log. */
  begin(header: RecordingHeader): Result<OpenRecording, string>;
  /** What is there of a request whose end nobody told; undefined: nothing. */
  measureOf(request: number): Promise<RecordedEnd | undefined>;
  prune(): void;
  close(): void;
}

/** So that what ends a recording, and the journal beside it, has room. */
const LEAST_FREE_BYTES = 4 * 1024 * 1024;
const PRUNE_EVERY_MS = 60 * 60 * 1000;
const CHUNK_BYTES = 256 * 1024;
const NAME = /^(\d{1,15})-[0-9a-f]{8}\.rec$/;
const readAt = promisify(read);

export function createRecordings(deps: RecordingsDeps): Recordings {
  const { folder } = deps;
  const active = new Set<string>();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const prune = (): void => dropOld(deps, active);
  const timer = setInterval(prune, PRUNE_EVERY_MS).unref();
  return {
    prune,
    begin(header) {
      try {
        prune();
        const { bsize, bfree } = statfsSync(folder);
        if (bsize * bfree < LEAST_FREE_BYTES) return err('the disk is full');
        const name = `${header.request}-${toHex(randomBytes(4))}.rec`;
        return ok(openRecording(join(folder, name), header, deps.limits().maxSessionBytes, (isOver) => { if (isOver) active.delete(name); else active.add(name); }));
      } catch (error) {
        return err(Error.isError(error) ? error.message : 'fault');
      }
    },
    async measureOf(request) {
      const [name] = kept(folder).filter((file) => file.request === request).sort((a, b) => b.changedMs - a.changedMs);
      if (name === undefined) return undefined;
      const fd = openSync(name.path, constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        return await measure(fd);
      } finally {
        closeSync(fd);
      }
    },
    close: () => clearInterval(timer),
  };
}

function openRecording(path: string, header: RecordingHeader, limit: number, note: (isOver: boolean) => void): OpenRecording {
  // SECURITY(T-28): a new file of root's own in a folder that only root may enter; nothing that was there before is ever written to.
  const fd = openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  const { bytes, sealed } = beginRecording(header, sha256);
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    closeSync(fd);
    note(true);
  };
  const discard = (): void => {
    if (!isOpen) return;
    close();
    unlinkSync(path);
  };
  note(false);
  try {
    if (writeSync(fd, bytes) !== bytes.length) throw new Error('the disk is full');
  } catch (error) {
    discard();
    throw error;
  }
  return { fd, sealed, length: bytes.length, limit, discard, measure: () => measure(fd), close };
}

/** Reads what is there, a piece at a time: belayd answers others meanwhile. */
async function measure(fd: number): Promise<RecordedEnd | undefined> {
  const reader = new RecordingReader({ sha256 });
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  try {
    // What comes while it is read belongs to nothing that ran under this request's connection.
    for (let at = 0, { size } = fstatSync(fd); at < size; ) {
      const { bytesRead } = await readAt(fd, chunk, 0, Math.min(CHUNK_BYTES, size - at), at);
      if (bytesRead === 0) break;
      reader.push(chunk.subarray(0, bytesRead));
      at += bytesRead;
    }
  } catch {
    return undefined;
  }
  const { hash, length, durationUs, ended, cut } = reader.end();
  return { hash, bytes: length, durationMs: Math.round(durationUs / 1000), cut: cut ?? (ended === undefined ? 'lost' : undefined) };
}

type Kept = { readonly name: string; readonly path: string; readonly request: number; readonly bytes: number; readonly changedMs: number };

function kept(folder: string): readonly Kept[] {
  return readdirSync(folder).flatMap((name) => {
    const request = NAME.exec(name)?.[1];
    const path = join(folder, name);
    const stats = request === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ name, path, request: Number(request), bytes: stats.size, changedMs: stats.mtimeMs }];
  });
}

/** Those whose time is over, then the oldest until one more has room. What is dropped is told: loss is never silent. */
function dropOld({ folder, limits, now, dropped, log }: RecordingsDeps, active: ReadonlySet<string>): void {
  const { maxBytes, maxSessionBytes, retentionMs } = limits();
  const files = kept(folder).toSorted((a, b) => a.changedMs - b.changedMs);
  let total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { name, path, request, bytes, changedMs } of files) {
    const why = active.has(name) ? undefined : changedMs < now() - retentionMs ? 'retention' : total > maxBytes - maxSessionBytes ? 'room' : undefined;
    if (why === undefined) continue;
    try {
      unlinkSync(path);
      total -= bytes;
      dropped({ request, bytes, why });
    } catch (error) {
      log.warn({ request, cause: Error.isError(error) ? error.message : 'fault' }, 'a recording could not be dropped');
    }
  }
}
