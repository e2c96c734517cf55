import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { ByteString } from '@belay/core/bytes';
import { createAccounts } from './accounts.ts';
import { usesDirectory, withDirectory } from './directory-accounts.ts';
import { createNameService, type Finders } from './name-service.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-directory-'));
  writeFileSync(join(folder, 'passwd'), 'root:x:0:0:root:/root:/bin/bash\nalice:x:1001:1001::/home/alice:/bin/bash\n');
  writeFileSync(join(folder, 'group'), 'root:x:0:\nalice:x:1001:\nlocal:x:2001:alice,dora\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

const user = (name: string, uid: number) => ({ name, uid, gid: uid, home: '/home/x' as ByteString, shell: '/bin/sh' as ByteString });
const group = (name: string, gid: number) => ({ name, gid, members: [] });
const directoryUsers = [user('dora', 5001), user('root', 5000), user('evil', 0), user('alice', 5003)];
const directoryGroups = [group('staff', 6001), group('local', 6002), group('zero', 0)];
const asked: string[] = [];
const finders: Finders = {
  userByName: async (name) => (asked.push(name), directoryUsers.find((each) => each.name === name) ?? 'absent'),
  userById: async (uid) => directoryUsers.find((each) => each.uid === uid) ?? 'absent',
  groupByName: async (name) => (asked.push(name), directoryGroups.find((each) => each.name === name) ?? 'absent'),
  groupById: async (gid) => directoryGroups.find((each) => each.gid === gid) ?? 'absent',
  groupsOf: async ({ name, gid }) => (name === 'dora' ? [gid, 6001] : [gid]),
};

async function open() {
  asked.length = 0;
  const names = createNameService({ bootMs: () => 0, finders });
  const accounts = withDirectory(createAccounts(join(folder, 'passwd'), join(folder, 'group')), names);
  accounts.keep({ users: ['dora', 'root', 'evil', 'nobody-at-all'], groups: ['staff', 'local', 'zero'] });
  await names.settled(AbortSignal.timeout(60_000));
  return { accounts, names };
}

test('whom the files do not have the directory may know, and what policy names is known ahead', async () => {
  const { accounts, names } = await open();
  expect(accounts.userByName('dora')?.uid).toBe(5001);
  expect(accounts.groupByName('staff')?.gid).toBe(6001);
  expect([accounts.userByName('nobody-at-all'), accounts.groupByName('nowhere')]).toEqual([undefined, undefined]);
  names.close();
});

test('SECURITY(T-01): nobody of a directory passes for somebody of the machine, by name or by number', async () => {
  const { accounts, names } = await open();
  expect(accounts.userByName('root')).toMatchObject({ uid: 0, home: '/root' });
  expect(accounts.userByName('alice')?.uid).toBe(1001);
  expect([accounts.userByName('evil'), accounts.groupByName('zero')]).toEqual([undefined, undefined]);
  expect(accounts.groupByName('local')?.gid).toBe(2001);
  accounts.userById(5003);
  await names.settled(AbortSignal.timeout(60_000));
  expect(accounts.userById(5003)).toBeUndefined();
  // Of the machine's own nobody else was asked.
  expect(asked).toEqual(['dora', 'evil', 'nobody-at-all', 'staff', 'zero']);
  names.close();
});

test('the groups of an account are those of the machine, and for one of the directory the directory\'s as well', async () => {
  const { accounts, names } = await open();
  const [alice, dora] = [accounts.userByName('alice')!, accounts.userByName('dora')!];
  accounts.groupsOf(dora);
  await names.settled(AbortSignal.timeout(60_000));
  expect(accounts.groupsOf(alice)).toEqual([1001, 2001]);
  expect(accounts.groupsOf(dora)).toEqual([5001, 2001, 6001]);
  names.close();
});

test.each([
  ['passwd: files\ngroup: files\n', false],
  ['passwd: files systemd\ngroup: files systemd\nshadow: files sss\n', false],
  ['passwd:         files systemd sss\ngroup: files\n', true],
  ['passwd: files\ngroup: files [success=merge] ldap\n', true],
  ['passwd: files # sss\ngroup: files\n', false],
  ['', false],
])('nsswitch.conf %j names a directory: %s', (text, expected) => {
  const path = join(folder, 'nsswitch.conf');
  writeFileSync(path, text);
  expect(usesDirectory(path)).toBe(expected);
});

test('without nsswitch.conf there is none', () => expect(usesDirectory(join(folder, 'none'))).toBe(false));
