import type { Effect } from '../../policy/compiled.ts';
import { FALSE, TRUE, UNKNOWN } from '../../policy/truth.ts';
import type { Weighed } from './weigh.ts';

type Part = { readonly rule: Pick<Weighed['rule'], 'then' | 'priority'>; readonly truth: Weighed['truth'] };

/**
 * Every decision that rules may come to when some of them hold for certain (true), some for certain do not (false), and some may (unknown):
 * a deny wins, then the highest priority, and among equals an ask (design.md, meaning 2). Never empty.
 */
export function outcomesOf(weighed: readonly Part[]): ReadonlySet<Effect> {
  const denies = weighed.filter(({ rule }) => rule.then === 'deny');
  if (denies.some(({ truth }) => truth === TRUE)) return new Set(['deny']);
  const grants = weighed.filter(({ rule, truth }) => rule.then !== 'deny' && truth !== FALSE);
  const surePriority = Math.max(Number.NEGATIVE_INFINITY, ...grants.filter(({ truth }) => truth === TRUE).map(({ rule }) => rule.priority));
  const isSure = surePriority > Number.NEGATIVE_INFINITY;
  const outcomes = new Set<Effect>(!isSure || denies.some(({ truth }) => truth === UNKNOWN) ? ['deny'] : []);
  const levels = new Set(grants.map(({ rule }) => rule.priority).filter((priority) => priority >= surePriority));
  for (const level of levels) for (const each of outcomesAt(grants.filter(({ rule }) => rule.priority === level))) outcomes.add(each);
  return outcomes;
}

/** Of grants of one priority, should it be the highest that holds. */
function outcomesAt(grants: readonly Part[]): readonly Effect[] {
  const sure = grants.filter(({ truth }) => truth === TRUE);
  if (sure.some(({ rule }) => rule.then === 'ask')) return ['ask'];
  return [...(grants.some(({ rule }) => rule.then === 'allow') ? (['allow'] as const) : []), ...(grants.some(({ rule }) => rule.then === 'ask') ? (['ask'] as const) : [])];
}
