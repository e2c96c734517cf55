import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ADMIN_PASSWORD, startTestFleet, type TestFleet } from '../../tests/support/ctl.ts';
import { scriptOf } from './commands/policy-questions.ts';

// Each command is a process of its own.
const POLICY = `apiVersion: belay/v1
kind: Policy
metadata: { name: packages }
targets: { devices: ["group:engineering"] }
rules:
  - { name: install, who: ["group:developers", "!group:contractors"], run: [{ command: /usr/bin/apt-get, args: [install, "**"] }], during: { from: "08:00", to: "18:00" }, then: ask, require: { reason: { minLength: 8 } }, limits: { duration: 15m } }
  - { name: no interns, who: ["group:interns"], run: [{ command: /usr/bin/apt-get }], then: deny, message: Frag zuerst – bitte. }
`;
const OTHER = `apiVersion: belay/v1
kind: Policy
metadata: { name: elsewhere }
targets: { devices: ["group:kiosks"] }
rules:
  - { name: nothing, run: [{ command: /usr/bin/apt-get }], then: deny }
`;

let fleet: TestFleet;
let file: string;

beforeAll(async () => {
  fleet = await startTestFleet();
  file = join(fleet.folder, 'packages.yaml');
  writeFileSync(file, POLICY);
  expect(await fleet.ctl(['login', '--server', fleet.url, '--user', 'admin', '--ca', fleet.ca], { input: `${ADMIN_PASSWORD}\n` })).toMatchObject({ code: 0 });
  expect(await fleet.ctl(['policy', 'apply', '-f', '-'], { input: `${POLICY}---\n${OTHER}` })).toMatchObject({ code: 0 });
});
afterAll(() => fleet.close());

const offline = { HOME: '/nonexistent', LANG: 'C.UTF-8' };
const APT = ['--', '/usr/bin/apt-get', 'install', 'vim'];
const ADA = ['--user', 'ada', '--groups', 'developers', '--device-groups', 'engineering', '--at', '2026-03-04T07:50:00Z'];

test('explain, offline: the decision, each condition ticked, and by how little the nearest rule failed', async () => {
  const ran = await fleet.ctl(['policy', 'explain', ...ADA, '--files', file, ...APT], { env: offline });
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toBe(`deny: no rule allows it
  ada (developers): /usr/bin/apt-get install vim as root, on a device in engineering, at 2026-03-04T07:50:00Z
  by the files given

Nearest rules that do not hold:

packages/install (ask) does not hold
  ✓ text        paths, arguments and environment are valid UTF-8
  ✓ in force    the policy has not expired
  ✓ who         group:developers, !group:contractors
  ✓ command     /usr/bin/apt-get install **
  ✓ run as      root : root
  ✗ during      wants 08:00 to 18:00; found Wednesday 07:50, 10 min before it begins
  ✓ file        only root can write the file and its folders, or the rule pins its SHA-256

packages/no interns (deny) does not hold
  ✗ who         wants group:interns; found ada, in developers
  ✓ command     /usr/bin/apt-get
  ✓ run as      any : any

Whoever asks is told: deny; no rule; the request's number
`);
});

test('explain asks the server by the version in force, and says what is not for the device and what the requester is told', async () => {
  const ran = await fleet.ctl(['policy', 'explain', ...ADA, '--groups', 'interns', ...APT]);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toContain('deny: refused by packages/no interns\n');
  expect(ran.stdout).toContain('by policy version 2\n');
  expect(ran.stdout).toContain('Not for this device: elsewhere\n');
  expect(ran.stdout).toContain('told: deny; by packages/no interns; "Frag zuerst \\u{2013} bitte."; the request\'s number\n');
  // eslint-disable-next-line no-control-regex -- that is the point
  expect(ran.stdout).toMatch(/^[\n -~]*$/);
  const json = await fleet.ask<{ version: number; device: null; outcome: object; rules: readonly { part: string }[] }>(['policy', 'explain', ...ADA, '--at', '2026-03-04T09:00:00Z', '/usr/bin/apt-get', 'install', 'vim']);
  expect(json).toMatchObject({ version: 2, device: null, outcome: { decision: 'ask', by: ['packages/install'] }, rules: [{ part: 'decided' }, { part: 'does-not-hold' }, { rule: { policy: 'recovery' } }] });
  expect(await fleet.ctl(['policy', 'explain', '--device', 'absent', ...APT])).toMatchObject({ code: 5 });
  expect(await fleet.ctl(['policy', 'explain', '--version', '99', ...APT])).toMatchObject({ code: 5 });
});

test('explain takes a request from a file, as it stands in a file of cases', async () => {
  const request = join(fleet.folder, 'request.yaml');
  writeFileSync(request, 'world: { device: { groups: [engineering] }, files: { /usr/bin/apt-get: { writable: true } } }\ncase: { name: unsafe, who: ada, groups: [developers], run: [/usr/bin/apt-get, install], at: 2026-03-04T09:00:00Z, expect: deny }\n');
  const asked = ['policy', 'explain', '--request', request, '--json'];
  const [there, here] = [await fleet.ctl(asked), await fleet.ctl([...asked, '--files', file], { env: offline })];
  expect(JSON.parse(there.stdout)).toMatchObject({ version: 2, outcome: { decision: 'deny', reason: 'unsafe-file', by: ['packages/install'] } });
  const { version, elsewhere, rules, ...rest } = JSON.parse(there.stdout) as Record<string, unknown> & { rules: readonly { rule: { policy: string } }[] };
  expect([version, elsewhere]).toEqual([2, ['elsewhere']]);
  expect(JSON.parse(here.stdout)).toEqual({ ...rest, rules: rules.filter(({ rule }) => rule.policy !== 'recovery'), version: null, elsewhere: [] });
  writeFileSync(request, 'case: { who: ada, run: [apt-get] }\n');
  expect(await fleet.ctl(asked)).toMatchObject({ code: 2, stderr: expect.stringContaining('case.run.0') });
});

test('who-can names everybody that rules name, and what stands against it, offline and by the server', async () => {
  const expected = `group:developers: ask by packages/install
  command  /usr/bin/apt-get install **
  run as   root : root
  devices  group:engineering
  except   group:contractors
  if       08:00 to 18:00
  first    a reason of 8 characters or more
  limit    for at most 15m
  unless   packages/no interns denies it, if group:interns
`;
  const here = await fleet.ctl(['policy', 'who-can', '/usr/bin/apt-get', '--files', file], { env: offline });
  expect(here).toMatchObject({ code: 0, stderr: '', stdout: `/usr/bin/apt-get (any arguments) on any device, by the files given\n\n${expected}` });
  const there = await fleet.ctl(['policy', 'who-can', '/usr/bin/apt-get']);
  expect(there).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^\/usr\/bin\/apt-get \(any arguments\) on any device, by policy version 2\n/) });
  expect(there.stdout).toContain('unless   elsewhere/nothing denies it, if group:kiosks\n');
  expect((await fleet.ctl(['policy', 'who-can', '--', '/usr/bin/apt-get', 'remove', 'vim'])).stdout).not.toContain('packages/install');
  expect((await fleet.ctl(['policy', 'who-can', '/usr/bin/apt-get', '--bare'])).stdout).toContain('(no arguments) on any device');
});

test('who-can tells of one user whether they may, or what it depends on', async () => {
  const about = (...more: string[]) => fleet.ctl(['policy', 'who-can', '--user', 'ada', ...more, '--device-groups', 'engineering', '--files', file, '--', '/usr/bin/apt-get', 'install', 'vim'], { env: offline });
  expect((await about('--groups', 'developers')).stdout).toMatch(/^depends: ask or deny\n {2}ada \(developers\): .*\n\npackages\/install \(ask\) may hold\n(?:.*\n)* {2}\? during {6}wants 08:00 to 18:00 \(not known\)\n/);
  expect((await about('--groups', 'developers,interns')).stdout).toMatch(/^deny\n/);
  expect((await about('--groups', 'sales')).stdout).toMatch(/^deny\n(?:.*\n)*Nobody is entitled to it\.\n$/);
  const json = await fleet.ask<{ verdict: { answer: string }; entitlements: readonly object[] }>(['policy', 'who-can', '--user', 'ada=1001', '/usr/bin/apt-get']);
  expect(json).toMatchObject({ verdict: { answer: 'depends' }, entitlements: [{ who: ['group:developers'] }, { who: ['group:belay-recovery'] }] });
});

test('wrong usage and broken files are told as such', async () => {
  const broken = join(fleet.folder, 'broken.yaml');
  writeFileSync(broken, POLICY.replace('then: deny', 'then: perhaps'));
  for (const args of [['explain', '--files', broken, ...APT], ['who-can', '/usr/bin/apt-get', '--files', broken]]) {
    expect(await fleet.ctl(['policy', ...args], { env: offline })).toMatchObject({ code: 7, stdout: '', stderr: expect.stringMatching(/broken\.yaml:\d+:\d+: /) });
  }
  const wrong = [
    ['explain'], ['explain', '--', 'apt-get'], ['explain', '--at', 'noon', ...APT], ['explain', '--as', '', ...APT], ['explain', '--request', '/nonexistent'], ['explain', '--request', file, ...APT], ['explain', '--files', file, '--version', '1', ...APT],
    ['who-can'], ['who-can', 'apt-get'], ['who-can', '/usr/bin/x', '--groups', 'a'], ['who-can', '/usr/bin/x', 'y', '--bare'], ['who-can', '/usr/bin/x', '--device-groups', 'a'],
  ];
  for (const args of wrong) expect([args, (await fleet.ctl(['policy', ...args])).code]).toEqual([args, 2]);
});

test('what was typed is inert in the answer, and bytes that look like escapes stay what they are', async () => {
  const nasty = '\u001b]0;owned\u0007\u202etxt\n\\xff';
  for (const env of [{}, { LANG: 'C.UTF-8' }]) {
    for (const more of [[], ['--json']]) {
      const ran = await fleet.ctl(['policy', 'explain', ...ADA, ...more, '--files', file, '--', '/usr/bin/apt-get', nasty], { env });
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      expect(ran.stdout).toContain('owned');
      expect(ran.stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  }
  const { rules } = await fleet.ask<{ rules: readonly { criteria: readonly { criterion: string; truth: string }[] }[] }>(['policy', 'explain', ...ADA, '/usr/bin/apt-get', 'install', '\\xff']);
  expect(rules[0]?.criteria.find(({ criterion }) => criterion === 'bytes')?.truth).toBe('true');
});

test('signs where the locale is UTF-8, ASCII elsewhere', () => {
  for (const utf8 of [{ LANG: 'de_DE.UTF-8' }, { LC_ALL: 'C.utf8', LANG: 'C' }, { LC_CTYPE: 'en_GB.UTF-8' }]) expect(scriptOf(utf8).marks.true).toBe('✓');
  for (const plain of [{}, { LANG: 'C' }, { LC_ALL: 'POSIX', LANG: 'en_GB.UTF-8' }, { LC_ALL: '', LANG: 'en_GB.ISO-8859-1' }]) {
    const { marks, text } = scriptOf(plain);
    expect([marks.true, text('größer\u001b')]).toEqual(['+', String.raw`gr\u{f6}\u{df}er\x1b`]);
  }
});
