import { expect, test } from '@jest/globals';
import { sha256 } from '../../node/crypto.ts';
import { budgetState, leftMs, newBudget, proven, refund, spend, withinGrant } from './budget.ts';
import { loginSessionDigest } from './login-session.ts';

const at = (bootMs: number, bootId = 'one') => ({ bootId, bootMs });
const grant = { uses: 2, expiresAt: 100_000 };
const fresh = newBudget(grant, 40_000, at(5_000));

test('what is left is counted from the time since boot', () => {
  expect(fresh).toEqual({ usesLeft: 2, bootId: 'one', deadlineMs: 65_000 });
  expect(budgetState(fresh, at(64_999))).toBe('live');
  expect(budgetState(fresh, at(65_000))).toBe('expired');
  expect(leftMs(fresh, at(64_000))).toBe(1000);
  expect(leftMs(fresh, at(99_000))).toBe(0);
});

test('in another boot nobody knows, until the server\'s time says so', () => {
  expect(budgetState(fresh, at(5_001, 'two'))).toBe('suspended');
  expect(leftMs(fresh, at(5_001, 'two'))).toBe(0);
  const again = proven(fresh, grant, 90_000, at(300, 'two'));
  expect(again).toEqual({ usesLeft: 2, bootId: 'two', deadlineMs: 10_300 });
  expect(budgetState(proven(fresh, grant, 100_000, at(300, 'two')), at(300, 'two'))).toBe('expired');
});

test('a proof in the same boot shortens and never lengthens', () => {
  expect(proven(fresh, grant, 60_000, at(5_000)).deadlineMs).toBe(45_000);
  expect(proven(fresh, grant, 0, at(5_000)).deadlineMs).toBe(65_000);
});

test('uses are spent, given back and never more than were granted', () => {
  const one = spend(fresh);
  expect([one.usesLeft, spend(one).usesLeft, budgetState(spend(one), at(0))]).toEqual([1, 0, 'used']);
  expect(refund(one, grant).usesLeft).toBe(2);
  expect(refund(fresh, grant).usesLeft).toBe(2);
  expect(withinGrant({ ...fresh, usesLeft: 99 }, grant).usesLeft).toBe(2);
  expect(withinGrant({ ...fresh, usesLeft: undefined }, grant).usesLeft).toBe(0);
  expect(withinGrant({ ...fresh, usesLeft: -1 }, grant).usesLeft).toBe(0);
});

test('without a limit there is none', () => {
  const free = newBudget({ expiresAt: 10 }, 0, at(0));
  expect([free.usesLeft, spend(free).usesLeft, refund(free, {}).usesLeft, withinGrant({ ...free, usesLeft: 1 }, {}).usesLeft]).toEqual([undefined, undefined, undefined, undefined]);
});

test('a login session is user, session, leader, terminal and boot (T-12)', () => {
  const session = { sessionId: 9, leaderStart: 8, terminal: 7 };
  const digest = (uid: number, changes: object = {}, boot = 'one') => Buffer.from(loginSessionDigest(uid, { ...session, ...changes }, boot, sha256) ?? []).toString('hex');
  expect(digest(1)).toHaveLength(64);
  expect(digest(1)).toBe(digest(1));
  const others = [digest(2), digest(1, { sessionId: 1 }), digest(1, { leaderStart: 1 }), digest(1, { terminal: 1 }), digest(1, {}, 'two')];
  expect(new Set([digest(1), ...others]).size).toBe(6);
  expect(digest(1, { leaderStart: 0 })).toBe('');
});
