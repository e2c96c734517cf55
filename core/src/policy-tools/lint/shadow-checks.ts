import { meetObligations } from '../../policy/meet.ts';
import type { RuleObligations } from '../../policy/obligations.ts';
import type { CoverIndex } from './cover-index.ts';
import { coversAround, coversRule, coversTarget } from './coverage.ts';
import type { LintSeverity } from './severity.ts';
import { isGrant, type LintRule, nameOf, type RuleDraft } from './model.ts';

/** What other rules make of a rule: nothing, something else, or the same twice. */
export function checkShadows(rule: LintRule, index: CoverIndex): readonly RuleDraft[] {
  if (rule.policy.compiled.mode !== 'enforce') return [];
  if (!isGrant(rule)) return checkEquals(rule, index);
  const takenAway = checkTakenAway(rule, index);
  return takenAway.length > 0 ? takenAway : checkEquals(rule, index);
}

type Cover = { readonly code: 'unreachable' | 'shadowed'; readonly by: LintRule };

/** Target by target: different rules may take away different ones. */
function checkTakenAway(rule: LintRule, index: CoverIndex): readonly RuleDraft[] {
  const around = new Map<LintRule, boolean>();
  const covers = rule.targets.map((target): Cover | undefined => {
    const found = index.candidates(rule, target).filter((other) => {
      if (!overrules(other, rule)) return false;
      const isAround = around.get(other) ?? coversAround(other, rule);
      around.set(other, isAround);
      return isAround && other.targets.some((each) => coversTarget(each, target, other.compiled.then === 'deny'));
    });
    const deny = found.find((other) => other.compiled.then === 'deny');
    const by = deny ?? found[0];
    return by === undefined ? undefined : { code: deny === undefined ? 'shadowed' : 'unreachable', by };
  });
  return draftsOf(rule, covers);
}

function draftsOf(rule: LintRule, covers: readonly (Cover | undefined)[]): readonly RuleDraft[] {
  const known = covers.filter((cover) => cover !== undefined);
  if (known.length === 0) return [];
  if (known.length < covers.length) return covers.flatMap((cover, target) => (cover === undefined ? [] : [{ rule, target, ...told(cover.code, [cover.by], 'This entry') }]));
  const by = [...new Set(known.map((cover) => cover.by))];
  return [{ rule, ...told(known.every(({ code }) => code === 'unreachable') ? 'unreachable' : 'shadowed', by, 'The rule') }];
}

function told(code: Cover['code'], by: readonly LintRule[], what: string): Pick<RuleDraft, 'code' | 'message' | 'reason'> {
  const names = by.slice(0, 3).map(nameOf).join(', ');
  if (code === 'unreachable') return { code, message: `${what} never holds: ${names} denies all of it`, reason: 'A deny wins whatever its priority. Write the exception into the deny, or take this away.' };
  return { code, message: `${what} never decides: ${names} of higher priority always comes first`, reason: 'Give it a higher priority, narrow the other, or take it away.' };
}

function overrules(other: LintRule, rule: LintRule): boolean {
  return other.compiled.then === 'deny' || other.compiled.priority > rule.compiled.priority;
}

/** Rules that hold together with it: one that says the same or more, one that is stricter, one that wants what cannot be had as well. */
function checkEquals(rule: LintRule, index: CoverIndex): readonly RuleDraft[] {
  const first = rule.targets[0];
  if (first === undefined) return [];
  const together = index.candidates(rule, first).filter((other) => isGrant(other) === isGrant(rule) && (!isGrant(rule) || other.compiled.priority === rule.compiled.priority) && coversRule(other, rule));
  const drafts: RuleDraft[] = [];
  const twin = together.find((other) => saysTheSame(other, rule) && runsTheSame(other, rule) && (other.order < rule.order || !coversRule(rule, other)));
  if (twin !== undefined && !rule.compiled.recovery) {
    drafts.push({ code: 'duplicate', rule, message: `${nameOf(twin)} already says this`, reason: 'Taking this rule away changes nothing.' });
  }
  const asks = rule.compiled.then === 'allow' ? together.find((other) => other.compiled.then === 'ask') : undefined;
  if (asks !== undefined) {
    drafts.push({ code: 'allow-beside-ask', rule, path: ['then'], message: `${nameOf(asks)} asks for the same, at the same priority, so this is asked too`, reason: 'Among equals the strictest wins. Give the allow a higher priority, or take one of the two away.' });
  }
  return [...drafts, ...(isGrant(rule) ? together.flatMap((other) => conflictsOf(other, rule)).slice(0, 1) : [])];
}

/** To the requester and the SOC, too. */
function saysTheSame({ compiled: a }: LintRule, { compiled: b }: LintRule): boolean {
  const outcome = ({ then, message, demands, obligations, failures, recovery }: typeof a): string => JSON.stringify([then, message, demands, obligations, failures, recovery]);
  return outcome(a) === outcome(b);
}

/** A grant also says by which name a command runs, and which contents: a wider rule says less of that. */
function runsTheSame(other: LintRule, rule: LintRule): boolean {
  if (!isGrant(rule)) return true;
  return rule.targets.every((target) => other.targets.some((each) => each.command === target.command && JSON.stringify(each.sha256) === JSON.stringify(target.sha256) && coversTarget(each, target, false)));
}

function conflictsOf(other: LintRule, rule: LintRule): readonly RuleDraft[] {
  const [a, b] = [other.compiled.obligations, rule.compiled.obligations];
  const conflict = conflictIn(a, b);
  if (conflict === undefined || (other.order > rule.order && coversRule(rule, other))) return [];
  const { what, severity } = conflict;
  return [{ code: 'contradiction', severity, rule, path: ['limits'], message: `Together with ${nameOf(other)}, which holds whenever this does, ${what}`, reason: 'Rules of one priority hold together and the strictest of each counts. Say it in one of them, or give them different priorities.' }];
}

function conflictIn(a: RuleObligations, b: RuleObligations): { readonly what: string; readonly severity: LintSeverity } | undefined {
  const met = meetObligations(a, b);
  const torn = met.environment.set.find(({ values }) => values.length > 1);
  if (torn !== undefined) return { what: `${torn.name} would have two values, so the command is refused`, severity: 'error' };
  if (met.cwd.length > 1) return { what: 'there would be two working directories, so the command is refused', severity: 'error' };
  if (isEmptied(a.capabilities, b.capabilities, met.capabilities)) return { what: 'no capability is left', severity: 'warning' };
  return isEmptied(a.writable, b.writable, met.writable) ? { what: 'nothing is left that it may write', severity: 'warning' } : undefined;
}

function isEmptied(a: readonly string[] | undefined, b: readonly string[] | undefined, both: readonly string[] | undefined): boolean {
  return both?.length === 0 && (a?.length ?? 0) > 0 && (b?.length ?? 0) > 0;
}
