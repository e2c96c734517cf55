import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createPatchAge, type PatchAge } from './patch-age.ts';

const NOW_MS = Date.UTC(2026, 4, 20, 12);
const DAY_MS = 86_400_000;
const INFO = 'var/lib/dpkg/info';

let root: string;
let patchAge: PatchAge;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'belay-patch-'));
  patchAge = createPatchAge(root);
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, daysAgo: number, content: string = 'x'): void {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.new`, content);
  utimesSync(`${target}.new`, NOW_MS / 1000, NOW_MS / 1000 - (daysAgo * DAY_MS) / 1000);
  renameSync(`${target}.new`, target);
}

test('dpkg: by the newest list of files, and nothing else in the folder', async () => {
  write(`${INFO}/old.list`, 400);
  write(`${INFO}/tool.list`, 12.9);
  write(`${INFO}/other.list`, 30);
  write(`${INFO}/tool.postinst`, 1);
  write(`${INFO}/format`, 0);
  expect(await patchAge.read(NOW_MS)).toBe(12);
  expect(await patchAge.read(NOW_MS + DAY_MS)).toBe(13);
});

test('dpkg: a package that is unpacked is seen by the folder', async () => {
  write(`${INFO}/tool.list`, 12);
  expect(await patchAge.read(NOW_MS)).toBe(12);
  // The folder's time is what tells: put back, nothing is read again.
  utimesSync(join(root, INFO), 1, 1);
  expect(await patchAge.read(NOW_MS)).toBe(12);
  write(`${INFO}/tool.list`, 2);
  utimesSync(join(root, INFO), 1, 1);
  expect(await patchAge.read(NOW_MS)).toBe(12);
  utimesSync(join(root, INFO), 1, 2);
  expect(await patchAge.read(NOW_MS)).toBe(2);
});

test.each(['var/lib/rpm/Packages', 'var/lib/rpm/rpmdb.sqlite', 'usr/lib/sysimage/rpm/rpmdb.sqlite', 'usr/lib/sysimage/rpm/Packages.db'])('rpm: when %s was last written', async (path) => {
  write(path, 5);
  expect(await patchAge.read(NOW_MS)).toBe(5);
});

test('rpm: what is still in the database\'s log counts; a log that has been worked off does not', async () => {
  write('var/lib/rpm/rpmdb.sqlite', 9);
  write('var/lib/rpm/rpmdb.sqlite-wal', 0, '');
  expect(await patchAge.read(NOW_MS)).toBe(9);
  write('var/lib/rpm/rpmdb.sqlite-wal', 1);
  expect(await patchAge.read(NOW_MS)).toBe(1);
});

test('of two package managers the one that did something last counts', async () => {
  write(`${INFO}/tool.list`, 12);
  write('var/lib/rpm/rpmdb.sqlite', 40);
  expect(await patchAge.read(NOW_MS)).toBe(12);
});

test('it is unknown without a package manager, and by a stamp of the future; a clock a little behind does not matter', async () => {
  expect(await patchAge.read(NOW_MS)).toBeUndefined();
  write(`${INFO}/tool.list`, -0.01);
  expect(await patchAge.read(NOW_MS)).toBe(0);
  write(`${INFO}/tool.list`, -2);
  utimesSync(join(root, INFO), 1, 2);
  expect(await patchAge.read(NOW_MS)).toBeUndefined();
});
