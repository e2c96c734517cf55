import { candidatesOf, decide, weighDeny, weighGrant } from '../../policy/decide.ts';
import type { PolicySet } from '../../policy/index.ts';
import { Question } from '../../policy/match.ts';
import type { LoadedRule } from '../../policy/policy-set.ts';
import { FALSE } from '../../policy/truth.ts';
import { ruleName } from './outcome.ts';
import type { CaseQuestion } from './question.ts';
import type { TestedPolicies } from './tested.ts';

/** The rules that held in one case, and those of them that decided it, by `coverageKey`. */
export type HeldRules = { readonly held: readonly string[]; readonly decided: readonly string[] };

export type RuleCoverage = {
  readonly file: string;
  readonly policy: string;
  readonly rule: string;
  /** In how many cases it held; of those, in how many it decided. */
  readonly held: number;
  readonly decided: number;
};

/** `percent`: rules that held at least once, of all; whole, rounded down. 100 where there is no rule. */
export type Coverage = { readonly rules: readonly RuleCoverage[]; readonly percent: number };

/** Only rules for this command can hold: the others need no look. */
export function heldRules(set: PolicySet, { request, context }: CaseQuestion, tested: TestedPolicies): HeldRules {
  const question = new Question(request, context);
  const files = new Map(tested.map(({ file, policy }) => [policy.name, file]));
  const keyOf = ({ policy, rule }: { readonly policy: string; readonly rule: string }): string => coverageKey(files.get(policy) ?? '', policy, rule);
  const holding = candidatesOf(set, question).filter((rule) => holds(rule, question)).map(({ ref }) => keyOf(ref));
  const decision = decide(set, request, context);
  const by = decision.kind !== 'deny' ? decision.by : decision.reason.kind === 'denied-by-rule' ? decision.reason.by : [];
  return { held: holding, decided: by.map(keyOf) };
}

function holds(rule: LoadedRule, question: Question): boolean {
  return rule.then === 'deny' ? weighDeny(rule, question) !== FALSE : typeof weighGrant(rule, question) === 'object';
}

function coverageKey(file: string, policy: string, rule: string): string {
  return JSON.stringify([file, ruleName({ policy, rule })]);
}

/** Over several suites. A policy that several of them test is counted once. */
export function coverageOf(runs: readonly { readonly tested: TestedPolicies; readonly held: readonly HeldRules[] }[]): Coverage {
  const rules = new Map<string, { file: string; policy: string; rule: string; held: number; decided: number }>();
  for (const { file, policy } of runs.flatMap(({ tested }) => tested)) {
    for (const { name } of policy.rules) rules.set(coverageKey(file, policy.name, name), { file, policy: policy.name, rule: name, held: 0, decided: 0 });
  }
  const count = (key: string, what: 'held' | 'decided'): void => {
    const rule = rules.get(key);
    if (rule !== undefined) rule[what]++;
  };
  for (const { held, decided } of runs.flatMap((run) => run.held)) {
    for (const key of held) count(key, 'held');
    for (const key of decided) count(key, 'decided');
  }
  const all = [...rules.values()];
  const covered = all.filter(({ held }) => held > 0).length;
  return { rules: all, percent: all.length === 0 ? 100 : Math.floor((100 * covered) / all.length) };
}
