import { expect, test } from '@jest/globals';
import { approvalText } from './approval-text.ts';

test('the same demand is the same text, however it is written', () => {
  const text = approvalText({ from: ['user:bo', 'role:approver', 'user:bo'], count: 2, withinMs: 60_000 });
  expect(text).toBe('{"from":["role:approver","user:bo"],"count":2,"withinMs":60000}');
  expect(approvalText({ from: ['role:approver', 'user:bo'], count: 2, withinMs: 60_000, stage: 0, escalate: undefined })).toBe(text);
});

test.each([
  ['who', { from: ['manager'] }],
  ['how many', { count: 3 }],
  ['how long', { withinMs: 1 }],
  ['the stage', { stage: 1 }],
  ['the escalation', { escalate: { afterMs: 1000, to: ['role:approver'] } }],
])('another text: %s', (_name, change) => {
  const demand = { from: ['role:approver'], count: 2, withinMs: 60_000 };
  expect(approvalText({ ...demand, ...change })).not.toBe(approvalText(demand));
});
