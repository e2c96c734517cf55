// The hash of a 50 MB executable of root's that has been hashed before, against hashing it anew each time. p50 of each, in turn.
// `warmBytesRead` is what the kernel says was read (rchar of /proc/self/io) over all of our measured calls, less what asking costs.
// `npm run bench -- hash-cache`
import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHashCache } from '../agent/src/platform/linux/hash-cache.ts';
import { quantile, rounded } from './support/statistics.ts';

const SIZE_BYTES = 50 * 1024 * 1024;
const SAMPLES = 40;
const CALLS_A_SAMPLE = 200;
const CHUNK_BYTES = 1024 * 1024;

/** As fast as it goes: one large buffer, no waiting between reads. */
function hashAnew(fd: number): string {
  const digest = createHash('sha256');
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  for (let at = 0; ; ) {
    const count = readSync(fd, chunk, 0, chunk.length, at);
    if (count === 0) return digest.digest('hex');
    digest.update(chunk.subarray(0, count));
    at += count;
  }
}

/** `bytes` is without this very reading, which adds `asking` to the next one's. */
function readSoFar(): { readonly bytes: number; readonly asking: number } {
  const text = readFileSync('/proc/self/io', 'latin1');
  return { bytes: Number(/^rchar: (\d+)/.exec(text)?.[1]), asking: text.length };
}

/** Of one call, in µs. */
function timed(calls: number, work: () => void): number {
  const begun = process.hrtime.bigint();
  for (let call = 0; call < calls; call++) work();
  return Number(process.hrtime.bigint() - begun) / 1000 / calls;
}

if (process.getuid?.() !== 0) throw new Error('only root has files that root alone can write');
const folder = mkdtempSync(join(tmpdir(), 'belay-bench-'));
const path = join(folder, 'executable');
writeFileSync(path, randomFillSync(Buffer.alloc(SIZE_BYTES)), { mode: 0o755 });
const fd = openSync(path, 'r');
// A file that has just changed is not kept.
const begunMs = Number(fstatSync(fd, { bigint: true }).ctimeNs / 1_000_000n);
while (Date.now() - begunMs < 200) await new Promise((resolve) => setImmediate(resolve));

const cache = createHashCache({ nowMs: Date.now });
const file = { fd, rootOnly: true };
const first = performance.now();
const expected = await cache.of(file, AbortSignal.timeout(60_000));
const coldMs = performance.now() - first;
if (expected === undefined || expected !== hashAnew(fd) || cache.known(file) !== expected) throw new Error('the executable was not hashed and kept');

const ours: number[] = [];
const theirs: number[] = [];
let warmBytesRead = 0;
for (let sample = 0; sample < SAMPLES; sample++) {
  const before = readSoFar();
  const took = timed(CALLS_A_SAMPLE, () => {
    if (cache.known(file) !== expected) throw new Error('another hash');
  });
  warmBytesRead += readSoFar().bytes - before.bytes - before.asking;
  ours.push(took);
  theirs.push(timed(1, () => hashAnew(fd)));
}
closeSync(fd);
cache.close();
rmSync(folder, { recursive: true });

const p50 = quantile(ours, 0.5);
const rivalP50 = quantile(theirs, 0.5);
console.log(`belay   known: p50 ${rounded(p50)} µs, ${warmBytesRead} bytes read in ${SAMPLES * CALLS_A_SAMPLE} calls; the first time ${rounded(coldMs, 1)} ms`);
console.log(`sha256  anew: p50 ${rounded(rivalP50 / 1000, 1)} ms`);
console.log(JSON.stringify({
  name: 'hash-cache', ours: rounded(p50), rival: rounded(rivalP50), ratio: Number((p50 / rivalP50).toPrecision(3)), unit: 'us',
  warmBytesRead, coldMs: rounded(coldMs, 1), sizeBytes: SIZE_BYTES, samples: SAMPLES,
}));
