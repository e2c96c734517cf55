import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ByteString, encodeUtf8 } from '@belay/core/bytes';
import type { DecisionContext } from '@belay/core/policy';
import type { ElevationRequest } from '@belay/core/request';
import type { PolicyInForce } from '../state/device-state.ts';
import { createDecided, DECIDED_LIMITS, type DecidedLimits, type Settled } from './decided.ts';

const b = (text: string): ByteString => encodeUtf8(text);
const policyNumber = (number: number) => ({ manifest: { number, epoch: 1 }, set: {}, monitored: undefined }) as unknown as PolicyInForce;
const policy = policyNumber(1);

function settled(number: number, uid: number, changes: Partial<Settled> & { readonly args?: readonly string[] } = {}): Settled {
  const args = (changes.args ?? ['x']).map(b);
  const request = { args, env: [], cwd: b('/'), executable: { typed: b('/bin/a'), resolved: b('/bin/a'), links: [] }, requester: { groups: [1] }, runAs: { groups: [0] } } as unknown as ElevationRequest;
  return {
    number, uid, user: 'u', atMs: 1, typed: { path: b('/bin/a'), argv: [b('a'), ...args] }, why: 'no-rule', text: '', decision: undefined, outsideRules: false,
    policy, asked: { request, context: {} as DecisionContext }, ...changes,
  };
}

const limits = (changes: Partial<DecidedLimits>): DecidedLimits => ({ ...DECIDED_LIMITS, ...changes });

describe('the last requests', () => {
  test('are found by number and by user', () => {
    const decided = createDecided();
    for (const [number, uid] of [[1, 10], [2, 20], [3, 10]] as const) decided.add(settled(number, uid));
    expect([decided.byNumber(2)?.uid, decided.lastOf(10)?.number, decided.lastOf(20)?.number, decided.lastOf(30), decided.byNumber(9)]).toEqual([20, 3, 2, undefined, undefined]);
  });

  test('of somebody who asks a lot push out their own, and nobody else\'s', () => {
    const decided = createDecided(limits({ perUser: 3 }));
    decided.add(settled(1, 20));
    for (let number = 2; number < 50; number++) decided.add(settled(number, 10));
    expect([1, 46, 47, 48, 49].map((number) => decided.byNumber(number) !== undefined)).toEqual([true, false, true, true, true]);
  });

  test('of many people push out those of whoever has the most', () => {
    const decided = createDecided(limits({ all: 10 }));
    for (let number = 1; number <= 8; number++) decided.add(settled(number, 10));
    for (let number = 9; number <= 14; number++) decided.add(settled(number, number * 10));
    expect(Array.from({ length: 14 }, (_, index) => index + 1).filter((number) => decided.byNumber(number) === undefined)).toEqual([1, 2, 3, 4]);
  });

  test('are bounded by bytes as well', () => {
    const decided = createDecided(limits({ bytesPerUser: 200_000 }));
    for (let number = 1; number <= 5; number++) decided.add(settled(number, 10, { args: ['x'.repeat(60_000)] }));
    expect([1, 2, 3, 4, 5].map((number) => decided.byNumber(number) !== undefined)).toEqual([false, false, true, true, true]);
  });

  test('one that is too large is kept without what was asked, and says so', () => {
    const decided = createDecided();
    decided.add(settled(1, 10, { args: ['x'.repeat(200_000)] }));
    const kept = decided.byNumber(1);
    expect(kept).toMatchObject({ isTooLarge: true, request: undefined, context: undefined, policy });
    expect(kept?.typed.argv.reduce((sum, word) => sum + word.length, 0)).toBeLessThanOrEqual(4096);
  });

  test('hold few policies, and their numbers for good', () => {
    const decided = createDecided();
    for (let number = 1; number <= 5; number++) decided.add(settled(number, 10, { policy: policyNumber(number) }));
    expect([1, 2, 3, 4, 5].map((number) => [decided.byNumber(number)?.policy?.manifest.number, decided.byNumber(number)?.manifest?.number])).toEqual([[undefined, 1], [undefined, 2], [3, 3], [4, 4], [5, 5]]);
  });

  // T-08
  test('whatever is asked by whomever, no limit is passed, and the very last is always there', () => {
    const act = fc.record({ number: fc.integer({ min: 1, max: 40 }), uid: fc.integer({ min: 0, max: 5 }), size: fc.integer({ min: 0, max: 5000 }) });
    fc.assert(fc.property(fc.array(act, { minLength: 1, maxLength: 120 }), (acts) => {
      const bounds = { all: 12, perUser: 5, bytes: 40_000, bytesPerUser: 20_000, policies: 2 };
      const decided = createDecided(bounds);
      for (const { number, uid, size } of acts) decided.add(settled(number, uid, { args: ['x'.repeat(size)] }));
      const kept = Array.from({ length: 40 }, (_, index) => decided.byNumber(index + 1)).filter((one) => one !== undefined);
      const last = acts.at(-1);
      expect(decided.lastOf(last?.uid ?? 0)?.number).toBe(last?.number);
      expect(kept.length).toBeLessThanOrEqual(bounds.all);
      for (let uid = 0; uid <= 5; uid++) expect(kept.filter((one) => one.uid === uid).length).toBeLessThanOrEqual(bounds.perUser);
      const bytes = kept.flatMap(({ request }) => request?.args ?? []).reduce((sum, word) => sum + word.length, 0);
      expect(bytes).toBeLessThanOrEqual(bounds.bytes);
    }));
  });
});
