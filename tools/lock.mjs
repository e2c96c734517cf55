// A lock between processes, held as a folder with the holder's pid in it. Node 20, no dependencies.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const pollMs = 200;
/** A folder without a pid this old was left by a holder that died between its two steps. */
const unclaimedAfterMs = 5_000;

function pause(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function isAbandoned(folder) {
  try {
    return !isAlive(Number(readFileSync(join(folder, 'pid'), 'utf8')));
  } catch {
    const made = statSync(folder, { throwIfNoEntry: false })?.mtimeMs;
    return made !== undefined && Date.now() - made > unclaimedAfterMs;
  }
}

/** Runs `work` while holding `folder`; waits at most `timeoutMs` for another living holder, then throws. */
export function withLock(folder, timeoutMs, work) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      mkdirSync(folder);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned(folder)) rmSync(folder, { recursive: true, force: true });
    else if (Date.now() > deadline) throw new Error(`${folder} is held by another process`);
    else pause(pollMs);
  }
  writeFileSync(join(folder, 'pid'), String(process.pid));
  try {
    return work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
