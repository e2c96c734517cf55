import type { ElevationRequest } from '../request/request.ts';
import type { Decision, DecisionContext, RuleRef } from './decision.ts';
import { CIRCUMSTANCES, matchCircumstance } from './circumstance-match.ts';
import { compareRefs, decide, hasLapsed, matchDenied, weighDeny, weighGrant } from './decide.ts';
import type { CriterionName, CriterionResult, Explanation, RuleExplanation } from './explanation.ts';
import { matchExceptions, matchPin, matchRunAs, matchTarget, matchWhen, matchWho, Question } from './match.ts';
import { ANOTHER_COMMAND, foundCircumstance, foundException, foundTarget } from './nearest.ts';
import type { LoadedRule, LoadedTarget, PolicySet } from './policy-set.ts';
import { FALSE, not, or, TRUE, type Truth3, truthName, truthOf } from './truth.ts';
import { circumstanceTexts, runAsText, targetText, whoText } from './wording.ts';

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
  const matched = rule.targets.filter((target) => matchTarget(target, 'grant', question) !== FALSE);
  const run = rule.targets.reduce<Truth3>((truth, target) => or(truth, matchTarget(target, 'grant', question)), FALSE);
  const safe = (matched.length > 0 ? matched : rule.targets).filter((target) => request.executable.rootOnly || target.sha256 !== undefined);
  return [
    criterion('bytes', truthOf(question.isText), 'paths, arguments and environment are valid UTF-8'),
    criterion('failure', truthOf(!hasLapsed(rule, context)), failureText(rule), context.manifestExpired ? 'the policy has expired' : 'the server has been silent for too long'),
    ...commonCriteria(rule, question, run),
    criterion('file', truthOf(safe.length > 0), 'only root can write the file and its folders, or the rule pins its SHA-256', 'others can write it'),
    ...pinCriterion(safe.filter((target) => matched.includes(target)), question),
  ];
}

function failureText({ failures, isRecovery }: LoadedRule): string {
  if (isRecovery) return 'holds whatever fails';
  const silent = failures.serverUnreachable?.then === 'deny' ? `, and the server was heard of in the last ${Math.round(failures.serverUnreachable.afterMs / 60_000)} min` : '';
  return (failures.manifestExpired === 'deny' ? 'the policy has not expired' : 'holds when the policy has expired') + silent;
}

function denyCriteria(rule: LoadedRule, question: Question): readonly CriterionResult[] {
  const matched = rule.targets.filter((target) => matchTarget(target, 'deny', question) !== FALSE);
  // Where nothing matches, no hash is asked for.
  return commonCriteria(rule, question, matched.length === 0 ? FALSE : matchDenied(rule, question));
}

function commonCriteria(rule: LoadedRule, question: Question, run: Truth3): readonly CriterionResult[] {
  return [
    criterion('who', matchWho(rule.who, question), whoText(rule.who), requesterText(question)),
    criterion('run', run, rule.targets.map((target) => targetText(target.source)).join('; '), run === TRUE ? undefined : foundTarget(rule.targets, question)),
    ...exceptionCriterion(rule, question),
    criterion('as', matchRunAs(rule.as, question), runAsText(rule.as), identityText(question)),
    ...circumstanceCriteria(rule, question),
    ...(rule.when === undefined ? [] : [criterion('when', matchWhen(rule, question), rule.when.source)]),
  ];
}

function exceptionCriterion(rule: LoadedRule, question: Question): readonly CriterionResult[] {
  if (rule.exceptions.length === 0) return [];
  const reading = rule.then === 'deny' ? 'grant' : 'deny';
  const wants = rule.exceptions.map((target) => `not ${targetText(target.source)}`).join('; ');
  return [criterion('except', not(matchExceptions(rule, question)), wants, foundException(rule, (target) => matchTarget(target, reading, question) !== FALSE))];
}

function circumstanceCriteria(rule: LoadedRule, question: Question): readonly CriterionResult[] {
  const { circumstances } = rule;
  if (circumstances === undefined) return [];
  const texts = circumstanceTexts(circumstances.source);
  return CIRCUMSTANCES.filter((name) => circumstances.source[name] !== undefined).map((name) => {
    const truth = matchCircumstance(name, circumstances, question);
    return criterion(name, truth, texts[name] ?? name, truth === TRUE ? undefined : foundCircumstance(name, question, rule));
  });
}

function requesterText({ request: { requester } }: Question): string {
  return `${requester.name ?? 'no name'} (uid ${requester.uid}, groups ${requester.groups.join(' ')})`;
}

function identityText({ request: { runAs } }: Question): string {
  return `${runAs.userName ?? runAs.uid}:${runAs.groupName ?? runAs.gid}`;
}

function pinCriterion(targets: readonly LoadedTarget[], question: Question): readonly CriterionResult[] {
  if (targets.length === 0 || targets.some((target) => target.sha256 === undefined)) return [];
  const truth = targets.reduce<Truth3>((best, target) => or(best, matchPin(target, question)), FALSE);
  return [criterion('pin', truth, targets.map((target) => targetText(target.source)).join('; '))];
}

function criterion(name: CriterionName, truth: Truth3, wants: string, found?: string): CriterionResult {
  return { criterion: name, truth: truthName(truth), wants, ...(truth === TRUE || found === undefined ? {} : { found }) };
}

/** What holds, deciders first; then the fewest misses, a rule for another command last. */
function nearestFirst(a: RuleExplanation, b: RuleExplanation): number {
  return distance(a) - distance(b) || b.priority - a.priority || compareRefs(a.rule, b.rule);
}

function distance(rule: RuleExplanation): number {
  if (rule.part === 'decided') return -2;
  if (rule.part === 'outranked') return -1;
  const misses = rule.criteria.filter((each) => each.truth !== 'true');
  return misses.length + (misses.some((each) => each.found === ANOTHER_COMMAND) ? 2 : 0);
}

function refsOf(decision: Decision): readonly RuleRef[] {
  if (decision.kind !== 'deny') return decision.by;
  const { reason } = decision;
  return reason.kind === 'denied-by-rule' ? reason.by : [];
}

function keyOf(ref: RuleRef): string {
  return JSON.stringify([ref.policy, ref.rule]);
}
