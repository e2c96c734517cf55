import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { zoneOffsetMinutes } from '@belay/core/policy';
import { readTimeZone, zoneOffsetAt } from './time-zone.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'belay-zone-'));
  mkdirSync(join(root, 'etc'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}
const link = (target: string, path: string = 'etc/localtime'): void => symlinkSync(target, join(root, path));

test.each([
  ['/usr/share/zoneinfo/Europe/Berlin', 'Europe/Berlin'],
  ['../usr/share/zoneinfo/America/Argentina/Buenos_Aires', 'America/Argentina/Buenos_Aires'],
  ['/usr/share/zoneinfo/posix/Asia/Kolkata', 'Asia/Kolkata'],
  ['/usr/share/zoneinfo/Etc/GMT+5', 'Etc/GMT+5'],
  ['/usr/share/zoneinfo/Etc/UTC', 'Etc/UTC'],
  ['/usr/share/zoneinfo/right/Asia/Kolkata', undefined],
  ['/usr/share/zoneinfo/Nowhere/Atlantis', undefined],
  ['/usr/share/zoneinfo/../+01:00', undefined],
  ['/usr/share/zoneinfo/', undefined],
])('a link to %s', (target, zone) => {
  link(target);
  expect(readTimeZone(root)).toBe(zone);
});

test('a link by way of another is named by the first that is a zone; a ring of links by none', () => {
  link('alternatives/localtime');
  mkdirSync(join(root, 'etc/alternatives'));
  link('/usr/share/zoneinfo/Europe/Lisbon', 'etc/alternatives/localtime');
  expect(readTimeZone(root)).toBe('Europe/Lisbon');
  rmSync(join(root, 'etc/alternatives/localtime'));
  expect(readTimeZone(root)).toBeUndefined();
  link('../localtime', 'etc/alternatives/localtime');
  expect(readTimeZone(root)).toBeUndefined();
});

test('a zone that was set is seen at once', () => {
  link('/usr/share/zoneinfo/Europe/Berlin');
  expect(readTimeZone(root)).toBe('Europe/Berlin');
  rmSync(join(root, 'etc/localtime'));
  link('/usr/share/zoneinfo/Asia/Tokyo');
  expect(readTimeZone(root)).toBe('Asia/Tokyo');
});

test('a copy is named by /etc/timezone if that is what it is a copy of', () => {
  write('etc/localtime', 'TZif-Paris');
  expect(readTimeZone(root)).toBeUndefined();
  write('etc/timezone', 'Europe/Paris\n');
  expect(readTimeZone(root)).toBeUndefined();
  write('usr/share/zoneinfo/Europe/Paris', 'TZif-Paris');
  expect(readTimeZone(root)).toBe('Europe/Paris');
  write('etc/localtime', 'TZif-other');
  expect(readTimeZone(root)).toBeUndefined();
});

test('without a local time it is what /etc/timezone says, or UTC', () => {
  expect(readTimeZone(root)).toBe('UTC');
  write('etc/timezone', 'Europe/Vienna\n');
  expect(readTimeZone(root)).toBe('Europe/Vienna');
});

test('no text of /etc/timezone leads out of the folder of zones', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ maxLength: 40 }), fc.array(fc.constantFrom('..', '/', 'etc', 'Europe', 'Rome', '\n', '\0')).map((parts) => parts.join(''))), (text) => {
      write('etc/timezone', text);
      expect(readTimeZone(root)?.includes('..') ?? false).toBe(false);
    }),
    { numRuns: 200 },
  );
});

test('a zone is as far from UTC for the device as it is for a policy, in winter and in summer', () => {
  const zones = ['UTC', 'Etc/UTC', 'Etc/GMT+5', ...Intl.supportedValuesOf('timeZone')];
  const times = [1, 4, 7, 10].map((month) => Date.UTC(2026, month - 1, 15, 12));
  for (const zone of zones) {
    for (const time of times) expect([zone, zoneOffsetAt(zone, time)]).toEqual([zone, zoneOffsetMinutes(zone, time)]);
  }
  expect(zones.length).toBeGreaterThan(400);
});
