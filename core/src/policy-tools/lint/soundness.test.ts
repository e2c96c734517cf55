import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { questionIn, type World } from '../../../../tests/policy-cases/world.ts';
import { type CompiledPolicy, decide, type Decision, loadPolicySet, rulePaths } from '../../policy/index.ts';
import { compilePolicy } from '../compile.ts';
import { parsePolicyDocuments } from '../parse.ts';
import { formatProblems } from '../problem.ts';
import { lint, type LintFinding } from './index.ts';

// What the linter says of rules that others take away is held against what the engine decides. A world so small that rules often meet.
const world: World = {
  users: { ada: 1001, bob: 1002 },
  groups: { dev: 2001, ops: 2002 },
  files: { '/bin/a': { package: { name: 'a', repositories: ['Debian/stable'] } }, '/bin/b': { writable: true, package: 'none' } },
  links: { '/bin/link': '/bin/a' },
};
const hashOfB = '0'.repeat(64);
const rarely = <T>(...values: readonly T[]): fc.Arbitrary<T | undefined> => fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom(...values) });
const target = fc.record({
  command: fc.constantFrom('/bin/a', '/bin/a', '/bin/b', '/bin/link'),
  args: fc.constantFrom<unknown>(undefined, ['**'], ['*'], ['x'], [['x', 'y']], [{ regex: '[xy]' }], ['/etc/*'], ['/etc/z'], ['x', '**']),
  sha256: rarely(hashOfB),
  package: rarely<unknown>('a', { name: 'a', unmodified: 'any' }),
});
const run = fc.oneof({ weight: 1, arbitrary: fc.constant<unknown>('any') }, { weight: 4, arbitrary: fc.tuple(fc.array(target, { minLength: 1, maxLength: 2 }), rarely<unknown>({ command: '/bin/b' }, { command: '/bin/a', args: ['x'] })).map(([is, not]) => (not === undefined ? is : [...is, { not }])) });
const common = {
  run,
  who: fc.constantFrom<unknown>('any', ['group:dev'], ['user:ada', 'group:dev'], ['any', '!user:bob'], ['group:dev', '!user:ada'], ['user:ada', '!user:ada']),
  as: rarely<unknown>('any', { user: 'bob' }, { group: 'ops' }),
  when: rarely('terminal', 'time.hour < 12', 'time.hour > 30'),
  cwd: rarely(['/srv']),
};
const grant = fc.record({
  ...common,
  then: fc.constantFrom('allow', 'allow', 'ask'),
  priority: fc.constantFrom(undefined, 1),
  onFailure: rarely<unknown>({ manifestExpired: 'allow' }, { serverUnreachable: { after: '1h', then: 'deny' } }),
  limits: rarely<unknown>({ children: 'check' }, { cwd: '/tmp' }),
  recovery: rarely(true),
});
const rule = fc.oneof({ weight: 4, arbitrary: grant }, { weight: 1, arbitrary: fc.record({ ...common, then: fc.constant('deny') }) });

function textOf(name: string, rules: readonly Readonly<Record<string, unknown>>[]): string {
  return JSON.stringify({ apiVersion: 'belay/v1', kind: 'Policy', metadata: { name }, rules: rules.map((each, at) => ({ name: `r${at}`, ...each, ...(each['then'] === 'ask' ? { require: { confirm: true } } : {}) })) });
}

type Linted = { readonly compiled: readonly CompiledPolicy[]; readonly findings: readonly LintFinding[] };

function lintedOf(lists: readonly (readonly object[])[]): Linted {
  const parsed = parsePolicyDocuments(lists.map((rules, at) => ({ name: `${at}.yaml`, text: textOf(`p${at}`, rules as Readonly<Record<string, unknown>>[]) })));
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  return { compiled: parsed.value.map(({ policy }) => compilePolicy(policy!)), findings: lint(parsed.value) };
}

const policies = fc.array(fc.array(rule, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 2 }).map(lintedOf);

const asks = fc.record({
  who: fc.constantFrom('ada', 'bob'),
  groups: fc.subarray(['dev', 'ops']),
  run: fc.tuple(fc.constantFrom('/bin/a', '/bin/b', '/bin/link'), fc.array(fc.constantFrom('x', 'y', '/etc/z', '/etc/../etc/z'), { maxLength: 2 })).map(([command, args]) => [command, ...args]),
  as: fc.constantFrom(undefined, undefined, { user: 'bob' }, { group: 'ops' }),
  terminal: fc.boolean(),
  at: fc.constantFrom('2026-03-04T10:00:00Z', '2026-03-04T20:00:00Z'),
  expired: fc.boolean(),
  cwd: fc.constantFrom('/home/ada', '/srv'),
});
const manyAsks = fc.array(asks, { minLength: 20, maxLength: 20 });

function decisionOn(list: readonly CompiledPolicy[], ask: Parameters<typeof questionIn>[1]): Decision {
  const set = loadPolicySet(list);
  const { request, context } = questionIn(world, { ...ask, rulePaths: rulePaths(set) });
  return decide(set, request, context);
}

const refs = (decision: Decision): readonly string[] => (decision.kind === 'deny' ? [] : decision.by.map(({ policy, rule: name }) => `${policy}/${name}`));
const nameOf = ({ rule: ref }: LintFinding): string => `${ref?.policy}/${ref?.rule}`;
const RUNS = { numRuns: process.env['BELAY_SOAK'] === '1' ? 4000 : 120 };

describe('what the linter says of a rule, the engine bears out', () => {
  test('in the random world each of these is found', () => {
    const codes = new Set(fc.sample(policies, { numRuns: 300, seed: 3 }).flatMap(({ findings }) => findings.map(({ code }) => code)));
    expect([...codes]).toEqual(expect.arrayContaining(['unreachable', 'shadowed', 'duplicate', 'allow-beside-ask', 'contradiction', 'never-matches']));
  });

  test('a rule that never holds, or never decides, is in no decision', () => {
    fc.assert(fc.property(policies, manyAsks, ({ compiled, findings }, questions) => {
      const dead = new Set(findings.filter(({ code, message }) => code === 'never-matches' || /^The rule never|^Everybody whom/.test(message)).map(nameOf));
      if (dead.size === 0) return;
      for (const ask of questions) expect(refs(decisionOn(compiled, ask)).filter((each) => dead.has(each))).toEqual([]);
    }), RUNS);
  });

  test('an allow beside an ask is asked', () => {
    fc.assert(fc.property(policies, manyAsks, ({ compiled, findings }, questions) => {
      const asked = new Set(findings.filter(({ code }) => code === 'allow-beside-ask').map(nameOf));
      if (asked.size === 0) return;
      for (const ask of questions) {
        const decision = decisionOn(compiled, ask);
        expect(decision.kind === 'allow' && refs(decision).some((each) => asked.has(each))).toBe(false);
      }
    }), RUNS);
  });

  test('without a duplicate, or without a rule that never decides, everything is decided as before', () => {
    fc.assert(fc.property(policies, manyAsks, ({ compiled, findings }, questions) => {
      const outcome = (decision: Decision): unknown => (decision.kind === 'deny' ? [decision.kind, decision.reason.kind === 'denied-by-rule'] : { ...decision, by: [] });
      for (const finding of findings.filter(({ code, message }) => code === 'duplicate' || message.startsWith('The rule never'))) {
        const less = compiled.map((policy) => (policy.name === finding.rule?.policy ? { ...policy, rules: policy.rules.filter(({ name }) => name !== finding.rule?.rule) } : policy));
        for (const ask of questions) expect(outcome(decisionOn(less, ask))).toEqual(outcome(decisionOn(compiled, ask)));
      }
    }), RUNS);
  });

  test('rules that contradict each other are never obeyed together', () => {
    fc.assert(fc.property(policies, manyAsks, ({ compiled, findings }, questions) => {
      const torn = findings.filter(({ code, message }) => code === 'contradiction' && message.includes('so the command is refused')).map(nameOf);
      for (const ask of torn.length === 0 ? [] : questions) {
        const decision = decisionOn(compiled, ask);
        if (decision.kind !== 'deny' && refs(decision).some((each) => torn.includes(each))) expect(decision.obligations.conflicts).not.toEqual([]);
      }
    }), RUNS);
  });
});
