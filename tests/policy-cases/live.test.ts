// The cases of this folder on a live agent: real sudo, real belayd, accounts, files and processes as each case has them.
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { CompiledRule } from '../../core/src/policy/compiled.ts';
import { describeRoot } from '../support/world.ts';
import { featuresOf } from './live/features.ts';
import { type LiveCase, runLive } from './live/live-run.ts';
import { rulesOf, type Seen, seenText } from './live/observed.ts';
import { ownSuites } from './suites.ts';

const suites = ownSuites();
const titleOf = ({ suite }: { readonly suite: { readonly file: string; readonly name: string } }): string => `${suite.file}: ${suite.name}`;

describeRoot('cases on a live agent', () => {
  let cases: readonly LiveCase[] = [];
  beforeAll(async () => {
    cases = await runLive(suites);
  });

  describe('each comes out as it expects; what nobody enforces yet is refused and named', () => {
    test.each(suites.map((own) => [titleOf(own)] as const))('%s', (title) => {
      const ran = cases.filter(({ own, result }) => titleOf(own) === title && result !== undefined);
      const told = ran.map(({ policyCase, result }) => ({ name: policyCase.name, seen: seenText(result?.seen as Seen), expected: seenText(result?.expected as Seen) }));
      expect(told.filter(({ seen, expected }) => seen !== expected)).toEqual([]);
    });
  });

  test('every kind of criterion, demand, limit and failure cell decides a live case', () => {
    const decided = new Set(cases.flatMap((each) => decidingRules(each).flatMap((rule) => [...featuresOf(rule)])));
    const all = new Set(suites.flatMap(({ tested }) => tested.flatMap(({ policy }) => policy.rules.flatMap((rule) => [...featuresOf(rule)]))));
    expect(all.size).toBeGreaterThan(100);
    expect([...all].filter((feature) => !decided.has(feature)).sort()).toEqual([]);
  });

  test('most cases run; why the others do not', () => {
    const left = Map.groupBy(cases.filter(({ plan }) => plan.kind === 'left-out'), ({ plan }) => (plan.kind === 'left-out' ? plan.reason : ''));
    const lines = [...left].flatMap(([reason, list]) => [`${list.length} not live: ${reason}`, ...list.map(({ own, policyCase }) => `    ${own.suite.file}:${policyCase.line} ${policyCase.name}`)]);
    const live = cases.filter(({ result }) => result !== undefined).length;
    process.stdout.write(`${live} of ${cases.length} cases ran on a live agent.\n${lines.join('\n')}\n`);
    expect(live / cases.length).toBeGreaterThan(0.7);
    // What is only watched is on record where it would have made a difference.
    expect(cases.filter(({ result }) => result?.seen.would !== undefined).length).toBeGreaterThan(2);
  });
});

/** Of a case that ran. */
function decidingRules({ own, plan, result }: LiveCase): readonly CompiledRule[] {
  if (plan.kind !== 'live' || result === undefined) return [];
  const named = new Set(rulesOf(plan.decision));
  return own.tested.flatMap(({ policy }) => policy.rules.filter(({ name }) => named.has(`${policy.name}/${name}`)));
}
