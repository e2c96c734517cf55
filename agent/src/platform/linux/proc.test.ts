import { expect, test } from '@jest/globals';
import { parseStat, parseStatus, readStat, readStatus } from './proc.ts';

test('a status gives real and effective uid, real gid and every group', () => {
  const text = 'Name:\tsudo\nUmask:\t0022\nUid:\t2001\t0\t0\t0\nGid:\t2002\t2002\t2002\t2002\nFDSize:\t64\nGroups:\t27 2002 \nNStgid:\t1\n';
  expect(parseStatus(text)).toEqual({ realUid: 2001, effectiveUid: 0, realGid: 2002, groups: [27, 2002] });
});

test('the real gid is among the groups even where the kernel lists it apart', () => {
  expect(parseStatus('\nUid:\t1\t1\t1\t1\nGid:\t9\t9\t9\t9\nGroups:\t\n')?.groups).toEqual([9]);
});

test.each(['', 'Uid:\t1 1 1 1', '\nUid:\t-1\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t\n', '\nUid:\tx\t0\t0\t0\nGid:\t0\nGroups:\t\n'])('what is no status is nobody: %j', (text) => {
  expect(parseStatus(text)).toBeUndefined();
});

test('a program cannot choose its session by its name', () => {
  const rest = `S 1 10 4711 34816 10 4194304 ${'0 '.repeat(12)}98765 0 0`;
  expect(parseStat(`10 (sudo) ${rest}`)).toEqual({ sessionId: 4711, terminal: 34816, startTicks: 98765 });
  expect(parseStat(`10 (a) S 1 2 3 4 5) ${rest}`)).toEqual({ sessionId: 4711, terminal: 34816, startTicks: 98765 });
  expect(parseStat('10 (sudo')).toBeUndefined();
});

test('our own process is read as the kernel has it', () => {
  expect(readStatus(process.pid)).toMatchObject({ realUid: process.getuid?.(), effectiveUid: process.geteuid?.(), realGid: process.getgid?.() });
  expect(readStat(process.pid)?.startTicks).toBeGreaterThan(0);
  expect(readStat(2 ** 30)).toBeUndefined();
});
