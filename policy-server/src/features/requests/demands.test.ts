import { describe, expect, test } from '@jest/globals';
import { approvalText } from '@belay/core/grants';
import type { ApprovalDemand } from '@belay/core/policy';
import { approversText, type Demand, escalationOf, expiryOf, parseDemands, progressOf } from './demands.ts';

const demand = (from: readonly string[], count = 1, more: Partial<ApprovalDemand> = {}): Demand => {
  const made = { from, count, withinMs: 60_000, ...more };
  return { text: approvalText(made), demand: made };
};

describe('how far a request is', () => {
  test('each yes counts for one demand, as many as possible', () => {
    const demands = [demand(['role:approver']), demand(['group:security'])];
    // The first fits both and would take the place of the second, who fits one only.
    expect(progressOf(demands, [[0, 1]])).toEqual({ have: [1, 0], total: 1, need: 2, stage: 0, open: [1] });
    expect(progressOf(demands, [[0, 1], [0]])).toMatchObject({ total: 2, stage: undefined, open: [] });
    expect(progressOf(demands, [[0], [0]])).toMatchObject({ have: [1, 0], total: 1 });
    expect(progressOf([demand(['role:a'], 2), demand(['role:b'])], [[0, 1], [0, 1], [0]])).toMatchObject({ total: 3, stage: undefined });
  });

  test('a stage is asked once all before it are met', () => {
    const demands = [demand(['role:a'], 2, { stage: 1 }), demand(['role:b'])];
    expect(progressOf(demands, [])).toMatchObject({ need: 3, stage: 0, open: [1] });
    expect(progressOf(demands, [[1]])).toMatchObject({ stage: 1, open: [0] });
    expect(progressOf(demands, [[1], [0], [0]])).toMatchObject({ total: 3, stage: undefined });
  });

  test('it ends with the first demand that is not met, and is escalated by the stage that is asked', () => {
    const demands = [demand(['role:a'], 1, { withinMs: 10_000, escalate: { afterMs: 5000, to: ['role:z'] } }), demand(['role:b'], 1, { stage: 1, withinMs: 90_000 })];
    expect(expiryOf(demands, progressOf(demands, []), 1000)).toBe(11_000);
    expect(expiryOf(demands, progressOf(demands, [[0]]), 1000)).toBe(91_000);
    expect(escalationOf(demands, [0], [], 1000)).toBe(6000);
    expect(escalationOf(demands, [0], [0], 1000)).toBeNull();
    expect(escalationOf(demands, [1], [], 1000)).toBeNull();
    expect(approversText(demands, progressOf(demands, []), [0])).toBe('anybody with the role a, or anybody with the role z');
  });
});

test.each<[string, readonly string[]]>([
  ['none at all', []],
  ['not JSON', ['{']],
  ['nobody', ['{"from":[],"count":1,"withinMs":1}']],
  ['none of them', ['{"from":["manager"],"count":0,"withinMs":1}']],
  ['for ever', ['{"from":["manager"],"count":1,"withinMs":1e18}']],
  ['more than is known', ['{"from":["manager"],"count":1,"withinMs":1,"unless":"friday"}']],
  ['written otherwise than a grant would say it', ['{"count":1,"from":["manager"],"withinMs":1}']],
  ['too many', Array.from({ length: 17 }, (_, at) => approvalText({ from: ['manager'], count: 1, withinMs: at + 1 }))],
])('nobody can say yes to what demands %s', (_name, texts) => {
  expect(parseDemands(texts)).toBeUndefined();
});
