import { expect, test } from '@jest/globals';
import { createRateLimit } from './rate-limit.ts';

test('a bucket gives its burst, then its rate, and says how long until the next', () => {
  let now = 0;
  const rate = createRateLimit<number>(() => ({ perSecond: 10, burst: 3 }), () => now);
  expect([1, 2, 3, 4].map(() => rate.take(7))).toEqual([true, true, true, false]);
  expect([rate.waitMs(7), rate.waitMs(8)]).toEqual([100, 0]);
  now = 40;
  expect([rate.take(7), rate.waitMs(7)]).toEqual([false, 60]);
  now = 100;
  expect([rate.waitMs(7), rate.take(7), rate.take(7), rate.take(8)]).toEqual([0, true, false, true]);
  now = 1_000_000;
  expect([1, 2, 3, 4].map(() => rate.take(7))).toEqual([true, true, true, false]);
});

test('a clock that was set back locks nobody out, and lets nobody in', () => {
  let now = 10_000;
  const rate = createRateLimit<string>(() => ({ perSecond: 1, burst: 2 }), () => now);
  expect([rate.take('a'), rate.take('a')]).toEqual([true, true]);
  now = 0;
  expect(rate.take('a')).toBe(false);
  now = 1000;
  expect([rate.take('a'), rate.take('a')]).toEqual([true, false]);
});

test('a flood of keys makes others forgotten, and never one that is in use', () => {
  const rate = createRateLimit<number>(() => ({ perSecond: 0.001, burst: 1 }), () => 0);
  expect([rate.take(-1), rate.take(-2)]).toEqual([true, true]);
  for (let key = 0; key < 20_000; key++) {
    rate.take(key);
    if (key % 1000 === 0) expect(rate.take(-1)).toBe(false);
  }
  expect([rate.take(-1), rate.take(-2)]).toEqual([false, true]);
});

test('another rate holds from then on', () => {
  let burst = 2;
  const rate = createRateLimit<string>(() => ({ perSecond: 1, burst }), () => 0);
  expect(rate.take('a')).toBe(true);
  burst = 1;
  expect([rate.take('a'), rate.take('b'), rate.take('b')]).toEqual([false, true, false]);
  burst = 3;
  expect([rate.take('a'), rate.take('a'), rate.take('a')]).toEqual([true, true, false]);
});
