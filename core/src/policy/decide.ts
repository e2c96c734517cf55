import type { ElevationRequest } from '../request/request.ts';
import type { Decision, DecisionContext, DenyReason, RuleRef } from './decision.ts';
import type { Demands } from './demands.ts';
import {
  matchAround, matchExceptions, matchPin, matchRunAs, matchTarget, matchWhen, matchWho, nameRank, Question, UNRELATED,
} from './match.ts';
import { type Argv0, type Bond, meetBonds, meetDemands, NO_DEMANDS, obligationsOf, strictestAlert } from './meet.ts';
import type { LoadedRule, LoadedTarget, PolicySet } from './policy-set.ts';
import { and, FALSE, or, TRUE, type Truth3 } from './truth.ts';

/**
 * What policy says about one request (design.md, "Policy, in one page"). Order of rules and files never matters: rules are
 * gathered, any deny that is not false wins, else the highest priority among what is true, equals combined by the strictest
 * of each. No match: deny. uid 0 is outside the rules; whoever calls sees to that (design.md, principle 10).
 */
export function decide(set: PolicySet, request: ElevationRequest, context: DecisionContext): Decision {
  // SECURITY(T-25): no policy is no permission.
  if (set.policies.length === 0) return { kind: 'deny', reason: { kind: 'no-policy' } };
  const question = new Question(request, context);
  const findings = new Findings();
  for (const rule of candidatesOf(set, question)) findings.take(rule, question);
  return findings.settle();
}

/** The rules that may hold for this executable, each once. Rules for other commands are false and need no look. */
export function candidatesOf(set: PolicySet, question: Question): readonly LoadedRule[] {
  const { typed, links, resolved } = question.request.executable;
  const isPlain = set.forAnyCommand.length === 0 && typed === resolved && links.length === 0 && question.aliases.length === 0;
  if (isPlain) {
    const bucket = set.byCommand.get(typed);
    return bucket === undefined ? NO_RULES : listOf(bucket);
  }
  const visit = ++set.visit.number;
  const found: LoadedRule[] = [];
  addRules(found, set.forAnyCommand, visit);
  addRules(found, set.byCommand.get(typed), visit);
  if (resolved !== typed) addRules(found, set.byCommand.get(resolved), visit);
  for (const link of links) addRules(found, set.byCommand.get(link), visit);
  for (const alias of question.aliases) if (alias !== typed) addRules(found, set.byCommand.get(alias), visit);
  return found;
}

const NO_RULES: readonly LoadedRule[] = [];

type Bucket = LoadedRule | readonly LoadedRule[];

function listOf(bucket: Bucket): readonly LoadedRule[] {
  return 'ref' in bucket ? [bucket] : bucket;
}

function addRules(found: LoadedRule[], bucket: Bucket | undefined, visit: number): void {
  if (bucket === undefined) return;
  for (const rule of listOf(bucket)) {
    if (rule.visited === visit) continue;
    rule.visited = visit;
    found.push(rule);
  }
}

/** What an allow or ask comes to for a request. `unsafe` and `lapsed` (see `hasLapsed`): it would hold otherwise. */
export type GrantOutcome = 'no' | 'unsafe' | 'lapsed' | Bond;

/** Cheap criteria first; a hash is asked for only when all else is true. */
export function weighGrant(rule: LoadedRule, question: Question): GrantOutcome {
  if (!question.isText) return 'no';
  if (matchWho(rule.who, question) !== TRUE || matchRunAs(rule.as, question) !== TRUE) return 'no';
  const targets = matchedTargets(rule, question);
  if (targets.length === 0 || matchAround(rule, question) !== TRUE || matchWhen(rule, question) !== TRUE || matchExceptions(rule, question) !== FALSE) return 'no';
  const outcome = heldBond(rule, targets, question);
  return typeof outcome === 'object' && hasLapsed(rule, question.context) ? 'lapsed' : outcome;
}

/** The policy has expired, or the server is out of reach for longer than the rule bears. A recovery rule bears all. */
export function hasLapsed({ failures, isRecovery }: LoadedRule, { manifestExpired, serverSilentMs }: Pick<DecisionContext, 'manifestExpired' | 'serverSilentMs'>): boolean {
  if (isRecovery) return false;
  if (manifestExpired && failures.manifestExpired === 'deny') return true;
  const { serverUnreachable } = failures;
  return serverUnreachable?.then === 'deny' && (serverSilentMs === undefined || serverSilentMs > serverUnreachable.afterMs);
}

const NO_TARGETS: readonly LoadedTarget[] = [];

function matchedTargets(rule: LoadedRule, question: Question): readonly LoadedTarget[] {
  const { onlyTarget } = rule;
  if (onlyTarget !== undefined) return matchTarget(onlyTarget, 'grant', question) === TRUE ? [onlyTarget] : NO_TARGETS;
  const matched: LoadedTarget[] = [];
  for (const target of rule.targets) if (matchTarget(target, 'grant', question) === TRUE) matched.push(target);
  return matched;
}

function heldBond(rule: LoadedRule, targets: readonly LoadedTarget[], question: Question): GrantOutcome {
  let bond: Bond | undefined;
  let unsafe = false;
  for (const target of targets) {
    // SECURITY(T-17): the rule of unsafe files. A pinned rule may hold: the bytes run from a sealed copy.
    if (!question.request.executable.rootOnly && target.sha256 === undefined) unsafe = true;
    else if (matchPin(target, question) === TRUE) bond = bond === undefined ? bondOf(rule, target, question) : meetBonds(bond, bondOf(rule, target, question));
  }
  return bond ?? (unsafe ? 'unsafe' : 'no');
}

function bondOf({ obligations, failures }: LoadedRule, target: LoadedTarget, question: Question): Bond {
  return { sha256: target.sha256, argv0: argv0Of(target, question), obligations, failures };
}

function argv0Of(target: LoadedTarget, question: Question): Argv0 {
  if (target.command === undefined) return { rank: UNRELATED, path: question.request.executable.resolved };
  return { rank: nameRank(target.command, question), path: target.command };
}

/** Unknown satisfies a deny. */
export function weighDeny(rule: LoadedRule, question: Question): Truth3 {
  let truth = matchWho(rule.who, question);
  if (truth !== FALSE) truth = and(truth, matchRunAs(rule.as, question));
  if (truth !== FALSE) truth = and(truth, matchDenied(rule, question));
  if (truth !== FALSE) truth = and(truth, matchAround(rule, question));
  if (truth !== FALSE) truth = and(truth, matchWhen(rule, question));
  if (truth !== FALSE) truth = and(truth, (TRUE - matchExceptions(rule, question)) as Truth3);
  return truth;
}

export function matchDenied(rule: LoadedRule, question: Question): Truth3 {
  const { onlyTarget } = rule;
  if (onlyTarget !== undefined) return matchDeniedTarget(onlyTarget, question);
  let truth: Truth3 = FALSE;
  for (const target of rule.targets) {
    truth = or(truth, matchDeniedTarget(target, question));
    if (truth === TRUE) break;
  }
  return truth;
}

function matchDeniedTarget(target: LoadedTarget, question: Question): Truth3 {
  const basic = matchTarget(target, 'deny', question);
  return basic === FALSE ? FALSE : and(basic, matchPin(target, question));
}

/** Gathers what rules say in any order and settles it. */
class Findings {
  #denies: LoadedRule[] | undefined;
  #unsafe: LoadedRule[] | undefined;
  #lapsed = false;
  #winners: LoadedRule[] | undefined;
  #bond: Bond | undefined;

  take(rule: LoadedRule, question: Question): void {
    if (rule.then === 'deny') {
      if (weighDeny(rule, question) !== FALSE) (this.#denies ??= []).push(rule);
      return;
    }
    const outcome = weighGrant(rule, question);
    if (outcome === 'unsafe') (this.#unsafe ??= []).push(rule);
    else if (outcome === 'lapsed') this.#lapsed = true;
    else if (outcome !== 'no') this.#win(rule, outcome);
  }

  #win(rule: LoadedRule, bond: Bond): void {
    const best = this.#winners?.[0]?.priority;
    if (best !== undefined && rule.priority < best) return;
    if (this.#winners === undefined || best === undefined || rule.priority > best) {
      this.#winners = [rule];
      this.#bond = bond;
      return;
    }
    this.#winners.push(rule);
    this.#bond = this.#bond === undefined ? bond : meetBonds(this.#bond, bond);
  }

  settle(): Decision {
    if (this.#denies !== undefined) {
      return deny({ kind: 'denied-by-rule', by: refsOf(this.#denies), message: messageOf(this.#denies), alert: strictestAlert(this.#denies) });
    }
    if (this.#winners !== undefined && this.#bond !== undefined) return granted(this.#winners, this.#bond);
    if (this.#unsafe !== undefined) return deny({ kind: 'unsafe-file', by: refsOf(this.#unsafe) });
    return deny({ kind: this.#lapsed ? 'no-policy' : 'no-rule' });
  }
}

function granted(winners: readonly LoadedRule[], bond: Bond): Decision {
  const by = refsOf(winners);
  const message = messageOf(winners);
  const obligations = obligationsOf(bond);
  if (winners.every((rule) => rule.then === 'allow')) return { kind: 'allow', by, message, obligations };
  const demands: Demands = winners.map((rule) => rule.demands).reduce(meetDemands, NO_DEMANDS);
  return { kind: 'ask', by, message, demands, obligations };
}

function deny(reason: DenyReason): Decision {
  return { kind: 'deny', reason };
}

function refsOf(rules: readonly LoadedRule[]): readonly RuleRef[] {
  if (rules.length === 1) return [(rules[0] as LoadedRule).ref];
  return rules.map((rule) => rule.ref).sort(compareRefs);
}

export function compareRefs(a: RuleRef, b: RuleRef): number {
  if (a.policy !== b.policy) return a.policy < b.policy ? -1 : 1;
  return a.rule < b.rule ? -1 : a.rule === b.rule ? 0 : 1;
}

/** Each message once, in an order of their own. */
function messageOf(rules: readonly LoadedRule[]): string | undefined {
  if (rules.length === 1) return (rules[0] as LoadedRule).message;
  const messages = new Set(rules.map((rule) => rule.message).filter((message) => message !== undefined));
  return messages.size === 0 ? undefined : [...messages].sort().join('\n');
}
