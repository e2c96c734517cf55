import type { ElevationRequest } from '../request/request.ts';
import type { Decision, DecisionContext, RuleRef } from './decision.ts';
import { compareRefs, decide, matchDenied, weighDeny, weighGrant } from './decide.ts';
import type { CriterionName, CriterionResult, Explanation, RuleExplanation } from './explanation.ts';
import { matchExceptions, matchPin, matchRunAs, matchTarget, matchWhen, matchWho, Question } from './match.ts';
import type { LoadedRule, LoadedTarget, PolicySet } from './policy-set.ts';
import { and, FALSE, not, or, type Truth3, truthName, truthOf } from './truth.ts';
import { runAsText, targetText, whoText } from './wording.ts';

export const DEFAULT_EXPLAINED_RULES = 20;

/**
 * Why a decision is what it is: the rules that hold, then the nearest misses with the criterion that failed. It asks the
 * very functions that decide, so it cannot tell another story.
 */
export function explain(set: PolicySet, request: ElevationRequest, context: DecisionContext, limit: number = DEFAULT_EXPLAINED_RULES): Explanation {
  const decision = decide(set, request, context);
  const question = new Question(request, context);
  const by = new Set(refsOf(decision).map(keyOf));
  const all = set.rules.map((rule) => explainRule(rule, question, by)).sort(nearestFirst);
  const shown = all.filter((each, place) => each.holds || place < limit);
  return { decision, rules: shown, omitted: all.length - shown.length };
}

function explainRule(rule: LoadedRule, question: Question, by: ReadonlySet<string>): RuleExplanation {
  const outcome = rule.then === 'deny' ? weighDeny(rule, question) !== FALSE : weighGrant(rule, question);
  const holds = typeof outcome === 'boolean' ? outcome : typeof outcome === 'object';
  const decided = by.has(keyOf(rule.ref));
  return {
    rule: rule.ref,
    then: rule.then,
    priority: rule.priority,
    criteria: rule.then === 'deny' ? denyCriteria(rule, question) : grantCriteria(rule, question),
    holds,
    part: !holds ? 'does-not-hold' : decided ? 'decided' : 'outranked',
  };
}

function grantCriteria(rule: LoadedRule, question: Question): readonly CriterionResult[] {
  const { request, context } = question;
  const matched = rule.run.is.filter((target) => matchTarget(target, 'grant', question) !== FALSE);
  const run = rule.run.is.reduce<Truth3>((truth, target) => or(truth, matchTarget(target, 'grant', question)), FALSE);
  const safe = (matched.length > 0 ? matched : rule.run.is).filter((target) => request.executable.rootOnly || target.sha256 !== undefined);
  return [
    criterion('bytes', truthOf(question.isText), 'paths, arguments and environment are valid UTF-8'),
    criterion('expiry', truthOf(!context.manifestExpired || rule.outlivesManifest), rule.outlivesManifest ? 'holds when the policy has expired' : 'the policy has not expired'),
    ...commonCriteria(rule, question, and(run, not(matchExceptions(rule, question)))),
    criterion('file', truthOf(safe.length > 0), 'only root can write the file and its folders, or the rule pins its SHA-256'),
    ...pinCriterion(safe.filter((target) => matched.includes(target)), question),
  ];
}

function denyCriteria(rule: LoadedRule, question: Question): readonly CriterionResult[] {
  const matched = rule.run.is.filter((target) => matchTarget(target, 'deny', question) !== FALSE);
  // Where nothing matches, no hash is asked for.
  const run = matched.length === 0 ? FALSE : matchDenied(rule, question);
  return commonCriteria(rule, question, and(run, not(matchExceptions(rule, question))));
}

function commonCriteria(rule: LoadedRule, question: Question, run: Truth3): readonly CriterionResult[] {
  const common = [
    criterion('who', matchWho(rule.who, question), whoText(rule.who)),
    criterion('run', run, runText(rule)),
    criterion('as', matchRunAs(rule.as, question), runAsText(rule.as)),
  ];
  return rule.when === undefined ? common : [...common, criterion('when', matchWhen(rule, question), rule.when.source)];
}

function pinCriterion(targets: readonly LoadedTarget[], question: Question): readonly CriterionResult[] {
  if (targets.length === 0 || targets.some((target) => target.sha256 === undefined)) return [];
  const truth = targets.reduce<Truth3>((best, target) => or(best, matchPin(target, question)), FALSE);
  return [criterion('pin', truth, targets.map((target) => targetText(target.source)).join('; '))];
}

function runText(rule: LoadedRule): string {
  const wanted = rule.run.is.map((target) => targetText(target.source));
  return [...wanted, ...rule.run.not.map((target) => `not ${targetText(target.source)}`)].join('; ');
}

function criterion(name: CriterionName, truth: Truth3, wants: string): CriterionResult {
  return { criterion: name, truth: truthName(truth), wants };
}

/** What holds, deciders first; then the fewest misses, a rule for another command last. */
function nearestFirst(a: RuleExplanation, b: RuleExplanation): number {
  return distance(a) - distance(b) || b.priority - a.priority || compareRefs(a.rule, b.rule);
}

function distance(rule: RuleExplanation): number {
  if (rule.part === 'decided') return -2;
  if (rule.part === 'outranked') return -1;
  const misses = rule.criteria.filter((each) => each.truth !== 'true');
  return misses.length + (misses.some((each) => each.criterion === 'run') ? 2 : 0);
}

function refsOf(decision: Decision): readonly RuleRef[] {
  if (decision.kind !== 'deny') return decision.by;
  const { reason } = decision;
  return reason.kind === 'denied-by-rule' ? reason.by : [];
}

function keyOf(ref: RuleRef): string {
  return JSON.stringify([ref.policy, ref.rule]);
}
