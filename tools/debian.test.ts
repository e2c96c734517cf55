import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDebian, withTree } from './debian.mjs';

const isDebian = existsSync('/var/lib/dpkg/status');
const isRoot = process.getuid?.() === 0;

function sudoOfTheMachine(): string | undefined {
  return existsSync('/usr/bin/sudo') ? readFileSync('/usr/bin/sudo').toString('base64') : undefined;
}

(isDebian && isRoot ? test : test.skip)('Debian’s sudo runs from the unpacked tree, setuid, and the machine stays as it was', () => {
  const dpkgBefore = readFileSync('/var/lib/dpkg/status', 'utf8');
  const sudoBefore = sudoOfTheMachine();
  const root = ensureDebian();
  const sudo = sudoBefore === undefined ? join(root, 'usr/bin/sudo') : '/usr/bin/sudo';
  const [file = '', ...args] = withTree(root, ['sudo', '-V']);
  const run = spawnSync(file, args, { encoding: 'utf8', timeout: 20_000 });
  expect({ isSetuid: (statSync(sudo).mode & 0o4000) !== 0, version: /^Sudo version \d/.test(run.stdout) }).toEqual({
    isSetuid: true,
    version: true,
  });
  expect([readFileSync('/var/lib/dpkg/status', 'utf8') === dpkgBefore, sudoOfTheMachine() === sudoBefore]).toEqual([true, true]);
});

(isDebian ? test : test.skip)('a second call answers the same folder without fetching anything', () => {
  const first = ensureDebian();
  const packages = statSync(join(first, '..', 'packages')).ino;
  expect([ensureDebian(), statSync(join(first, '..', 'packages')).ino]).toEqual([first, packages]);
});
