import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { availableParallelism, tmpdir } from 'node:os';
import { afterAll, expect, test } from '@jest/globals';
import { createLinuxPlatform } from '../platform/linux/linux-platform.ts';
import { warmUp } from './warm-up.ts';

const folder = mkdtempSync(join(tmpdir(), 'belay-warm-up-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A watch that is on, its teller, or off. */
class Watches {
  readonly seen: ('on' | 'off')[] = [];
  tell: () => void = () => {};
  #awaited: (() => void) | undefined;

  readonly whenOpened = (_files: readonly string[], told: () => void): { close(): void } => {
    this.seen.push('on');
    this.tell = told;
    this.#awaited?.();
    return { close: () => void this.seen.push('off') };
  };

  on(): Promise<void> {
    return new Promise((resolve) => { this.#awaited = resolve; });
  }
}

// With one processor nobody rehearses for a sudo.
(availableParallelism() > 1 ? test : test.skip)('starts of sudo are listened for after the rounds, not while they are of no use, and then again', async () => {
  const platform = createLinuxPlatform();
  const watches = new Watches();
  let rests = 0;
  const started: boolean[] = [];
  const deps = {
    platform: { ...platform, whenOpened: watches.whenOpened, hasSpareProcessor: () => true },
    socket: join(folder, 'nobody.sock'),
    usesPam: () => false,
    isWarm: () => false,
    trial: { started: () => started.push(rests === 0) > 0 && rests === 0, restsMs: () => rests },
  };
  const begun = watches.on();
  const warm = warmUp(deps, 2);
  await begun;
  expect(watches.seen).toEqual(['on']);
  watches.tell();
  expect(watches.seen).toEqual(['on']);
  rests = 1;
  const again = watches.on();
  watches.tell();
  expect(watches.seen).toEqual(['on', 'off']);
  await again;
  expect(watches.seen).toEqual(['on', 'off', 'on']);
  warm.stop();
  expect(watches.seen).toEqual(['on', 'off', 'on', 'off']);
  expect(started).toEqual([true, false]);
  platform.close();
});
