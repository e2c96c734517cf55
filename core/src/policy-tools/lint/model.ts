import { ANYTHING, type CompiledPolicy, type CompiledRule, type RunTarget } from '../../policy/compiled.ts';
import type { RuleRef } from '../../policy/decision.ts';
import { compilePolicy } from '../compile.ts';
import type { PolicyDocument } from '../parse.ts';
import type { RuleShape } from '../schema.ts';
import type { LintCode } from './codes.ts';
import type { LintRewrite } from './finding.ts';
import { DocumentPlaces, type Path } from './places.ts';
import { type LintSeverity, milder } from './severity.ts';

/** A rule as the checks see it, sets and defaults filled in. */
export type LintRule = {
  readonly ref: RuleRef;
  /** Its number among all rules of all documents. */
  readonly order: number;
  /** Its place in its policy. */
  readonly index: number;
  readonly policy: LintPolicy;
  readonly shape: RuleShape;
  readonly compiled: CompiledRule;
  /** What it names; for `run: any` one target that names nothing. */
  readonly targets: readonly RunTarget[];
};

export type LintPolicy = {
  readonly document: PolicyDocument;
  readonly places: DocumentPlaces;
  readonly compiled: CompiledPolicy;
  /** Of all its rules, in their order. */
  readonly rules: readonly LintRule[];
};

/** A finding before it has a place. `target`: an index into the rule's targets. `path`: within the rule. */
export type RuleDraft = {
  readonly code: LintCode;
  readonly severity?: LintSeverity | undefined;
  readonly rule: LintRule;
  readonly target?: number | undefined;
  readonly path?: Path | undefined;
  readonly message: string;
  readonly reason: string;
  readonly rewrite?: LintRewrite | undefined;
};

export function policiesIn(documents: readonly PolicyDocument[]): readonly LintPolicy[] {
  let order = 0;
  return documents.flatMap((document): readonly LintPolicy[] => {
    const { policy: shape } = document;
    if (shape === undefined) return [];
    const compiled = compilePolicy(shape);
    const rules: LintRule[] = [];
    const policy: LintPolicy = { document, places: new DocumentPlaces(document), compiled, rules };
    for (const [index, rule] of compiled.rules.entries()) {
      const targets = rule.run.any ? [ANYTHING, ...rule.run.is] : rule.run.is;
      rules.push({ ref: { policy: compiled.name, rule: rule.name }, order: order++, index, policy, shape: shape.rules[index] as RuleShape, compiled: rule, targets });
    }
    return [policy];
  });
}

export function isGrant({ compiled }: LintRule): boolean {
  return compiled.then !== 'deny';
}

export function nameOf({ ref }: LintRule): string {
  return `${ref.policy}/${ref.rule}`;
}

/** Neither circumstances nor an expression. */
export function isUnconditional({ compiled }: LintRule): boolean {
  return compiled.when === undefined && Object.values(compiled.circumstances).every((each) => each === undefined);
}

/** Not root, by all that is written. */
function runsAsOther({ compiled: { as } }: LintRule): boolean {
  if (as.users === 'any') return false;
  if (as.users === 'requester') return as.groups === 'own' || (as.groups !== 'any' && !as.groups.some((group) => ('id' in group ? group.id === 0 : group.name === 'root')));
  return !as.users.some((user) => ('id' in user ? user.id === 0 : user.name === 'root'));
}

/** What a rule that does not run as root hands out matters less. */
export function milderFor(rule: LintRule, severity: LintSeverity): LintSeverity {
  return runsAsOther(rule) ? milder(severity) : severity;
}
