import { expect, test } from '@jest/globals';
import type { ByteString } from '@belay/core/bytes';
import type { Account, Accounts, Actor, Group } from '../platform/platform.ts';
import { readRunAs } from './run-as.ts';

const users: readonly Account[] = [
  { name: 'root', uid: 0, gid: 0, home: '/root' as ByteString, shell: '/bin/bash' as ByteString },
  { name: 'alice', uid: 2001, gid: 2001, home: '/home/alice' as ByteString, shell: '/bin/bash' as ByteString },
  { name: 'bob', uid: 2002, gid: 2002, home: '/home/bob' as ByteString, shell: '/bin/bash' as ByteString },
];
const groups: readonly Group[] = [
  { name: 'root', gid: 0, members: [] },
  { name: 'bob', gid: 2002, members: [] },
  { name: 'developers', gid: 3000, members: ['bob'] },
];
const accounts: Accounts = {
  userByName: (name) => users.find((user) => user.name === name),
  userById: (uid) => users.find((user) => user.uid === uid),
  groupByName: (name) => groups.find((group) => group.name === name),
  groupById: (gid) => groups.find((group) => group.gid === gid),
  groupsOf: (account) => [account.gid, ...groups.filter((group) => group.members.includes(account.name)).map((group) => group.gid)],
};
const alice: Actor = { pid: 1, realUid: 2001, realGid: 2001, groups: [2001], effectiveUid: 0, loginSession: { sessionId: 1, leaderStart: 1, terminal: 0 } };
const read = (user: string | undefined, group?: string) => readRunAs(user as ByteString | undefined, group as ByteString | undefined, alice, accounts);

test('without -u it is root; with -g alone the requester', () => {
  expect(read(undefined)).toMatchObject({ ok: true, value: { runAs: { uid: 0, gid: 0, userName: 'root', groupName: 'root' } } });
  expect(read(undefined, 'developers')).toMatchObject({ ok: true, value: { runAs: { uid: 2001, gid: 3000, groups: [3000, 2001] } } });
});

test('a name or # and a number name the same account', () => {
  expect(read('#2002')).toEqual(read('bob'));
  expect(read('bob', '#3000')).toEqual(read('bob', 'developers'));
  expect(read('bob')).toMatchObject({ ok: true, value: { runAs: { uid: 2002, gid: 2002, groups: [2002, 3000] } } });
});

// T-01
test.each([
  '', '-1', '#-1', '#', '#0x0', '0x0', '0', '#00', '#+0', '# 0', '#0 ', '#4294967295', '#4294967296', '#18446744073709551616', '#1e0', '#٠', 'rооt', 'root\u00a0', 'root ',
  ' root', 'root:', 'ROOT', 'root\n', '#2001.0', '##0', 'nobody-here', '#9999', '2001', 'root,alice', '../root',
])('%j is nobody, and never root', (typed) => {
  const asBytes = Buffer.from(typed, 'utf8').toString('latin1');
  expect(read(asBytes)).toMatchObject({ ok: false });
  expect(read('bob', asBytes)).toMatchObject({ ok: false });
});
