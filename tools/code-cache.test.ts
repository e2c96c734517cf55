import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { runsBundles } from '../tests/support/programs.ts';
import { agentFlags } from './agent-flags.mjs';
import { nodeBinary, projectRoot } from './node26.mjs';

const tool = (name: string): string => join(projectRoot, 'tools', name);
// V8 tells what it takes from a cache. A flag is part of what a cache is made for.
const flags = ['--profile-deserialization'];
const DIGEST_BYTES = 32;

let folder: string;
let cache: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-code-'));
  cache = join(folder, 'program.cache');
  copyFileSync(tool('cached-entry.mjs'), join(folder, 'program.mjs'));
  writeCode('first');
  run([...flags, tool('code-cache.mjs'), join(folder, 'program.cjs'), 'while', 'building']);
});
afterEach(() => rmSync(folder, { recursive: true }));

function writeCode(word: string): void {
  writeFileSync(join(folder, 'program.cjs'), `(function (require, __filename, __dirname) {
    const { basename } = require('node:path');
    const words = () => ['${word}', basename(process.argv[1]), basename(__filename), ...process.argv.slice(2)].join(' ');
    console.log(words());
  })`);
}

function run(args: readonly string[]): string {
  const ran = spawnSync(nodeBinary(), args, { encoding: 'utf8', env: {}, timeout: 60_000 });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return ran.stdout;
}

function start(withFlags: readonly string[] = flags): { readonly said: string; readonly fromCache: boolean } {
  const lines = run([...withFlags, join(folder, 'program.mjs'), 'a', 'b']).trimEnd().split('\n');
  return { said: lines.at(-1) ?? '', fromCache: lines.some((line) => line.startsWith(`[Deserializing from ${made} bytes `)) };
}

let made = 0;
beforeEach(() => { made = readFileSync(cache).length - DIGEST_BYTES; });

test('a program starts from its code cache, and as itself', () => {
  expect(start()).toEqual({ said: 'first program.mjs program.cjs a b', fromCache: true });
});

test('code that was changed is run, also where it is as long as before', () => {
  writeCode('other');
  expect(start()).toEqual({ said: 'other program.mjs program.cjs a b', fromCache: false });
});

test.each<[string, (file: string) => void]>([
  ['flipped in the middle', (file) => writeFileSync(file, readFileSync(file).map((byte, at, all) => (at === all.length >> 1 ? byte ^ 1 : byte)))],
  ['flipped in its digest', (file) => writeFileSync(file, readFileSync(file).map((byte, at) => (at === 0 ? byte ^ 1 : byte)))],
  ['cut short', (file) => truncateSync(file, 100)],
  ['empty', (file) => truncateSync(file, 0)],
  ['gone', (file) => rmSync(file)],
])('a cache that is %s is not used', (_how, damage) => {
  damage(cache);
  expect(start()).toEqual({ said: 'first program.mjs program.cjs a b', fromCache: false });
});

test('nor is one that was made for other flags', () => {
  expect(start([...flags, '--stack-size=900'])).toEqual({ said: 'first program.mjs program.cjs a b', fromCache: false });
});

// V8 leaves the flag by which it tells out of what a cache is made for.
(runsBundles ? test : test.skip)('belayd’s own is taken with the flags that belayd is started with', () => {
  const own = join(projectRoot, 'dist', 'belayd');
  const said = run(['--disable-warning=ExperimentalWarning', ...agentFlags, '--profile-deserialization', `${own}.mjs`, '--version']);
  expect(said).toContain(`[Deserializing from ${readFileSync(`${own}.cache`).length - DIGEST_BYTES} bytes `);
  expect(said).toMatch(/^belayd \d/m);
});
