import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createAccounts } from './accounts.ts';

let folder: string;
let passwd: string;
let group: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-accounts-'));
  passwd = join(folder, 'passwd');
  group = join(folder, 'group');
  writeFileSync(passwd, 'root:x:0:0:root:/root:/bin/bash\nalice:x:2001:2001::/home/alice:\ntoor:x:0:0::/:/bin/sh\nbad:x:-1:0::/:/bin/sh\nworse:x:4294967295:0::/:/bin/sh\nshort:x:5\n+nis::::::\n');
  writeFileSync(group, 'root:x:0:\nalice:x:2001:\ndevelopers:x:3000:bob,alice\nbob:x:2002:alicex\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('users and groups are found by name and id; of two with one id the first counts', () => {
  const accounts = createAccounts(passwd, group);
  expect(accounts.userByName('alice')).toMatchObject({ uid: 2001, gid: 2001, home: '/home/alice', shell: '/bin/sh' });
  expect(accounts.userById(0)?.name).toBe('root');
  expect(accounts.groupByName('developers')).toMatchObject({ gid: 3000, members: ['bob', 'alice'] });
  expect(accounts.groupById(2002)?.name).toBe('bob');
});

test('lines with ids that are none are no accounts', () => {
  const accounts = createAccounts(passwd, group);
  for (const name of ['bad', 'worse', 'short', '+nis', '']) expect(accounts.userByName(name)).toBeUndefined();
  expect(accounts.userById(4294967295)).toBeUndefined();
});

test('the groups of an account are its own and those that list it by its whole name', () => {
  const accounts = createAccounts(passwd, group);
  const alice = accounts.userByName('alice');
  expect(alice === undefined ? [] : [...accounts.groupsOf(alice)]).toEqual([2001, 3000]);
});

test('a replaced file is seen; an absent one has nobody in it', async () => {
  const accounts = createAccounts(passwd, group);
  expect(accounts.userByName('carol')).toBeUndefined();
  writeFileSync(`${passwd}.new`, 'carol:x:7:7::/:/bin/sh\n');
  renameSync(`${passwd}.new`, passwd);
  // The same in one turn, and looked at again in the next.
  expect(accounts.userByName('carol')).toBeUndefined();
  await Promise.resolve();
  expect(accounts.userByName('carol')?.uid).toBe(7);
  expect(accounts.userByName('alice')).toBeUndefined();
  expect(createAccounts(join(folder, 'none'), join(folder, 'none')).userById(0)).toBeUndefined();
});
