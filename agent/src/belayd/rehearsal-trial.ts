import type { Door } from '../intercept/local-server.ts';

/**
 * Whether a rehearsal brings answers sooner on this machine. It does where a processor of belayd's own runs it. Where two of them are
 * one core's, or a host shares one out among guests, it slows the sudo that it is for, by more than it wins, and no file says which it is.
 * So it is tried: every other sudo gets one, and what counts is the time from a sudo's start to its answer. The outcome holds for an hour.
 */
export interface RehearsalTrial {
  /** A sudo starts: whether to rehearse for it. */
  started(): boolean;
  /** A sudo has been answered. */
  answered(): void;
  /** Milliseconds for which it is not to be done, so that no start needs to be told; 0: none. */
  restsMs(): number;
}

const SUDOS_EACH = 16;
/** What takes longer asked somebody something, or was another's start. */
const LONGEST_MS = 50;
const HOLDS_MS = 3_600_000;
/** It costs a millisecond and a half of a processor: worth it for more than a few hundredths. */
const WORTH = 0.97;

/** `nowMs` with fractions. */
export function createRehearsalTrial(nowMs: () => number): RehearsalTrial {
  let took: { readonly rehearsed: number[]; readonly plain: number[] } = { rehearsed: [], plain: [] };
  let outcome: { readonly rehearses: boolean; readonly untilMs: number } | undefined;
  let running: { readonly into: number[]; readonly sinceMs: number } | undefined;
  return {
    started() {
      const now = nowMs();
      running = undefined;
      if (outcome !== undefined && now < outcome.untilMs) return outcome.rehearses;
      outcome = undefined;
      const rehearses = took.rehearsed.length <= took.plain.length;
      running = { into: rehearses ? took.rehearsed : took.plain, sinceMs: now };
      return rehearses;
    },
    answered() {
      if (running === undefined) return;
      const now = nowMs();
      if (now - running.sinceMs <= LONGEST_MS) running.into.push(now - running.sinceMs);
      running = undefined;
      if (took.rehearsed.length < SUDOS_EACH || took.plain.length < SUDOS_EACH) return;
      outcome = { rehearses: median(took.rehearsed) < median(took.plain) * WORTH, untilMs: now + HOLDS_MS };
      took = { rehearsed: [], plain: [] };
    },
    restsMs: () => (outcome === undefined || outcome.rehearses ? 0 : Math.max(0, outcome.untilMs - nowMs())),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}

/** The greeting comes first. */
const ANSWER = 2;

/** Tells of each answer that a sudo gets, once it is out. */
export function tellingAnswers(door: Door, answered: () => void): Door {
  return {
    ...door,
    open(connection) {
      const { peer } = connection;
      if (peer.actor.effectiveUid !== 0) return door.open(connection);
      let sent = 0;
      return door.open({
        peer,
        send(message) {
          connection.send(message);
          if (++sent === ANSWER) answered();
        },
        end: () => connection.end(),
      });
    },
  };
}
