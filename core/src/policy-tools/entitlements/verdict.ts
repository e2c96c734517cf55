import { compareRefs } from '../../policy/decide.ts';
import type { Effect } from '../../policy/compiled.ts';
import type { RuleRef } from '../../policy/decision.ts';
import { FALSE, TRUE } from '../../policy/truth.ts';
import { outcomesOf } from './outcome.ts';
import type { OpenCriterion, Weighed } from './weigh.ts';

/** Whether one user gets it. `depends`: on what is not known here; `outcomes` then has more than one. */
export type Verdict = {
  readonly answer: Effect | 'depends';
  readonly outcomes: readonly Effect[];
  /** For this command: those that hold or may, then the nearest misses. */
  readonly rules: readonly VerdictRule[];
  /** Rules for this command that are not listed. */
  readonly omitted: number;
};

export type VerdictRule = {
  readonly rule: RuleRef;
  readonly then: Effect;
  readonly priority: number;
  readonly holds: 'yes' | 'no' | 'perhaps';
  readonly criteria: readonly OpenCriterion[];
};

const LISTED = 20;
const ORDER: readonly Effect[] = ['allow', 'ask', 'deny'];

export function verdictOf(weighed: readonly Weighed[]): Verdict {
  const outcomes = [...outcomesOf(weighed)].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
  const rules = weighed.map(ruleOf).sort(nearestFirst);
  const listed = rules.filter(({ holds }, place) => holds !== 'no' || place < LISTED);
  return { answer: outcomes.length === 1 ? (outcomes[0] as Effect) : 'depends', outcomes, rules: listed, omitted: rules.length - listed.length };
}

function ruleOf({ rule, truth, criteria }: Weighed): VerdictRule {
  return { rule: rule.ref, then: rule.then, priority: rule.priority, holds: truth === TRUE ? 'yes' : truth === FALSE ? 'no' : 'perhaps', criteria: criteria() };
}

function nearestFirst(a: VerdictRule, b: VerdictRule): number {
  return distance(a) - distance(b) || b.priority - a.priority || compareRefs(a.rule, b.rule);
}

function distance({ then, holds, criteria }: VerdictRule): number {
  if (holds !== 'no') return (holds === 'yes' ? -4 : -2) - (then === 'deny' ? 1 : 0);
  return criteria.filter(({ truth }) => truth === 'false').length;
}
