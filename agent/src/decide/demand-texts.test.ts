import { expect, test } from '@jest/globals';
import { NO_DEMANDS } from '@belay/core/policy';
import { demandTexts } from './demand-texts.ts';

test('demands are said as people say them', () => {
  expect(demandTexts(NO_DEMANDS)).toEqual([]);
  expect(demandTexts({
    reason: { minLength: 10, patterns: [], suggestions: [] },
    reauth: { maxAgeMs: 300_000 },
    confirm: true,
    approval: [{ from: ['role:approver', 'manager'], count: 2, withinMs: 1_800_000 }, { from: ['user:bob'], count: 1, withinMs: 7_200_000 }],
  })).toEqual(['a reason (at least 10 characters)', 'your password, unless it was given in the last 5 min', 'your yes', '2 approvals from role:approver or manager within 30 min', '1 approval from user:bob within 2 h']);
  expect(demandTexts({ ...NO_DEMANDS, reason: { minLength: 1, patterns: [], suggestions: [] }, reauth: { maxAgeMs: 0 } })).toEqual(['a reason', 'your password']);
});
