import { closeSync, lstatSync, mkdtempSync, openSync, readlinkSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { closeFile, fileSystemAt, linkOf, openFile, readFile, readStart, statusAt, statusOf } from './files.ts';

const folder = mkdtempSync(join(tmpdir(), 'belay-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** One char a byte, as everywhere. */
const named = (name: string) => `${folder}/${Buffer.from(name, 'utf8').toString('latin1')}`;
const file = named('é file');
const link = named('link');
writeFileSync(Buffer.from(file, 'latin1'), 'twelve bytes');
symlinkSync(Buffer.from(file, 'latin1'), link);

test.each(['/', '/usr', '/dev/null', '/proc/self/stat', folder, file, link])('%s is what Node says it is', (path) => {
  const { dev, ino, mode, uid, gid, size, ctimeNs } = lstatSync(Buffer.from(path, 'latin1'), { bigint: true });
  const found = statusAt(path);
  expect(found).toMatchObject({ dev, ino, mode, uid, gid, size });
  // What /proc has is as old as the look at it.
  if (!path.startsWith('/proc')) expect(found.ctimeNs).toBe(ctimeNs);
  expect(fileSystemAt(path)).toBe(statfsSync(Buffer.from(path, 'latin1') as unknown as string).type >>> 0);
});

test('a descriptor is its file, and its start and a small file are read', () => {
  const fd = openSync(Buffer.from(file, 'latin1'), 'r');
  const into = Buffer.alloc(6);
  expect(statusOf(fd)).toEqual(statusAt(file));
  expect([readStart(fd, into), readStart(fd, into), into.toString()]).toEqual([6, 6, 'twelve']);
  closeSync(fd);
  const opened = openFile(file);
  const whole = Buffer.alloc(100);
  expect([readFile(opened, whole), readFile(opened, whole)]).toEqual([12, 0]);
  closeFile(opened);
  expect(() => statusOf(opened)).toThrow('errno 9');
});

test('a link leads where Node says', () => {
  expect(linkOf(link)).toBe(readlinkSync(link, 'latin1'));
  expect(linkOf('/proc/self/cwd')).toBe(readlinkSync('/proc/self/cwd', 'latin1'));
});

test('what is not there, is no link, or is no path throws, and nothing is opened', () => {
  const cut = `${file}\0more`;
  const long = `/${'x'.repeat(5000)}`;
  for (const path of [named('none'), cut, long]) for (const look of [statusAt, linkOf, fileSystemAt]) expect(() => look(path)).toThrow(/errno|no path/);
  expect(() => linkOf(file)).toThrow('errno 22');
  expect(openFile(named('none'))).toBeLessThan(0);
});
