import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, test } from '@jest/globals';

const folder = mkdtempSync(join(tmpdir(), 'belay-opened-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A process of its own: signals are a process's, and this one has other tests in it. */
const watcher = `
import { whenOpened } from ${JSON.stringify(new URL('opened.ts', import.meta.url).href)};
const began = performance.now();
let told = 0;
const watching = whenOpened(process.argv.slice(1), () => { told++; console.log('opened'); });
console.log('ready');
process.stdin.on('data', () => { watching.close(); console.log(JSON.stringify({ told, elapsedMs: performance.now() - began })); });
`;

function watch(...files: readonly string[]) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', watcher, ...files], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const line = async () => (await lines.next()).value as string | undefined;
  return {
    line,
    /** What it had come to, and its exit code, after more opening. */
    async close(open: () => void) {
      child.stdin.write('.');
      for (;;) {
        const said = await line();
        if (said === undefined) throw new Error('it ended without a word');
        if (said === 'opened') continue;
        open();
        child.stdin.end();
        return { ...(JSON.parse(said) as { told: number; elapsedMs: number }), code: await ended };
      }
    },
  };
}

const open = (file: string) => void readFileSync(file).length;

test('opening one of the files is told, the one that was put in its place too, and ending the watching does not end the process', async () => {
  const program = join(folder, 'program');
  copyFileSync('/bin/true', program);
  const watching = watch(join(folder, 'none'), program);
  expect(await watching.line()).toBe('ready');
  open(program);
  expect(await watching.line()).toBe('opened');
  copyFileSync('/bin/false', `${program}.new`);
  renameSync(`${program}.new`, program);
  // The old one is gone, which is told like an opening; after that the new one is watched.
  for (let told = 0; told < 2; told++) {
    const line = watching.line();
    const again = setInterval(() => open(program), 1);
    expect(await line).toBe('opened');
    clearInterval(again);
  }
  expect(await watching.close(() => open(program))).toMatchObject({ code: 0 });
});

test('a flood is told now and then', async () => {
  const program = join(folder, 'flooded');
  copyFileSync('/bin/true', program);
  const watching = watch(program);
  expect(await watching.line()).toBe('ready');
  for (let opened = 0; opened < 20_000; opened++) open(program);
  expect(await watching.line()).toBe('opened');
  const { told, elapsedMs } = await watching.close(() => {});
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThanOrEqual(Math.ceil(elapsedMs / 7) + 1);
});
