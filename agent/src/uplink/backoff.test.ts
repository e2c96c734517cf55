import { expect, test } from '@jest/globals';
import { createBackoff, pause } from './backoff.ts';

test('waits double up to the last one and begin anew after a success', () => {
  const backoff = createBackoff(100, 500, () => 1);
  const five = () => Array.from({ length: 5 }, () => backoff.next());
  expect(five()).toEqual([100, 200, 400, 500, 500]);
  backoff.reset();
  expect(backoff.next()).toBe(100);
});

test('a fleet is spread over half of each wait', () => {
  expect([0, 0.5, 1].map((drawn) => createBackoff(100, 500, () => drawn).next())).toEqual([50, 75, 100]);
});

test('a pause ends at once when its signal is aborted, before or during it', async () => {
  await pause(3_600_000, AbortSignal.abort());
  const ended = new AbortController();
  const paused = pause(3_600_000, ended.signal);
  ended.abort();
  await paused;
});
