import { describe, expect, test } from '@jest/globals';
import { sha256 } from '../../core/node/crypto.ts';
import { explain, FACTS, rulePaths } from '../../core/src/policy/index.ts';
import { type CaseOutcome, caseSets, questionIn, runCases } from '../../core/src/policy-tools/index.ts';
import { ownSuites } from './suites.ts';

// Nothing of the language is left out of the cases: whoever adds to it is told here what is missing.
const suites = ownSuites();
const outcomes = suites.flatMap(({ suite, tested }) => runCases(suite, tested, sha256).results.map(({ outcome }) => outcome));

/** Every case with what is said of every rule for it, those of policies that are only watched included. */
const explained = suites.flatMap(({ suite, tested }) => {
  const { monitored } = caseSets(suite, tested.map(({ policy }) => policy));
  const paths = rulePaths(monitored);
  return suite.cases.map((each) => {
    const { request, context } = questionIn(suite.world, each, { sha256, rulePaths: paths });
    return { name: each.name, place: `${suite.file}:${each.line}`, rules: explain(monitored, request, context, monitored.rules.length).rules };
  });
});

/** `CRITERION READING TRUTH`. */
function seen(): ReadonlySet<string> {
  return new Set(explained.flatMap(({ rules }) => rules.flatMap(({ then, criteria }) => criteria.map(({ criterion, truth }) => `${criterion} ${then === 'deny' ? 'deny' : 'grant'} ${truth}`))));
}

test('each criterion is true, false and, where it can be, unknown, in what grants and in what denies', () => {
  const both = (criterion: string, ...truths: string[]): string[] => truths.flatMap((truth) => [`${criterion} grant ${truth}`, `${criterion} deny ${truth}`]);
  const grants = (criterion: string, ...truths: string[]): string[] => truths.map((truth) => `${criterion} grant ${truth}`);
  expect([...seen()].sort()).toEqual([
    ...['who', 'run', 'except', 'as', 'when', 'device', 'login', 'networks', 'parent', 'ancestor', 'cwd', 'environment'].flatMap((criterion) => both(criterion, 'true', 'false', 'unknown')),
    ...['during', 'terminal'].flatMap((criterion) => both(criterion, 'true', 'false')),
    ...['bytes', 'failure', 'file'].flatMap((criterion) => grants(criterion, 'true', 'false')),
    ...grants('pin', 'true', 'false', 'unknown'),
  ].sort());
});

test('a case named "RULE: … (allow, TRUTH)" or "… (deny, TRUTH)" is about a rule of that truth', () => {
  const told = explained.flatMap(({ name, place, rules }) => {
    const [, rule, then, truth] = /^([^:]+): .*\((allow|deny), (true|false|unknown)\)$/.exec(name) ?? [];
    if (rule === undefined) return [];
    const criteria = rules.find(({ rule: ref }) => ref.rule === (then === 'deny' ? `not ${rule}` : rule))?.criteria ?? [];
    // Bytes that are no text are a criterion of their own.
    const truths = criteria.filter(({ criterion }) => criterion !== 'bytes').map((criterion) => criterion.truth);
    return [[place, name, truth, criteria.length === 0 ? 'no such rule' : truths.includes('false') ? 'false' : truths.includes('unknown') ? 'unknown' : 'true']];
  });
  expect(told.filter(([, , truth, found]) => truth !== found)).toEqual([]);
  expect(told.length).toBeGreaterThan(400);
});

describe('facts of expressions', () => {
  // Those that a device always knows.
  const ALWAYS = ['user.uid', 'command.path', 'runas.uid', 'device.id', 'device.name', 'device.groups', 'time.hour', 'time.minute', 'time.weekday', 'time.unix', 'terminal', 'door'];
  const facts = Object.entries(FACTS).flatMap(([name, type]) => (typeof type === 'string' ? [name] : Object.keys(type).map((part) => `${name}.${part}`)));
  const cases = suites.filter(({ suite }) => suite.file === 'facts.test.yaml').flatMap(({ suite }) => suite.cases.map(({ name }) => name));
  const truthsOf = (fact: string): readonly string[] => [...new Set(cases.filter((name) => name.startsWith(`${fact}: `) || name.startsWith(`${fact}-`)).map((name) => /(?:allow|deny), (?:true|false|unknown)\)$/.exec(name)?.[0].slice(0, -1) ?? name))].sort();

  test.each(facts)('%s', (fact) => {
    const wanted = fact === 'command.path' ? ['true'] : ALWAYS.includes(fact) ? ['true', 'false'] : ['true', 'false', 'unknown'];
    expect(truthsOf(fact)).toEqual(expect.arrayContaining(wanted.map((truth) => `deny, ${truth}`)));
    expect(truthsOf(fact)).toEqual(expect.arrayContaining(wanted.filter((truth) => truth !== 'unknown').map((truth) => `allow, ${truth}`)));
  });
});

test('each demand and each obligation is there, and is not, and takes each of its words', () => {
  const values = new Map<string, Set<string>>();
  const note = (name: string, value: unknown): void => {
    values.set(name, (values.get(name) ?? new Set()).add(typeof value === 'string' ? value : value === null || value === false ? 'none' : 'some'));
  };
  for (const { decision, reason, demands, obligations } of outcomes as readonly CaseOutcome[]) {
    note('decision', decision);
    if (reason !== null) note('reason', reason);
    for (const [name, value] of Object.entries({ ...demands })) note(`demands.${name}`, value === null || value === false ? null : true);
    for (const [name, value] of Object.entries(obligations)) note(name, ['children', 'network', 'record', 'alert', 'recorderUnable', 'diskFull'].includes(name) ? value : value === null ? null : true);
  }
  const there = ['none', 'some'];
  expect(Object.fromEntries([...values].map(([name, set]) => [name, [...set].sort()]))).toEqual({
    decision: ['allow', 'ask', 'deny'], reason: ['denied-by-rule', 'no-policy', 'no-rule', 'unsafe-file'],
    'demands.reason': there, 'demands.reauth': there, 'demands.confirm': there, 'demands.approval': there, 'demands.emergency': there,
    duration: there, uses: there, total: there, capabilities: there, writable: there, umask: there, cwd: there, sha256: there, conflicts: there,
    environment: ['some'], argv0: ['some'],
    children: ['allow', 'check', 'deny'], network: ['allow', 'deny'], record: ['commands', 'none', 'session'], alert: ['high', 'low', 'medium', 'none'],
    recorderUnable: ['allow', 'deny', 'spool'], diskFull: ['allow', 'deny', 'spool'],
  });
});
