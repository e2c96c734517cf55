import { connect } from 'node:net';
import { availableParallelism } from 'node:os';
import type { Platform } from '../platform/platform.ts';
import { createRehearsal } from './rehearsal.ts';
import type { RehearsalTrial } from './rehearsal-trial.ts';

/**
 * belayd rehearses. After a start some hundred times, since V8 compiles what runs often: after five hundred an answer takes half as long,
 * after three times as many hardly less. From then on whenever a sudo starts: until it has been loaded and asks, two milliseconds pass,
 * in which another processor brings back into its caches what they have lost since the last one, and that is what an answer mostly
 * waits for; where that is found to be quicker. Nothing of it is recorded, and nothing runs.
 */
export interface WarmUp {
  stop(): void;
}

export type WarmUpDeps = {
  readonly platform: Platform;
  /** belayd's own, which it calls on. */
  readonly socket: string;
  usesPam(): boolean;
  /** Somebody has just been served. */
  isWarm(): boolean;
  readonly trial: Pick<RehearsalTrial, 'started' | 'restsMs'>;
};

const ROUNDS = 600;
/** Between two rounds, so that whoever really asks waits for one at most. */
const PAUSE_MS = 1;
const SUDO = ['/usr/bin/sudo', '/usr/local/bin/sudo'];

export function warmUp({ platform, socket, usesPam, isWarm, trial }: WarmUpDeps, rounds = ROUNDS): WarmUp {
  const rehearsal = createRehearsal(platform);
  let left = rounds;
  let starts: { close(): void } | undefined;
  const stop = (): void => {
    clearTimeout(timer);
    starts?.close();
    rehearsal.close();
  };
  const rehearse = (startsAtOnce: boolean): boolean => {
    if (!succeeds(() => rehearsal.once(startsAtOnce))) {
      stop();
      return false;
    }
    callOn(socket);
    return true;
  };
  const watch = (): void => {
    starts = platform.whenOpened(SUDO, () => {
      if (isWarm() || !platform.hasSpareProcessor()) return;
      if (trial.started()) rehearse(!usesPam());
      else if (trial.restsMs() > 0) rest(trial.restsMs());
    });
  };
  const rest = (ms: number): void => {
    starts?.close();
    timer = setTimeout(watch, ms).unref();
  };
  const round = (): void => {
    if (left-- > 0) {
      if (rehearse(left % 2 === 0)) timer = setTimeout(round, PAUSE_MS);
    } else if (availableParallelism() > 1) {
      watch();
    } else {
      // The sudo would wait for it.
      stop();
    }
  };
  let timer = setTimeout(round, PAUSE_MS);
  return { stop };
}

/** Where it does not, this is another machine than was thought of here: then without. */
function succeeds(act: () => boolean): boolean {
  try {
    return act();
  } catch {
    return false;
  }
}

/** To its own door, and away again: what takes a connection is rehearsed too. */
function callOn(socket: string): void {
  const caller = connect(socket);
  caller.on('error', () => {});
  caller.once('data', () => caller.destroy());
}
