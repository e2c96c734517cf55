import { expect, test } from '@jest/globals';
import { type CompiledPolicy, loadPolicySet, NO_DEMANDS, NO_OBLIGATIONS, STRICT_FAILURES } from '@belay/core/policy';
import { createHeartbeat, createServerContact, heartbeatMs } from './server-contact.ts';

const HOUR = 3_600_000;

test('the silence is counted from what was last heard, in this run or an earlier one; never heard is not known', () => {
  const time = { wall: 10 * HOUR, boot: 1000 };
  const clock = { now: () => time.wall, boot: () => time.boot };
  expect(createServerContact(clock, () => undefined).silentMs()).toBeUndefined();
  const contact = createServerContact(clock, () => 7 * HOUR);
  expect(contact.silentMs()).toBe(3 * HOUR);
  contact.heard();
  expect(contact.silentMs()).toBe(0);
  time.wall += HOUR;
  time.boot += HOUR;
  expect(contact.silentMs()).toBe(HOUR);
});

test('a clock that is set back does not shorten it', () => {
  const time = { wall: 10 * HOUR, boot: 1000 };
  const contact = createServerContact({ now: () => time.wall, boot: () => time.boot }, () => undefined);
  contact.heard();
  time.wall -= 5 * HOUR;
  time.boot += 2 * HOUR;
  expect(contact.silentMs()).toBe(2 * HOUR);
});

function setWith(...after: readonly (number | undefined)[]) {
  const rules = after.map((afterMs, at): CompiledPolicy['rules'][number] => ({
    name: `${at}`, then: 'deny', priority: 0, who: { any: true, is: [], not: [] }, run: { any: true, is: [], not: [] }, as: { users: 'any', groups: 'any' }, circumstances: {}, when: undefined,
    demands: NO_DEMANDS, obligations: NO_OBLIGATIONS, failures: { ...STRICT_FAILURES, serverUnreachable: afterMs === undefined ? undefined : { afterMs, then: 'deny' } }, message: undefined, recovery: false,
  }));
  return loadPolicySet([{ name: 'p', description: '', targets: { any: true, is: [], not: [] }, mode: 'enforce', rules }]);
}

test('who has nothing to say says so four times in the shortest silence that a rule bears', () => {
  expect(heartbeatMs(setWith(undefined))).toBeUndefined();
  expect(heartbeatMs(setWith(8 * HOUR, 4 * HOUR, undefined))).toBe(HOUR);
  expect(heartbeatMs(setWith(1000))).toBe(60_000);
});

test('nothing is said while it is not wanted, not yet due, or another event still waits for its receipt', () => {
  const said: string[] = [];
  const chain = { durableSeq: 5, receipted: 5 };
  const now = { silent: 2 * HOUR, after: 4 * HOUR as number | undefined };
  const heart = createHeartbeat({
    journal: { chain, append: ({ type }) => void said.push(type) },
    contact: { silentMs: () => now.silent },
    policy: () => setWith(now.after),
  });
  heart.beat();
  expect(said).toEqual(['agent.heartbeat']);
  chain.durableSeq = 6;
  heart.beat();
  chain.receipted = 6;
  now.silent = HOUR / 2;
  heart.beat();
  now.silent = 2 * HOUR;
  now.after = undefined;
  heart.beat();
  heart.stop();
  expect(said).toHaveLength(1);
});
