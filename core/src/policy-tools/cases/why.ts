import { explain, type PolicySet, type RuleExplanation } from '../../policy/index.ts';
import { nearestOf } from '../problem.ts';
import { ruleName } from './outcome.ts';
import type { CaseQuestion } from './question.ts';

const MAX_NEAREST = 3;

/** Why it came out as it did, a line each: what decided, then what was expected to and did not hold, else the nearest misses. */
export function whyLines(set: PolicySet, { request, context }: CaseQuestion, expectedBy: readonly string[]): readonly string[] {
  const { rules } = explain(set, request, context, set.rules.length);
  const deciding = rules.filter(({ part }) => part === 'decided');
  const expected = rules.filter((rule) => rule.part !== 'decided' && expectedBy.includes(ruleName(rule.rule)));
  const nearest = rules.filter((rule) => rule.part !== 'decided' && !expected.includes(rule)).slice(0, deciding.length === 0 && expected.length === 0 ? MAX_NEAREST : 0);
  const known = set.rules.map(({ ref }) => ruleName(ref));
  return [...deciding.map(ruleLine), ...expected.map(ruleLine), ...nearest.map(ruleLine), ...expectedBy.filter((name) => !known.includes(name)).map((name) => unknownLine(name, known))];
}

function ruleLine({ rule, then, priority, criteria, holds, part }: RuleExplanation): string {
  const head = `${ruleName(rule)} (${then}${priority === 0 ? '' : `, priority ${priority}`})`;
  if (part === 'decided' && holds) return `${head} decided`;
  if (part === 'outranked') return `${head} holds, but a deny or a higher priority decided`;
  const misses = criteria.filter(({ truth }) => truth !== 'true').map(({ criterion, truth, wants, found }) => `${criterion} ${truth === 'unknown' ? 'is not known' : 'does not hold'}: wants ${wants}${found === undefined ? '' : `; ${found}`}`);
  return `${head} does not hold: ${misses.join('. ')}`;
}

function unknownLine(name: string, known: readonly string[]): string {
  const near = nearestOf(name, known);
  return `There is no rule ${name} in the policies that are for this device${near === undefined ? '' : `. Did you mean ${near}?`}`;
}
