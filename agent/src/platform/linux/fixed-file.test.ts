import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { openFixedFile } from './fixed-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'belay-fixed-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('it is made for root alone, with all its blocks, and what is written is there', () => {
  const path = join(folder, 'new');
  const file = openFixedFile(path, 10_000);
  expect(file.contents.equals(Buffer.alloc(10_000))).toBe(true);
  const { size, mode, blocks } = statSync(path);
  expect({ size, mode: mode & 0o777, isWhole: blocks * 512 >= 10_000 }).toEqual({ size: 10_000, mode: 0o600, isWhole: true });
  file.begin(9_997, Buffer.from('end'));
  file.begin(0, Buffer.from('start'));
  file.sync();
  expect([readFileSync(path).subarray(0, 6).toString(), readFileSync(path).subarray(9_996).toString()]).toEqual(['start\0', '\0end']);
  file.close();
  expect(openFixedFile(path, 10_000).contents.equals(readFileSync(path))).toBe(true);
});

test('one that is shorter is filled up, and of a longer one the rest is left alone', () => {
  const short = join(folder, 'short');
  writeFileSync(short, 'kept');
  const file = openFixedFile(short, 100);
  expect(file.contents.toString()).toBe(`kept${'\0'.repeat(96)}`);
  expect(statSync(short).size).toBe(100);
  const long = join(folder, 'long');
  writeFileSync(long, 'x'.repeat(200));
  expect(openFixedFile(long, 100).contents).toHaveLength(100);
  expect(statSync(long).size).toBe(200);
});

test('it does not grow, and says when it cannot be written', () => {
  const path = join(folder, 'small');
  const file = openFixedFile(path, 10);
  expect(() => file.begin(8, Buffer.from('end'))).toThrow('no room');
  expect(statSync(path).size).toBe(10);
  file.close();
  expect(() => file.begin(0, Buffer.from('x'))).toThrow('errno 9');
  expect(() => file.sync()).toThrow('errno 9');
});

test('it is never a link, nor in a folder that is not there', () => {
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'link'));
  expect(() => openFixedFile(join(folder, 'link'), 10)).toThrow('ELOOP');
  expect(() => openFixedFile(join(folder, 'none', 'file'), 10)).toThrow('ENOENT');
});
