import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FixedFile } from '../platform/platform.ts';
import { openCommitLog } from './commit-log.ts';

/** At full length in `npm run soak`. */
const SOAK = process.env['BELAY_SOAK'] === '1' ? 100 : 1;
const SIZE = 400;

/** A disk of which every write arrives at once, unless it is told to fail. */
function createFile(contents: Buffer = Buffer.alloc(SIZE)): FixedFile & { broken: boolean } {
  return {
    contents,
    broken: false,
    begin(at, bytes) {
      contents.set(bytes, at);
    },
    sync() {
      if (this.broken) throw new Error('EIO');
    },
    close: () => {},
  };
}

const texts = (records: readonly Uint8Array[]) => records.map((record) => Buffer.from(record).toString('hex'));
const recordBytes = fc.uint8Array({ minLength: 1, maxLength: 60 });
const act = fc.oneof(
  fc.record({ kind: fc.constant('commit' as const), records: fc.array(recordBytes, { minLength: 1, maxLength: 4 }) }),
  fc.record({ kind: fc.constant('fail' as const), records: fc.array(recordBytes, { minLength: 1, maxLength: 4 }) }),
  fc.constant({ kind: 'clear' as const, records: [] }),
);

test('whatever was done, a start finds everything that is kept, in its order and first', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 20 }), (acts) => {
      const file = createFile();
      const log = openCommitLog(file).resume(0);
      let kept: Uint8Array[] = [];
      for (const { kind, records } of acts) {
        if (kind === 'clear') {
          log.clear();
          kept = [];
          continue;
        }
        file.broken = kind === 'fail';
        if (!log.begin(records)) continue;
        if (file.broken) expect(() => log.finish()).toThrow('EIO');
        else {
          log.finish();
          kept = [...kept, ...records];
        }
      }
      const found = openCommitLog(createFile(Buffer.from(file.contents)));
      expect(texts(found.records.slice(0, kept.length))).toEqual(texts(kept));
      const after = createFile(Buffer.from(file.contents));
      const resumed = openCommitLog(after).resume(kept.length);
      if (!resumed.begin([Uint8Array.of(1, 2, 3)])) return;
      resumed.finish();
      expect(texts(openCommitLog(after).records.slice(0, kept.length + 1))).toEqual([...texts(kept), '010203']);
    }),
    { numRuns: 300 * SOAK },
  );
});

test('what a crash left half written ends it there, with all before it', () => {
  fc.assert(
    fc.property(fc.array(recordBytes, { minLength: 1, maxLength: 4 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (records, offset, mask) => {
      const file = createFile();
      const log = openCommitLog(file).resume(0);
      log.begin(records);
      log.finish();
      const ends = records.map((_, at) => records.slice(0, at + 1).reduce((total, { length }) => total + 8 + length, 0));
      const place = offset % (ends.at(-1) as number);
      file.contents[place] = (file.contents[place] as number) ^ mask;
      const whole = ends.filter((end) => end <= place).length;
      expect(texts(openCommitLog(file).records)).toEqual(texts(records.slice(0, whole)));
    }),
    { numRuns: 300 * SOAK },
  );
});

test('any bytes at all are read without a fault, and nothing beyond them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: SIZE }), fc.boolean(), (bytes, isPlausible) => {
      const contents = Buffer.alloc(SIZE);
      contents.set(bytes);
      if (isPlausible) contents.writeUInt32BE(bytes.length, 0);
      const { records } = openCommitLog(createFile(contents));
      expect(records.reduce((total, { length }) => total + 8 + length, 0)).toBeLessThanOrEqual(SIZE);
    }),
    { numRuns: 1000 * SOAK },
  );
});

test('records that do not fit are not begun, and what is there stays', () => {
  const file = createFile();
  const log = openCommitLog(file).resume(0);
  log.begin([new Uint8Array(200).fill(7)]);
  log.finish();
  const before = Buffer.from(file.contents);
  expect(log.begin([new Uint8Array(SIZE - 208 - 7)])).toBe(false);
  expect(file.contents.equals(before)).toBe(true);
  expect(log.begin([new Uint8Array(SIZE - 208 - 8)])).toBe(true);
});
