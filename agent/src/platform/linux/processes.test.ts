import { afterEach, expect, test } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { ProcessId } from '../platform.ts';
import { createProcesses } from './processes.ts';

const processes = createProcesses();
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) {
    child.stdout?.destroy();
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch {
      // Ended, as most tests want.
    }
  }
});

/** A shell, the first of a process group; answers once it has said that it is ready, and has printed so many numbers. */
async function shell(script: string, numbers = 0): Promise<{ readonly child: ChildProcess; readonly root: ProcessId; readonly pids: readonly number[] }> {
  const child = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  started.push(child);
  const text = await new Promise<string>((resolve) => {
    let said = '';
    child.stdout.on('data', (data: Buffer) => {
      said += data.toString();
      if (said.includes('ready') && (said.match(/\d+\n/g)?.length ?? 0) >= numbers) resolve(said);
    });
  });
  const root = processes.identify(child.pid ?? 0);
  if (root === undefined) throw new Error('the shell is gone');
  return { child, root, pids: text.match(/\d+/g)?.map(Number) ?? [] };
}

const alive = (pid: number): boolean => {
  const found = processes.identify(pid);
  return found !== undefined && processes.isAlive(found);
};
const exited = (child: ChildProcess) => new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));

test('all that descends from it is asked to end', async () => {
  const { child, root, pids } = await shell('sleep 100 & echo $!; bash -c "sleep 101 & echo \\$!; wait" & echo $!; echo ready; wait', 3);
  const [gone, count] = await Promise.all([exited(child), processes.end(root, { graceMs: 5000, spared: 'keeper', pause })]);
  expect([gone, count, pids.filter(alive)]).toEqual(['SIGTERM', 4, []]);
});

test('what does not listen is killed after the grace', async () => {
  const { child, root, pids } = await shell('trap "" TERM; sleep 100 & echo $!; echo ready; wait; wait');
  const begun = performance.now();
  const [gone] = await Promise.all([exited(child), processes.end(root, { graceMs: 300, spared: 'keeper', pause })]);
  expect([gone, pids.filter(alive), performance.now() - begun > 250]).toEqual(['SIGKILL', [], true]);
});

test('the first process is left until it has told how the rest ended', async () => {
  const { child, root } = await shell('trap "" TERM; echo ready; sleep 100; exit 3');
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await processes.end(root, { graceMs: 300, spared: 'root', pause });
  expect(await code).toBe(3);
});

test('a number that is another\'s by now is not hit', async () => {
  const { child, root } = await shell('echo ready; sleep 100');
  expect(await processes.end({ ...root, startTicks: root.startTicks - 1 }, { graceMs: 50, spared: 'keeper', pause })).toBe(0);
  expect([alive(child.pid ?? 0), processes.isAlive({ ...root, startTicks: 0 }), processes.identify(2 ** 22 + 1)]).toEqual([true, false, undefined]);
});
