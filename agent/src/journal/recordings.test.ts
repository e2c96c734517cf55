import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { encodeFrame, type RecordingHeader } from '@belay/core/evidence';
import { createRecordings, type Dropped, type OpenRecording, type Recordings } from './recordings.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const header = (request: number): RecordingHeader => ({
  request, device: 'd-1', chain: new Uint8Array(32), startedAt: 0, uid: 2001, user: 'alice', runAsUid: 0, rules: [], command: new Uint8Array(0), argv: [],
});

let folder: string;
let dropped: Dropped[];
let recordings: Recordings;
const limits = { maxSessionBytes: 1000, maxBytes: 4000, retentionMs: 30 * DAY_MS };
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'belay-recordings-')), 'recordings');
  dropped = [];
  recordings = createRecordings({ folder, limits: () => limits, now: Date.now, dropped: (what) => dropped.push(what), log: { warn: () => {} } });
});
afterEach(() => {
  recordings.close();
  rmSync(join(folder, '..'), { recursive: true });
});

function begin(request: number): OpenRecording {
  const begun = recordings.begin(header(request));
  if (!begun.ok) throw new Error(begun.error);
  return begun.value;
}

/** One of before: so large, changed that long ago. */
function put(request: number, bytes: number, ageMs: number): void {
  const file = join(folder, `${request}-00000000.rec`);
  writeFileSync(file, new Uint8Array(bytes));
  utimesSync(file, new Date(), new Date(Date.now() - ageMs));
}

const requestsIn = (): readonly number[] => readdirSync(folder).map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b);

test('a new one is root\'s alone, and holds its header', () => {
  const recording = begin(7);
  const [name = ''] = readdirSync(folder);
  expect(name).toMatch(/^7-[0-9a-f]{8}\.rec$/);
  expect([statSync(join(folder, name)).mode & 0o777, statSync(folder).mode & 0o777]).toEqual([0o600, 0o700]);
  expect(statSync(join(folder, name)).size).toBe(recording.length);
  recording.close();
});

test('one under which nothing ran is not kept', () => {
  const recording = begin(7);
  recording.discard();
  recording.discard();
  expect(requestsIn()).toEqual([]);
});

test('what nobody told the end of is measured as far as it goes: whole frames', async () => {
  const recording = begin(7);
  expect(await recording.measure()).toEqual({ hash: Buffer.from(recording.sealed), bytes: recording.length, durationMs: 0, cut: 'lost' });
  const frame = encodeFrame('ttyOut', 5000, new TextEncoder().encode('here'));
  writeSync(recording.fd, frame);
  writeSync(recording.fd, frame.subarray(0, 3));
  recording.close();
  expect(await recordings.measureOf(7)).toMatchObject({ bytes: recording.length + frame.length, durationMs: 5, cut: 'lost' });
  expect(await recordings.measureOf(8)).toBeUndefined();
});

test('those whose time is over go, then the oldest until one more has room; each is told', () => {
  put(1, 100, 31 * DAY_MS);
  put(2, 1500, 3 * DAY_MS);
  put(3, 1500, 2 * DAY_MS);
  put(4, 1000, DAY_MS);
  recordings.prune();
  expect(dropped).toEqual([{ request: 1, bytes: 100, why: 'retention' }, { request: 2, bytes: 1500, why: 'room' }]);
  expect(requestsIn()).toEqual([3, 4]);
});

test('one that is being made stays, whatever there is', () => {
  const recording = begin(7);
  const [name = ''] = readdirSync(folder);
  utimesSync(join(folder, name), new Date(), new Date(Date.now() - 40 * DAY_MS));
  put(8, 9000, 0);
  recordings.prune();
  expect(requestsIn()).toEqual([7]);
  recording.close();
  recordings.prune();
  expect(requestsIn()).toEqual([]);
});

test('what is none of these is left alone', async () => {
  writeFileSync(join(folder, 'notes.txt'), '');
  symlinkSync('/etc/passwd', join(folder, '9-00000000.rec'));
  utimesSync(join(folder, 'notes.txt'), new Date(0), new Date(0));
  await expect(recordings.measureOf(9)).rejects.toMatchObject({ code: 'ELOOP' });
  recordings.prune();
  expect(readdirSync(folder)).toContain('notes.txt');
});
