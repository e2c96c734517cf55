import { expect, test } from '@jest/globals';
import { createConnectionLimits, createUserRateLimit } from './limits.ts';

test('one user\'s connections use up that user\'s share, never another\'s, and never root\'s', () => {
  const limits = createConnectionLimits({ all: 5, perUser: 2 });
  expect([1, 2, 3].map(() => limits.enter(2001))).toEqual([true, true, false]);
  expect([limits.enter(2002), limits.enter(0), limits.enter(0), limits.enter(0)]).toEqual([true, true, true, true]);
  expect(limits.enter(2002)).toBe(false);
  limits.leave(0);
  limits.leave(0);
  limits.leave(2001);
  expect([limits.enter(2001), limits.enter(2001)]).toEqual([true, false]);
});

test('root is let in however often it asks', () => {
  const rate = createUserRateLimit({ perSecond: 10, burst: 3 }, () => 0);
  expect([1, 2, 3, 4].map(() => rate.take(7))).toEqual([true, true, true, false]);
  for (let i = 0; i < 100; i++) expect(rate.take(0)).toBe(true);
});
