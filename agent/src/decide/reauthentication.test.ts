import { expect, test } from '@jest/globals';
import type { Actor } from '../platform/platform.ts';
import { createReauthentications } from './reauthentication.ts';

const at = (changes: { readonly uid?: number; readonly session?: number; readonly leader?: number; readonly terminal?: number } = {}): Actor => ({
  pid: 9, realUid: changes.uid ?? 2001, realGid: 2001, groups: [2001], effectiveUid: 0,
  loginSession: { sessionId: changes.session ?? 50, leaderStart: changes.leader ?? 700, terminal: changes.terminal ?? 34816 },
});

test('a password holds for one user in one login session at one terminal', () => {
  let now = 1000;
  const given = createReauthentications({ boot: () => now });
  given.record(at());
  now = 61_000;
  expect(given.ageMs(at())).toBe(60_000);
  // T-12
  for (const other of [{ uid: 2002 }, { session: 51 }, { leader: 701 }, { terminal: 34817 }]) expect(given.ageMs(at(other))).toBeUndefined();
});

test('a session whose leader is gone has none: its number may be another\'s tomorrow', () => {
  const given = createReauthentications({ boot: () => 1 });
  given.record(at({ leader: 0 }));
  expect(given.ageMs(at({ leader: 0 }))).toBeUndefined();
});

test('it can be forgotten here or everywhere, and by oneself only', () => {
  const given = createReauthentications({ boot: () => 1 });
  for (const actor of [at(), at({ session: 51 }), at({ uid: 20010 })]) given.record(actor);
  given.forget(at(), false);
  expect([at(), at({ session: 51 }), at({ uid: 20010 })].map((actor) => given.ageMs(actor))).toEqual([undefined, 0, 0]);
  given.forget(at(), true);
  expect([at({ session: 51 }), at({ uid: 20010 })].map((actor) => given.ageMs(actor))).toEqual([undefined, 0]);
});
