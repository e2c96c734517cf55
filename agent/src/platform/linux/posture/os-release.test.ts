import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseOsRelease, readOsRelease } from './os-release.ts';

test.each([
  ['NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n', 'debian', '12'],
  ['ID="rhel"\nVERSION_ID="9.4"\nID_LIKE="fedora"\n', 'rhel', '9.4'],
  ["ID='opensuse-leap'\nVERSION_ID='15.6'", 'opensuse-leap', '15.6'],
  ['ID=arch\nBUILD_ID=rolling\n', 'arch', undefined],
  ['ID=first\nID=second\n', 'second', undefined],
  ['#ID=debian\nXID=debian\nVERSION_ID=', undefined, undefined],
  ['ID="deb\\"ian"\nVERSION_ID="$(id)"\n', undefined, undefined],
  ['ID=Debian\nVERSION_ID=12 # a comment\n', undefined, undefined],
  ['ID="debian\nVERSION_ID=12"\n', undefined, undefined],
])('%j', (text, osId, osVersion) => expect(parseOsRelease(text)).toEqual({ osId, osVersion }));

test('no text makes it fail, and what it tells is harmless', () => {
  fc.assert(fc.property(fc.array(fc.constantFrom('ID=', 'VERSION_ID=', '"', "'", '\n', 'debian', '\\', ' ', '\u001b', '12', '$')).map((parts) => parts.join('')), (text) => {
    const { osId, osVersion } = parseOsRelease(text);
    for (const value of [osId, osVersion]) expect(value ?? 'x').toMatch(/^[a-z0-9._~+-]+$/);
  }));
});

test('the administrator\'s file comes before the vendor\'s; without either it is unknown', async () => {
  const root = mkdtempSync(join(tmpdir(), 'belay-os-'));
  for (const folder of ['etc', 'usr/lib']) mkdirSync(join(root, folder), { recursive: true });
  expect(await readOsRelease(root)).toEqual({ osId: undefined, osVersion: undefined });
  writeFileSync(join(root, 'usr/lib/os-release'), 'ID=vendor\nVERSION_ID=1\n');
  expect(await readOsRelease(root)).toEqual({ osId: 'vendor', osVersion: '1' });
  writeFileSync(join(root, 'etc/os-release'), 'ID=own\n');
  expect(await readOsRelease(root)).toEqual({ osId: 'own', osVersion: undefined });
  rmSync(root, { recursive: true });
});

test('this machine is what the shell makes of its file', async () => {
  const { stdout } = spawnSync('sh', ['-c', '. /etc/os-release; echo "$ID|${VERSION_ID-}"'], { encoding: 'utf8' });
  const { osId, osVersion } = await readOsRelease();
  expect(`${osId ?? ''}|${osVersion ?? ''}\n`).toBe(stdout);
});
