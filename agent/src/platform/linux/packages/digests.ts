import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { stampOf } from './root-files.ts';

export type DigestName = 'md5' | 'sha256' | 'sha384' | 'sha512';

/** Digests of files that root alone can write, on local file systems. */
export interface Digests {
  /**
   * The digest (hex, lower case) of the bytes behind the descriptor. Undefined: it cannot be told, or not yet, since a large file is
   * read off the path of requests; the next one to ask is answered.
   */
  of(fd: number, name: DigestName): string | undefined;
  close(): void;
}

const MAX_CACHED = 1024;
const MAX_PENDING = 4;
const CHUNK_BYTES = 256 * 1024;
const CHUNKS_A_TURN = 4;

export function createDigests({ inlineBytes }: { readonly inlineBytes: number }): Digests {
  const cache = new Map<string, string>();
  const pending = new Set<string>();
  const closing = new AbortController();

  function keep(key: string, digest: string | undefined): void {
    if (digest === undefined) return;
    const oldest = cache.size >= MAX_CACHED ? cache.keys().next().value : undefined;
    if (oldest !== undefined) cache.delete(oldest);
    cache.set(key, digest);
  }

  function startReading(fd: number, name: DigestName, key: string): void {
    if (pending.has(key) || pending.size >= MAX_PENDING || closing.signal.aborted) return;
    // A descriptor of its own: the caller closes the other one.
    const own = openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY);
    pending.add(key);
    void inTurns(own, name, closing.signal).then(
      (digest) => keep(key, digest),
      () => undefined,
    ).finally(() => {
      pending.delete(key);
      closeSync(own);
    });
  }

  return {
    of(fd, name) {
      try {
        const stats = fstatSync(fd, { bigint: true });
        const key = `${name}:${stampOf(stats)}`;
        const known = cache.get(key);
        if (known !== undefined) return known;
        if (stats.size > BigInt(inlineBytes)) {
          startReading(fd, name, key);
          return undefined;
        }
        const digest = atOnce(fd, name, stats);
        keep(key, digest);
        return digest;
      } catch {
        return undefined;
      }
    },
    close: () => closing.abort(),
  };
}

function atOnce(fd: number, name: DigestName, before: BigIntStats): string | undefined {
  const steps = reading(fd, name, before);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

async function inTurns(fd: number, name: DigestName, signal: AbortSignal): Promise<string | undefined> {
  const steps = reading(fd, name, fstatSync(fd, { bigint: true }));
  for (let count = 1; !signal.aborted; count++) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (count % CHUNKS_A_TURN === 0) await nextTurn();
  }
  return undefined;
}

/** One step a chunk. The file must be the same at the end as at the start, or the digest is of neither. */
function* reading(fd: number, name: DigestName, before: BigIntStats): Generator<undefined, string | undefined> {
  const hash = createHash(name);
  const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, Number(before.size) + 1));
  for (let at = 0; ;) {
    const count = readSync(fd, chunk, 0, chunk.length, at);
    if (count === 0) break;
    hash.update(chunk.subarray(0, count));
    at += count;
    if (at > Number(before.size)) return undefined;
    yield undefined;
  }
  return stampOf(fstatSync(fd, { bigint: true })) === stampOf(before) ? hash.digest('hex') : undefined;
}
