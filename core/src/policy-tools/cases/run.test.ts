import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sha256 } from '../../../node/crypto.ts';
import { formatProblems } from '../problem.ts';
import { parsePolicyDocuments } from '../parse.ts';
import { type Coverage, coverageOf } from './coverage.ts';
import { junitXml, xmlText } from './junit.ts';
import { loadCaseFile } from './load.ts';
import { runCases, type SuiteResult } from './run.ts';
import { type TestedPolicies, testedPolicies } from './tested.ts';

function tested(text: string): TestedPolicies {
  const parsed = parsePolicyDocuments([{ name: 'p.yaml', text }]);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  const policies = testedPolicies(parsed.value);
  if (!policies.ok) throw new Error(formatProblems(policies.error));
  return policies.value;
}

const policy = (name: string, rules: string, more = ''): string => `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: ${name} }\n${more}rules:\n${rules}`;

function run(policies: string, cases: string, world = ''): SuiteResult & { readonly coverage: Coverage } {
  const loaded = loadCaseFile({ name: 'c.yaml', text: `apiVersion: belay/v1\nkind: PolicyTest\nmetadata: { name: c }\n${world}cases:\n${cases}` });
  if (!loaded.ok) throw new Error(formatProblems(loaded.error));
  const all = tested(policies);
  const result = runCases(loaded.value[0]!, all, sha256);
  return { ...result, coverage: coverageOf([{ tested: all, held: result.held }]) };
}

const rules = `
  - { name: install, who: ["group:dev"], run: [{ command: /usr/bin/apt, args: [install, "*"] }], then: ask, require: { reason: { minLength: 5, pattern: "OPS-.*" }, reauth: 5m, approval: { from: [role:lead], count: 2, within: 1h } }, limits: { duration: 90m, umask: "077", writable: [/srv, /var] }, message: Say why. }
  - { name: all, who: any, run: any, then: allow, priority: -1, alert: low }
  - { name: no shell, run: [{ command: /usr/bin/sh }], then: deny, message: No. , alert: high }
  - { name: another, who: ["user:bob"], run: [{ command: /usr/bin/vi }], then: allow }
`;

/** What came out otherwise, \`WHAT: expected X, got Y\`. */
function off(expected: string, command = '[/usr/bin/apt, install, vim]'): readonly string[] {
  const { results } = run(policy('p', rules), `  - { name: x, who: ada, groups: [dev], run: ${command}, expect: ${expected} }\n`);
  return results[0]!.mismatches.map(({ what, expected: wanted, actual }) => `${what}: expected ${wanted}, got ${actual}`);
}

describe('a case expects as much as it says', () => {
  test.each([
    'ask',
    '{ decision: ask, by: [p/install], message: Say why., demands: { reason: true, reauth: 300s, confirm: false, approval: { count: 2 } } }',
    '{ decision: ask, demands: { reason: { pattern: "OPS-.*", suggestions: null }, approval: [{ from: ["role:lead"], within: 60m }] } }',
    '{ decision: ask, obligations: { duration: 5400s, uses: null, umask: "0077", writable: [/var, /srv], capabilities: null, sha256: false, cwd: null, environment: { keep: [], set: {} }, conflicts: null } }',
  ])('%s', (expected) => expect(off(expected)).toEqual([]));

  test.each([
    ['allow', 'decision: expected allow, got ask'],
    ['{ decision: ask, by: [p/all] }', 'by: expected p/all, got p/install'],
    ['{ decision: ask, by: [] }', 'by: expected an empty list, got p/install'],
    ['{ decision: ask, message: null }', 'message: expected none, got Say why.'],
    ['{ decision: ask, demands: { reason: false } }', 'demands.reason: expected none, got { minLength: 5, pattern: OPS-.*, suggestions: none }'],
    ['{ decision: ask, demands: { reauth: true } }', 'demands.reauth: expected true, got 5m'],
    ['{ decision: ask, demands: { reauth: 6m } }', 'demands.reauth: expected 6m, got 5m'],
    ['{ decision: ask, demands: { confirm: true } }', 'demands.confirm: expected true, got false'],
    ['{ decision: ask, demands: { approval: null } }', 'demands.approval: expected none, got { from: role:lead, count: 2, within: 1h, stage: 1, escalate: none }'],
    ['{ decision: ask, demands: { approval: [{ count: 2 }, { count: 2 }] } }', 'demands.approval: expected { count: 2 }, { count: 2 }, got { from: role:lead, count: 2, within: 1h, stage: 1, escalate: none }'],
    ['{ decision: ask, obligations: { duration: null } }', 'obligations.duration: expected none, got 90m'],
    ['{ decision: ask, obligations: { writable: [/srv] } }', 'obligations.writable: expected /srv, got /srv, /var'],
    ['{ decision: ask, obligations: { sha256: true } }', 'obligations.sha256: expected any, got none'],
    ['{ decision: ask, obligations: { environment: { set: { A: b } } } }', 'obligations.environment.set.A: expected b, got none'],
  ])('%s fails', (expected, told) => expect(off(expected)).toEqual([told]));

  test.each([
    ['[/usr/bin/sh]', '{ decision: deny, reason: denied-by-rule, by: [p/no shell], obligations: { alert: high } }', []],
    ['[/usr/bin/sh]', '{ decision: deny, reason: no-rule, obligations: { alert: none } }', ['reason: expected no-rule, got denied-by-rule', 'obligations.alert: expected none, got high']],
    ['[/usr/bin/id]', '{ decision: allow, obligations: { alert: low, argv0: /usr/bin/id } }', []],
  ])('of %s %s', (command, expected, told) => expect(off(expected, command)).toEqual(told));
});

describe('why a case failed', () => {
  const why = (expected: string, command: string): readonly string[] => run(policy('p', rules.replace(/ {2}- \{ name: all.*\n/, '')), `  - { name: x, who: ada, groups: [dev], run: ${command}, expect: ${expected} }\n`).results[0]!.why;

  test('what decided, and why what was expected did not hold', () => {
    expect(why('{ decision: allow, by: [p/another, p/instal] }', '[/usr/bin/sh]')).toEqual([
      'p/no shell (deny) decided',
      expect.stringMatching(/^p\/another \(allow\) does not hold: who does not hold: wants user:bob; ada \(uid \d+, .*\)\. run does not hold: wants \/usr\/bin\/vi; another command$/),
      'There is no rule p/instal in the policies that are for this device. Did you mean p/install?',
    ]);
  });

  test('else the nearest misses, a rule for the same command first', () => {
    expect(why('allow', '[/usr/bin/apt, remove, vim]')[0]).toBe('p/install (ask) does not hold: run does not hold: wants /usr/bin/apt install *; argument 1 is "remove" instead of install');
  });

  test('nothing of a case that passed', () => expect(why('deny', '[/usr/bin/sh]')).toEqual([]));
});

describe('the device of the world', () => {
  const here = 'world: { device: { groups: [lab] } }\n';
  const lab = policy('lab', '  - { name: r, who: any, run: any, then: allow }\n', 'targets: { devices: ["group:lab"] }\n');

  test('is under the policies that are for it', () => {
    expect(run(lab, '  - { name: x, who: ada, run: [/bin/x], expect: allow }\n', here).results[0]!.mismatches).toEqual([]);
    expect(run(lab, '  - { name: x, who: ada, run: [/bin/x], expect: { decision: deny, reason: no-policy } }\n').results[0]!.mismatches).toEqual([]);
  });

  test('watches policies in monitor mode, and enforces nothing of them', () => {
    const policies = `${policy('on', '  - { name: r, who: any, run: any, then: allow }\n')}---\n${policy('watched', '  - { name: no, run: [{ command: /bin/x }], then: deny }\n', 'mode: monitor\n')}`;
    const [good, bad] = run(policies, '  - { name: good, who: ada, run: [/bin/x], expect: { decision: allow, by: [on/r], monitored: { decision: deny, by: [watched/no] } } }\n  - { name: bad, who: ada, run: [/bin/x], expect: { decision: allow, monitored: allow } }\n').results;
    expect(good!.mismatches).toEqual([]);
    expect(bad!.mismatches).toEqual([{ what: 'monitored.decision', expected: 'allow', actual: 'deny' }]);
    expect(bad!.why).toEqual(['monitored: watched/no (deny) decided']);
  });
});

test('whatever a file of cases may say, it is decided, and a case that expects what came passes', () => {
  const path = fc.constantFrom('/usr/bin/apt', '/usr/bin/sh', '/a', '/a\\xff', '/l');
  const name = fc.constantFrom('ada', 'root', 'gone', 'hidden', 'uid:0', 'uid:99999999999', '__proto__');
  const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
  const ask = fc.record({
    who: name, groups: some(fc.array(fc.oneof(name, fc.constant('gid:5')), { maxLength: 2 })), run: fc.tuple(path, fc.array(fc.string({ maxLength: 4 }), { maxLength: 2 })).map(([command, args]) => [command, ...args]),
    as: some(fc.oneof(fc.record({ user: name, gid: fc.integer({ min: -1, max: 0xffff_ffff }) }), fc.record({ uid: fc.integer({ min: -1, max: 0xffff_ffff }) }), fc.record({ group: name }))),
    at: some(fc.constantFrom('2026-03-29 02:30', '1970-01-01T00:00:00Z', '9999-12-31T23:59:59+14:00')), silent: some(fc.constantFrom('unknown', '3h')), above: some(fc.array(path, { maxLength: 2 })),
    login: some(fc.constantFrom('ssh', 'service')), terminal: some(fc.boolean()), env: some(fc.constant(['A=\\x00'])),
  }, { requiredKeys: ['who', 'run'] });
  const world = 'world: { users: { gone: absent, hidden: unknown }, files: { /a: absent, /usr/bin/sh: { hardLinkOf: /usr/bin/sh } }, links: { /l: /l }, device: { zone: Europe/Berlin } }\n';
  fc.assert(fc.property(ask, (each) => {
    const caseOf = (expected: unknown): string => `  - ${JSON.stringify({ name: 'x', ...each, expect: expected })}\n`;
    const [result] = run(policy('p', rules), caseOf('deny'), world).results;
    const { decision, by, demands } = result!.outcome;
    const again = run(policy('p', rules), caseOf({ decision, by, ...(demands === null ? {} : { demands }) }), world).results[0]!;
    expect(again).toMatchObject({ mismatches: [], outcome: result!.outcome });
  }), { numRuns: 200 });
});

test('coverage counts what held and what decided, over suites', () => {
  const { coverage } = run(policy('p', rules), '  - { name: a, who: ada, groups: [dev], run: [/usr/bin/apt, install, x], expect: ask }\n  - { name: b, who: ada, run: [/usr/bin/sh], expect: deny }\n');
  expect(coverage).toEqual({
    percent: 75,
    rules: [
      { file: 'p.yaml', policy: 'p', rule: 'install', held: 1, decided: 1 },
      { file: 'p.yaml', policy: 'p', rule: 'all', held: 2, decided: 0 },
      { file: 'p.yaml', policy: 'p', rule: 'no shell', held: 1, decided: 1 },
      { file: 'p.yaml', policy: 'p', rule: 'another', held: 0, decided: 0 },
    ],
  });
  expect(coverageOf([])).toEqual({ rules: [], percent: 100 });
});

describe('JUnit XML', () => {
  test('has a case for each, and a failure for each that failed', () => {
    const result = run(policy('p', rules), '  - { name: good, who: ada, run: [/usr/bin/sh], expect: deny }\n  - { name: "<bad> & \\"worse\\"", who: ada, run: [/usr/bin/sh], expect: allow }\n');
    expect(junitXml([result])).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="belayctl policy test" tests="2" failures="1" errors="0" skipped="0">
  <testsuite name="c" file="c.yaml" tests="2" failures="1" errors="0" skipped="0">
    <testcase classname="c" name="good" file="c.yaml" line="5"/>
    <testcase classname="c" name="&lt;bad&gt; &amp; &quot;worse&quot;" file="c.yaml" line="6">
      <failure type="mismatch" message="decision: expected allow, got deny">c.yaml:6
decision: expected allow, got deny
p/no shell (deny) decided</failure>
    </testcase>
  </testsuite>
</testsuites>
`);
  });

  test('no text leaves its place, and no character is one that XML or a terminal would trip over', () => {
    expect(xmlText(']]>&\u0000\u001b[31m\u202e\ud800\uffff\'"')).toBe(']]&gt;&amp;\\u{0}\\u{1b}[31m\\u{202e}\ufffd\ufffd&apos;&quot;');
  });
});
