import { describe, expect, test } from '@jest/globals';
import type { Connection, Door } from '../intercept/local-server.ts';
import { createRehearsalTrial, tellingAnswers } from './rehearsal-trial.ts';

const HOUR_MS = 3_600_000;

/** Sudos one after the other, which take so many milliseconds: what each was given. */
function createMachine(tookMs: (rehearsed: boolean) => number) {
  let now = 1000;
  const trial = createRehearsalTrial(() => now);
  return {
    trial,
    wait(ms: number): void { now += ms; },
    sudos(count: number): readonly boolean[] {
      return Array.from({ length: count }, () => {
        const rehearsed = trial.started();
        now += tookMs(rehearsed);
        trial.answered();
        now += 100;
        return rehearsed;
      });
    },
  };
}

describe('whether to rehearse', () => {
  test('is tried on every other sudo, and then it is done where that was quicker', () => {
    const machine = createMachine((rehearsed) => (rehearsed ? 8 : 9));
    const tried = machine.sudos(32);
    expect(tried.filter(Boolean)).toHaveLength(16);
    expect(new Set(machine.sudos(100))).toEqual(new Set([true]));
  });

  test('is left out where it was slower, or hardly quicker', () => {
    for (const rehearsedMs of [10, 9, 8.9]) {
      const machine = createMachine((rehearsed) => (rehearsed ? rehearsedMs : 9));
      machine.sudos(31);
      expect(machine.trial.restsMs()).toBe(0);
      machine.sudos(1);
      expect(machine.trial.restsMs()).toBe(HOUR_MS - 100);
      expect(new Set(machine.sudos(100))).toEqual(new Set([false]));
      machine.wait(HOUR_MS);
      expect(machine.trial.restsMs()).toBe(0);
    }
  });

  test('a few that were held up do not count for much', () => {
    let number = 0;
    const machine = createMachine((rehearsed) => (++number % 5 === 0 ? 45 : rehearsed ? 8 : 9));
    machine.sudos(32);
    expect(new Set(machine.sudos(20))).toEqual(new Set([true]));
  });

  test('what took long asked a person something: it does not count at all', () => {
    let took = 2000;
    const machine = createMachine(() => took);
    expect(new Set(machine.sudos(100))).toEqual(new Set([true]));
    took = 9;
    expect(machine.sudos(32).filter(Boolean)).toHaveLength(16);
    expect(new Set(machine.sudos(20))).toEqual(new Set([false]));
  });

  test('is tried again after an hour, as a machine may be moved', () => {
    let rehearsedMs = 8;
    const machine = createMachine((rehearsed) => (rehearsed ? rehearsedMs : 9));
    machine.sudos(32);
    rehearsedMs = 12;
    expect(new Set(machine.sudos(100))).toEqual(new Set([true]));
    machine.wait(HOUR_MS);
    machine.sudos(32);
    expect(new Set(machine.sudos(100))).toEqual(new Set([false]));
  });

  test('an answer without a start, and a start without an answer, are nothing', () => {
    const machine = createMachine((rehearsed) => (rehearsed ? 8 : 9));
    for (let i = 0; i < 100; i++) machine.trial.answered();
    for (let i = 0; i < 100; i++) expect(machine.trial.started()).toBe(true);
    expect(machine.sudos(32).filter(Boolean)).toHaveLength(16);
  });
});

test('an answer is what a helper is sent after the greeting, once; nobody else is told of', () => {
  const told: string[] = [];
  const door = {
    open(connection: Connection) {
      for (const word of ['greeting', 'verdict', 'go']) connection.send(Buffer.from(word));
      connection.end();
      return { message: () => {}, closed: () => {} };
    },
  } as unknown as Door;
  const open = (effectiveUid: number) => tellingAnswers(door, () => told.push('answered')).open({
    peer: { actor: { effectiveUid } } as Connection['peer'],
    send: (message) => void told.push(Buffer.from(message).toString()),
    end: () => void told.push('end'),
  });
  open(0);
  expect(told.splice(0)).toEqual(['greeting', 'verdict', 'answered', 'go', 'end']);
  open(1000);
  expect(told).toEqual(['greeting', 'verdict', 'go', 'end']);
});
