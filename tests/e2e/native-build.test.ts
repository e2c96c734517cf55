// The plugin's C by itself: its own tests under the sanitizers, its parser under mutated frames, and what the linker made of it.
// At full length (`npm run soak`, or BELAY_FUZZ_RUNS) the parser runs under libFuzzer.
import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureDebian, wantedPackages } from '../../tools/debian.mjs';
import { nodeBinary, projectRoot } from '../../tools/node26.mjs';
import { describeRoot } from '../support/world/root-only.ts';

const native = join(projectRoot, 'agent', 'native');
const fuzzRuns = process.env.BELAY_FUZZ_RUNS ?? (process.env.BELAY_SOAK === '1' ? '5000000' : undefined);

function buildNative(...targets: readonly string[]): number | null {
  return spawnSync(nodeBinary(), [join(projectRoot, 'tools', 'native.mjs'), ...targets], { stdio: 'ignore' }).status;
}

function readElf(...args: readonly string[]): string {
  return spawnSync('readelf', [...args, '--wide', join(native, 'build', 'belay_sudo.so')], { encoding: 'utf8' }).stdout;
}

describeRoot('the plugin\'s C', () => {
  test('its tests pass, also under AddressSanitizer and UndefinedBehaviorSanitizer', () => {
    expect(buildNative('test', 'test-sanitized')).toBe(0);
  });

  test('two hundred thousand mutated frames crash nothing and never look like a yes', () => {
    expect(buildNative('fuzz-smoke', 'RUNS=200000')).toBe(0);
  });

  test('it exports its three plugins and nothing else, and its tables are read-only after loading', () => {
    expect(buildNative()).toBe(0);
    const exported = readElf('--dyn-syms').split('\n').map((line) => line.trim().split(/\s+/)).filter((parts) => parts[4] === 'GLOBAL' && parts[6] !== 'UND').map((parts) => parts[7]);
    expect(new Set(exported)).toEqual(new Set(['belay_audit', 'belay_io', 'belay_observer', 'belay_policy']));
    expect(readElf('--dynamic')).toMatch(/BIND_NOW/);
    expect(readElf('--program-headers')).toMatch(/GNU_RELRO/);
    expect(readElf('--program-headers')).toMatch(/GNU_STACK.*RW /);
  });

  (fuzzRuns === undefined ? test.skip : test)('libFuzzer finds nothing (skipped without BELAY_SOAK=1 or BELAY_FUZZ_RUNS)', () => {
    const root = ensureDebian([...wantedPackages(), 'clang-14', 'libclang-rt-14-dev']);
    const made = spawnSync('make', ['-C', native, 'fuzz', `RUNS=${fuzzRuns}`, `DEBIAN_ROOT=${root}`], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    expect({ status: made.status, done: new RegExp(`Done ${fuzzRuns} runs`).test(made.stderr) }).toEqual({ status: 0, done: true });
  }, 6 * 60 * 60_000);
});
