import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readSecureBoot } from './secure-boot.ts';

let sys: string;
beforeEach(() => {
  sys = mkdtempSync(join(tmpdir(), 'belay-boot-'));
});
afterEach(() => rmSync(sys, { recursive: true }));

type Variables = { readonly secure?: readonly number[]; readonly setup?: readonly number[]; readonly shim?: readonly number[] };

function boot({ secure, setup, shim }: Variables): Promise<boolean | undefined> {
  const folder = join(sys, 'firmware/efi/efivars');
  mkdirSync(folder, { recursive: true });
  const write = (name: string, value: readonly number[] | undefined): void => {
    if (value !== undefined) writeFileSync(join(folder, name), Buffer.from([6, 0, 0, 0, ...value]));
  };
  write('SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c', secure);
  write('SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c', setup);
  write('MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23', shim);
  return readSecureBoot(sys);
}

test.each<[string, Variables, boolean | undefined]>([
  ['on', { secure: [1], setup: [0] }, true],
  ['on, and with shim', { secure: [1], setup: [0], shim: [0] }, true],
  ['on, but shim lets everything pass', { secure: [1], setup: [0], shim: [1] }, false],
  ['on, but shim says what we do not know', { secure: [1], setup: [0], shim: [2] }, undefined],
  ['off', { secure: [0], setup: [0] }, false],
  ['in set-up mode', { secure: [1], setup: [1] }, false],
  ['off, without a mode', { secure: [0] }, false],
  ['on, without a mode', { secure: [1] }, undefined],
  ['without a variable', { setup: [0] }, undefined],
  ['a variable without a value', { secure: [], setup: [0] }, undefined],
  ['a variable that is too long', { secure: [1, 1], setup: [0] }, undefined],
  ['a value that means nothing', { secure: [7], setup: [0] }, undefined],
])('Secure Boot that is %s', async (_name, variables, expected) => {
  expect(await boot(variables)).toBe(expected);
});

test('without UEFI it is unknown', async () => {
  expect(await readSecureBoot(sys)).toBeUndefined();
});
