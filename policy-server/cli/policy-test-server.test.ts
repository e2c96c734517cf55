import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ADMIN_PASSWORD, startTestFleet, type TestFleet } from '../../tests/support/ctl.ts';

// `belayctl policy test --server` as a process, against a real belay-server.
const policy = (command: string): string => `apiVersion: belay/v1
kind: Policy
metadata: { name: developers }
rules:
  - { name: look, who: ["group:developers"], run: [{ command: ${command} }], then: allow }
  - { name: the way back, recovery: true, who: ["group:belay-recovery"], run: any, then: ask, require: { reauth: true } }
`;
const look = `apiVersion: belay/v1
kind: PolicyTest
metadata: { name: daily }
policies: [not-sent.yaml]
cases:
  - { name: a developer looks, who: ada, groups: [developers], run: [/usr/bin/id], expect: { decision: allow, by: [developers/look] } }
`;

let fleet: TestFleet;
let cases: string;
let first: string;
beforeAll(async () => {
  fleet = await startTestFleet();
  await fleet.ctl(['login', '--server', fleet.url, '--user', 'admin', '--ca', fleet.ca], { input: `${ADMIN_PASSWORD}\n` });
  cases = join(fleet.folder, 'cases');
  mkdirSync(cases);
  writeFileSync(join(cases, 'daily.test.yaml'), look);
  const apply = async (name: string, command: string): Promise<string> => {
    writeFileSync(join(fleet.folder, name), policy(command));
    return String((await fleet.ask<{ version: number }>(['policy', 'apply', '-f', join(fleet.folder, name), '--prune'])).version);
  };
  first = await apply('first.yaml', '/usr/bin/id');
  await apply('second.yaml', '/usr/bin/wc');
});
afterAll(() => fleet.close());

test('cases are decided by what is in force there, or was; what the files name is not asked for', async () => {
  const now = await fleet.ctl(['policy', 'test', cases, '--server']);
  expect([now.code, now.stderr]).toEqual([11, '']);
  expect(now.stdout).toContain('  FAIL  a developer looks  (');
  expect(now.stdout).toContain('decision: expected allow, got deny');
  expect(now.stdout).toContain('developers/look (allow) does not hold: run does not hold: wants /usr/bin/wc');
  const then = await fleet.ctl(['policy', 'test', cases, '--server', '--version', first, '--coverage']);
  expect([then.code, then.stderr]).toEqual([0, '']);
  expect(then.stdout).toContain('1 case, all passed.\n');
  expect(then.stdout).toMatch(/^1 +1 +developers\/look +.*first\.yaml$/m);
  expect(then.stdout).toContain('1 of 2 rules held in a case: 50 %.');
});

test('--version after a command is the policies\', before it the program\'s', async () => {
  expect(await fleet.ctl(['policy', 'show', 'developers', '--version', first])).toMatchObject({ code: 0, stdout: policy('/usr/bin/id') });
  expect(await fleet.ctl(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test('what is wrong is told before anything is sent; an unknown version is not told from a forbidden one', async () => {
  writeFileSync(join(fleet.folder, 'broken.test.yaml'), look.replace('expect', 'expects'));
  expect(await fleet.ctl(['policy', 'test', join(fleet.folder, 'broken.test.yaml'), '--server'])).toMatchObject({ code: 7, stdout: '', stderr: expect.stringContaining('broken.test.yaml:6') });
  expect(await fleet.ctl(['policy', 'test', cases, '--server', '--version', '99'])).toMatchObject({ code: 5 });
  expect(await fleet.ctl(['policy', 'test', cases, '--version', first])).toMatchObject({ code: 2, stderr: expect.stringContaining('add --server') });
  expect(await fleet.ctl(['policy', 'test', cases, '--server'], { env: { HOME: '/nonexistent' } })).toMatchObject({ code: 4 });
});
