import type { CompiledRule, Subject } from '../../policy/compiled.ts';
import { targetText } from '../../policy/wording.ts';
import { compileRegex } from '../../policy/regular-expression.ts';
import { assess } from '../escapes/index.ts';
import { coversTarget } from './coverage.ts';
import { doubtfulFacts, type ExpressionChecks } from './expression-checks.ts';
import type { LintRewrite } from './finding.ts';
import { isGrant, type LintRule, type RuleDraft } from './model.ts';
import { valueRewrite } from './rewrites.ts';
import { ANSWERING } from './roles.ts';

/** What a rule says by itself: contradictions, conditions that are none, approvals that cannot be had. */
export function checkRule(rule: LintRule, expressions: ExpressionChecks): readonly RuleDraft[] {
  return [...contradictions(rule), ...conditions(rule, expressions), ...approvals(rule), ...parents(rule), ...denials(rule), ...recovery(rule)];
}

type Told = Omit<RuleDraft, 'rule' | 'code'>;
const NEVER = 'As it is written it never holds.';

function contradictions(rule: LintRule): readonly RuleDraft[] {
  const told = [...whoContradicts(rule.compiled), ...runContradicts(rule), ...aroundContradicts(rule.compiled), ...demandsContradict(rule.compiled)];
  return told.map((each) => ({ ...each, rule, code: 'contradiction' }));
}

function whoContradicts({ who }: CompiledRule): readonly Told[] {
  const excluded = new Set(who.not.map((subject) => JSON.stringify(subject)));
  const isEmpty = !who.any && who.is.length > 0 && who.is.every((subject) => excluded.has(JSON.stringify(subject)));
  return isEmpty ? [{ path: ['who'], message: 'Everybody whom it names is excluded as well', reason: NEVER }] : [];
}

/** Two lists of this length are compared pair by pair. */
const MAX_PAIRS = 10_000;

function runContradicts({ compiled: { run }, targets }: LintRule): readonly Told[] {
  if (run.not.length * targets.length > MAX_PAIRS) return [];
  return targets.flatMap((target, at): readonly Told[] => {
    const by = run.not.find((exception) => coversTarget(exception, target, true));
    return by === undefined ? [] : [{ target: at, message: `The exception "${targetText(by)}" takes all of this entry away`, reason: 'Narrow the exception, or take the entry away.' }];
  });
}

function aroundContradicts({ circumstances: { login, networks, terminal, during }, obligations }: CompiledRule): readonly Told[] {
  const told: Told[] = [];
  if (networks !== undefined && login !== undefined && !login.includes('ssh')) {
    told.push({ path: ['from'], message: `Networks are asked for, and logins that come over none (${login.join(', ')})`, reason: `Only an SSH login has an address. ${NEVER}` });
  }
  const whole = during?.find(({ fromMinute, toMinute }) => fromMinute === toMinute);
  if (whole !== undefined) told.push({ path: ['during'], severity: 'warning', message: 'A period begins and ends at the same time: that is 24 hours, not none', reason: 'Leave from and to out, or correct one of them.' });
  if (terminal === true && login?.every((kind) => kind === 'service') === true) told.push({ path: ['from'], severity: 'warning', message: 'A terminal is asked for, and a login that has none (service)', reason: 'Nobody has logged in there, so there is hardly ever a terminal.' });
  const { durationMs, totalMs } = obligations;
  if (durationMs !== undefined && totalMs !== undefined && durationMs > totalMs) told.push({ path: ['limits'], severity: 'warning', message: 'One run may take longer than all runs together', reason: 'limits.duration is above limits.total; the smaller counts.' });
  return told;
}

function demandsContradict({ demands: { reason } }: CompiledRule): readonly Told[] {
  if (reason === undefined) return [];
  const patterns = reason.patterns.map(compileRegex).flatMap((regex) => (regex.ok ? [regex.value] : []));
  const wrong = reason.suggestions.find((text) => Array.from(text).length < reason.minLength || !patterns.every((regex) => regex.matchesWhole(text)));
  if (wrong === undefined) return [];
  return [{ path: ['require', 'reason'], severity: 'warning', message: `The suggestion ${JSON.stringify(wrong)} is no reason that the rule takes`, reason: 'It is shorter than minLength or does not match the pattern; whoever chooses it is refused.' }];
}

function conditions(rule: LintRule, expressions: ExpressionChecks): readonly RuleDraft[] {
  const constancy = expressions.constancyOf(rule.compiled);
  if (constancy === undefined) return [];
  if (constancy === 'always') return [{ code: 'constant-condition', rule, path: ['when'], message: 'The expression is always true', reason: 'It limits nothing; leave it out, or correct it.' }];
  const inPeriod = rule.compiled.circumstances.during === undefined ? '' : ' within its period';
  return [{ code: 'never-matches', rule, path: ['when'], rewrite: pastMidnight(rule), message: `The expression is never true${inPeriod}`, reason: `Whatever the facts are. ${isGrant(rule) ? 'The rule grants nothing.' : 'The rule denies nothing.'} A time past midnight is two: time.hour >= 22 || time.hour < 6.` }];
}

/** The slip that everybody makes once. */
function pastMidnight(rule: LintRule): LintRewrite | undefined {
  const [, from, to] = /^\s*time\.hour\s*>=?\s*([0-9]+)\s*&&\s*time\.hour\s*<=?\s*([0-9]+)\s*$/.exec(rule.compiled.when?.source ?? '') ?? [];
  const isPast = from !== undefined && to !== undefined && Number(from) > Number(to) && Number(from) < 24 && rule.compiled.circumstances.during === undefined;
  return isPast ? valueRewrite(rule, 'when', `time.hour >= ${from} || time.hour < ${to}`, 'A time past midnight is two.') : undefined;
}

function approvals(rule: LintRule): readonly RuleDraft[] {
  const { demands, who } = rule.compiled;
  return demands.approval.flatMap(({ from, count, escalate }): readonly RuleDraft[] => {
    const all = [...from, ...(escalate?.to ?? [])];
    const roles = rolesThatCannot(rule, all);
    if (roles !== undefined) return [roles];
    if (!all.every((each) => each.startsWith('user:'))) return [];
    const able = new Set(all.map((each) => each.slice(5)));
    const only = onlyRequester(who.any ? [] : who.is);
    if (only !== undefined) able.delete(only);
    if (able.size >= count) return [];
    const few = able.size === 0 ? 'nobody' : able.size === 1 ? 'one person' : `${able.size} people`;
    return [{ code: 'approval-impossible', rule, path: ['require', 'approval'], message: `It wants ${count === 1 ? 'one approval' : `${count} approvals`} and there ${able.size > 1 ? 'are' : 'is'} ${few} to give ${count === 1 ? 'it' : 'them'}`, reason: 'The requester never approves his own request, and each person counts once. Name more people, a role or a group.' }];
  });
}

/** Where it names roles alone, and none of them may answer. */
function rolesThatCannot(rule: LintRule, from: readonly string[]): RuleDraft | undefined {
  if (!from.every((each) => each.startsWith('role:'))) return undefined;
  const names = [...new Set(from.map((each) => each.slice(5)))];
  if (names.some((name) => ANSWERING[name] === true)) return undefined;
  const told = { code: 'approval-impossible', rule, path: ['require', 'approval'] } as const;
  const unknown = names.filter((name) => ANSWERING[name] === undefined);
  if (unknown.length === names.length) return { ...told, message: `There is no role ${unknown.join(' or ')}`, reason: `Roles are ${Object.keys(ANSWERING).join(', ')}. Name role:approver, or a group of your directory (group:NAME).` };
  return { ...told, severity: 'warning', message: `No role that it names may answer requests (${names.join(', ')})`, reason: 'Only whoever holds approver or administrator as well can. Name role:approver, or give those people that role.' };
}

function onlyRequester(who: readonly Subject[]): string | undefined {
  const [first, ...more] = who;
  return first?.kind === 'user' && more.every((each) => each.kind === 'user' && each.name === first.name) ? first.name : undefined;
}

/** Programs that start whatever their user wants. */
function parents(rule: LintRule): readonly RuleDraft[] {
  if (!isGrant(rule)) return [];
  return (['parent', 'ancestor'] as const).flatMap((key): readonly RuleDraft[] => {
    const weak = rule.compiled.circumstances[key]?.find((command) => assess({ command }).some(({ severity, gives }) => severity !== 'low' && (gives === 'shell' || gives === 'command' || gives === 'code-load')));
    return weak === undefined ? [] : [{ code: 'weak-parent', rule, path: [key], message: `Anybody can have ${weak} start this`, reason: `${key === 'parent' ? 'The parent' : 'An ancestor'} tells where a request comes from, not what it is for: ${weak} runs whatever its user wants. Name a program that does one thing.` }];
  });
}

function denials(rule: LintRule): readonly RuleDraft[] {
  if (isGrant(rule)) return [];
  const drafts: RuleDraft[] = [];
  const doubtful = doubtfulIn(rule.compiled);
  if (doubtful.length > 0) {
    const [names, path] = [doubtful.map(({ name }) => name).join(', '), (doubtful[0] as (typeof doubtful)[number]).path];
    drafts.push({ code: 'deny-unknown', rule, path, message: `Where ${names} cannot be told, this denies everybody`, reason: 'Unknown satisfies a deny. If that is too much: ask whether a label or variable is there first ("site" in device.labels), or deny by something that is always known.' });
  }
  if (rule.compiled.priority !== 0) drafts.push({ code: 'pointless-priority', rule, path: ['priority'], message: 'A deny wins whatever its priority', reason: 'Take the line away.' });
  return drafts;
}

type Doubtful = { readonly name: string; readonly path: readonly string[] };

function doubtfulIn({ circumstances: { parent, ancestor, device }, when }: CompiledRule): readonly Doubtful[] {
  const facets = (['secureBoot', 'firewall', 'maxPatchAgeDays'] as const).filter((facet) => device?.[facet] !== undefined).map((facet) => (facet === 'maxPatchAgeDays' ? 'maxPatchAge' : facet));
  return [
    ...(parent === undefined ? [] : [{ name: 'the parent', path: ['parent'] }]),
    ...(ancestor === undefined ? [] : [{ name: 'the ancestors', path: ['ancestor'] }]),
    ...facets.map((facet) => ({ name: `device.${facet}`, path: ['device', facet] })),
    ...(when === undefined ? [] : doubtfulFacts(when.parsed)).map((name) => ({ name, path: ['when'] })),
  ];
}

function recovery(rule: LintRule): readonly RuleDraft[] {
  if (!rule.compiled.recovery || rule.policy.compiled.mode !== 'monitor') return [];
  return [{ code: 'monitor-recovery', rule, path: ['recovery'], message: 'Its policy enforces nothing (mode: monitor), so this lets nobody in', reason: 'Move the recovery rule into a policy of its own that is enforced.' }];
}
