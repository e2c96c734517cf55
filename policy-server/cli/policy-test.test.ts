import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { nodeArguments } from '../../tests/support/programs.ts';

// `belayctl policy test` as a process of its own, without a server, a session or a home.
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-policy-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

function ctl(...args: readonly string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, nodeArguments('belayctl', ['policy', ...args]), {
    cwd: folder, encoding: 'utf8', timeout: 60_000, env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
  });
  return { code: status, stdout, stderr };
}

function files(texts: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const policy = `apiVersion: belay/v1
kind: Policy
metadata: { name: developers }
rules:
  - { name: look, who: ["group:developers"], run: [{ command: /usr/bin/id }], then: allow }
  - { name: install, who: ["group:developers"], run: [{ command: /usr/bin/apt-get, args: [install, "*"] }], then: ask, require: { reason: true } }
`;
const cases = (list: string, more = ''): string => `apiVersion: belay/v1\nkind: PolicyTest\nmetadata: { name: daily, description: What comes up. }\n${more}cases:\n${list}`;
const look = '  - { name: a developer looks, who: ada, groups: [developers], run: [/usr/bin/id], expect: { decision: allow, by: [developers/look] } }\n';
const wrong = '  - { name: anybody installs, who: bob, run: [/usr/bin/apt-get, install, vim], expect: ask }\n';

test('what holds ends with 0, a line each case', () => {
  files({ 'p/developers.yaml': policy, 'p/developers.test.yaml': cases(look) });
  expect(ctl('test', 'p')).toEqual({ code: 0, stderr: '', stdout: 'p/developers.test.yaml  daily: What comes up.\n  ok    a developer looks\n\n1 case, all passed.\n' });
  expect(ctl('test')).toMatchObject({ code: 0, stdout: expect.stringContaining('p/developers.test.yaml') });
});

test('what does not ends with 11, and says what came instead and why', () => {
  files({ 'p/developers.yaml': policy, 'p/developers.test.yaml': cases(look + wrong) });
  const ran = ctl('test', 'p/developers.test.yaml');
  expect([ran.code, ran.stderr]).toEqual([11, '']);
  expect(ran.stdout.split('\n').slice(2, 5)).toEqual([
    '  FAIL  anybody installs  (p/developers.test.yaml:6)',
    '          decision: expected ask, got deny',
    expect.stringMatching(/^ {12}developers\/install \(ask\) does not hold: who does not hold: wants group:developers; bob \(uid \d+, groups \d+\)$/),
  ]);
  expect(ran.stdout).toMatch(/\n2 cases, 1 failed\.\n$/);
});

describe('coverage', () => {
  test('tells how often each rule held, and which never', () => {
    files({ 'p/developers.yaml': policy, 'p/developers.test.yaml': cases(look) });
    const ran = ctl('test', 'p', '--coverage');
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('HELD   DECIDED  RULE                FILE\n1      1        developers/look     p/developers.yaml\nnever  0        developers/install  p/developers.yaml\n1 of 2 rules held in a case: 50 %.\n');
  });

  test('below what is wanted ends with 11', () => {
    files({ 'p/developers.yaml': policy, 'p/developers.test.yaml': cases(look) });
    expect(ctl('test', 'p', '--min-coverage', '50')).toMatchObject({ code: 0, stderr: '' });
    expect(ctl('test', 'p', '--min-coverage', '51')).toMatchObject({ code: 11, stderr: 'belayctl: 50 % of the rules held in a case; --min-coverage wants 51 %\n' });
    expect(ctl('test', 'p', '--min-coverage', '101')).toMatchObject({ code: 2 });
  });

  test('of one policy that two suites test is counted once', () => {
    files({ 'p/developers.yaml': policy, 'p/a.test.yaml': cases(look), 'tests/b.test.yaml': cases(wrong.replace('bob', 'ada, groups: [developers]'), 'policies: [../p/developers.yaml]\n') });
    expect(ctl('test', '--coverage')).toMatchObject({ code: 0, stdout: expect.stringContaining('2 of 2 rules held in a case: 100 %.') });
  });
});

test('JSON and JUnit say the same', () => {
  files({ 'p/developers.yaml': policy, 'p/developers.test.yaml': cases(look + wrong) });
  const ran = ctl('test', 'p', '--json', '--junit', 'results.xml');
  expect(ran.code).toBe(11);
  const report = JSON.parse(ran.stdout) as { ok: boolean; passed: number; failed: number; coverage: { percent: number }; suites: { cases: { name: string; passed: boolean; outcome: { decision: string } }[] }[] };
  expect([report.ok, report.passed, report.failed, report.coverage.percent]).toEqual([false, 1, 1, 50]);
  expect(report.suites[0]?.cases.map(({ name, passed, outcome }) => [name, passed, outcome.decision])).toEqual([['a developer looks', true, 'allow'], ['anybody installs', false, 'deny']]);
  const xml = readFileSync(join(folder, 'results.xml'), 'utf8');
  expect(xml).toContain('<testsuites name="belayctl policy test" tests="2" failures="1" errors="0" skipped="0">');
  expect(xml).toContain('message="decision: expected ask, got deny"');
  expect(ctl('test', 'p', '--junit', 'nowhere/results.xml')).toMatchObject({ code: 1, stderr: expect.stringContaining('Cannot write nowhere/results.xml') });
});

test('faulty files end with 7, every error of them told, and nothing is run', () => {
  files({ 'p/developers.yaml': policy.replace('look, who', 'look, wo'), 'p/a.test.yaml': cases(look), 'p/b.test.yaml': cases(look.replace('expect', 'expct')), 'p/c.test.yaml': `${cases(look)}]` });
  const ran = ctl('test', 'p');
  expect([ran.code, ran.stdout]).toEqual([7, '']);
  expect(ran.stderr).toMatch(/^p\/b\.test\.yaml:5:\d+: Unknown key "expct"\. Did you mean expect\?/m);
  expect(ran.stderr).toMatch(/^p\/c\.test\.yaml:\d+:\d+: /m);
  expect(ran.stderr).toMatch(/^p\/developers\.yaml:5:\d+: Unknown key "wo"\. Did you mean who\?/m);
  expect(JSON.parse(ctl('test', 'p', '--json').stdout)).toMatchObject({ ok: false, problems: expect.arrayContaining([expect.objectContaining({ file: 'p/developers.yaml', line: 5 })]) });
});

test('nothing to run, or nothing to run against, is wrong usage', () => {
  files({ 'p/developers.yaml': policy, 'q/a.test.yaml': cases(look), 'r/a.test.yaml': cases(look, 'policies: [absent.yaml]\n') });
  expect(ctl('test', 'p')).toMatchObject({ code: 2, stderr: expect.stringContaining('No files of cases (kind: PolicyTest) in p.') });
  expect(ctl('test', 'q')).toMatchObject({ code: 2, stderr: expect.stringContaining('there are no policy files beside it') });
  expect(ctl('test', 'r')).toMatchObject({ code: 2, stderr: expect.stringContaining('r/absent.yaml') });
  expect(ctl('test', 'absent')).toMatchObject({ code: 2 });
});

test('a folder of policies may hold their cases: they are left out of it; named by itself, a file of cases is refused', () => {
  const plain = policy.replace(/^ {2}- \{ name: install.*\n/m, '');
  files({ 'p/developers.yaml': plain, 'p/developers.test.yaml': cases(look) });
  expect(ctl('check', '-f', 'p')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1 policy\b/) });
  expect(ctl('check', '-f', 'p/developers.test.yaml')).toMatchObject({ code: 2, stderr: expect.stringContaining('run them with "belayctl policy test"') });
  files({ 'p/mixed.yaml': `${plain.replace('developers }', 'mixed }')}---\n${cases(look)}` });
  expect(ctl('check', '-f', 'p')).toMatchObject({ code: 7, stderr: expect.stringContaining('This is a file of cases, no policy') });
});

test('what others typed is inert', () => {
  const nasty = '\\e]0;owned\\a\\u202e<b>';
  files({ 'p/developers.yaml': policy, 'p/a.test.yaml': cases(`  - { name: plain, who: ada, run: ["/usr/bin/${nasty}"], expect: { decision: allow, message: "${nasty}" } }\n`) });
  const ran = ctl('test', 'p', '--junit', 'r.xml');
  expect(ran.code).toBe(11);
  expect(ran.stdout).toContain('owned');
  for (const text of [ran.stdout, readFileSync(join(folder, 'r.xml'), 'utf8')]) expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]|<b>[^|]*<\/b>/u);
  expect(readFileSync(join(folder, 'r.xml'), 'utf8')).toContain('&lt;b&gt;');
});
