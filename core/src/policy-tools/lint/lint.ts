import type { PolicyDocument } from '../parse.ts';
import { type Accept, acceptsIn } from './accepts.ts';
import { LINT_CODES, needsFacts } from './codes.ts';
import { CoverIndex } from './cover-index.ts';
import { EscapeChecks } from './escape-checks.ts';
import { ExpressionChecks } from './expression-checks.ts';
import type { LintFinding, Region } from './finding.ts';
import { FleetChecks, type FleetFacts } from './fleet-checks.ts';
import { checkGrant } from './grant-checks.ts';
import { type LintPolicy, policiesIn, type RuleDraft } from './model.ts';
import { checkSpelling } from './names-checks.ts';
import { Origins } from './origins.ts';
import { DocumentPlaces } from './places.ts';
import { checkRule } from './rule-checks.ts';
import { checkShadows } from './shadow-checks.ts';

/**
 * What is doubtful in policies without errors: by file and line. Findings that a comment accepts are among them, marked. Pure; the
 * time grows with the number of rules. `facts`: what the fleet has; without them nothing is said that needs them.
 */
export function lint(documents: readonly PolicyDocument[], facts: FleetFacts = {}): readonly LintFinding[] {
  const policies = policiesIn(documents);
  const origins = new Origins(documents);
  const fleet = new FleetChecks(facts);
  const found = [
    ...draftsOf(policies, origins, fleet).map((draft) => placed(draft, origins)),
    ...policies.flatMap((policy) => unreached(policy, fleet)),
    ...unusedSets(documents, policies).map((finding) => ({ finding, lines: [{ file: finding.file, line: finding.line }] })),
  ];
  return accepted(found, documents, facts).sort(byPlace);
}

function draftsOf(policies: readonly LintPolicy[], origins: Origins, fleet: FleetChecks): readonly RuleDraft[] {
  const rules = policies.flatMap((policy) => policy.rules);
  const index = new CoverIndex();
  for (const rule of rules) index.add(rule);
  const [escapes, expressions] = [new EscapeChecks(origins), new ExpressionChecks()];
  const drafts = rules.flatMap((rule) => [...escapes.check(rule), ...checkGrant(rule, origins), ...checkRule(rule, expressions), ...checkShadows(rule, index), ...fleet.checkRule(rule)]);
  return [...drafts, ...checkSpelling(policies)];
}

type Line = { readonly file: string; readonly line: number };
/** `lines`: where a comment may accept it. */
type Placed = { readonly finding: LintFinding; readonly lines: readonly Line[] };

function placed(draft: RuleDraft, origins: Origins): Placed {
  const { rule, target, path, code, severity, message, reason, rewrite } = draft;
  const { places, document } = rule.policy;
  const base = ['rules', rule.index];
  const origin = target === undefined ? undefined : origins.of(rule, target);
  const region = places.region(origin?.path ?? (path === undefined ? [...base, 'name'] : [...base, ...path]));
  const { file } = document;
  const finding: LintFinding = { code, severity: severity ?? LINT_CODES[code].severity, file, ...region, rule: rule.ref, message, reason, ...(rewrite === undefined ? {} : { rewrite }) };
  const lines: Line[] = [{ file, line: places.line(base) }, { file, line: region.line }];
  if (origin?.set !== undefined) lines.push({ file: origin.set.places.document.file, line: origin.set.places.line(origin.set.path) });
  return { finding, lines };
}

function unreached(policy: LintPolicy, fleet: FleetChecks): readonly Placed[] {
  const draft = fleet.checkPolicy(policy);
  if (draft === undefined) return [];
  const { file } = policy.document;
  const region = policy.places.region(['targets', 'devices']);
  return [{ finding: { code: 'never-matches', severity: LINT_CODES['never-matches'].severity, file, ...region, rule: undefined, message: draft.message, reason: draft.reason }, lines: [{ file, line: region.line }] }];
}

/** What does something only where a policy names it. */
const SHARED: readonly string[] = ['CommandSet', 'UserSet', 'DeviceSet', 'Defaults'];

function unusedSets(documents: readonly PolicyDocument[], policies: readonly LintPolicy[]): readonly LintFinding[] {
  const used = new Set(policies.flatMap(({ document }) => document.uses));
  return documents.filter(({ kind, name }) => SHARED.includes(kind) && !used.has(`${kind}/${name}`)).map((document) => ({
    code: 'unused-set', severity: LINT_CODES['unused-set'].severity, file: document.file, ...new DocumentPlaces(document).region(['metadata', 'name']), rule: undefined,
    message: `No policy here uses ${document.kind} "${document.name}"`, reason: 'Name it in a policy, check the policies that use it together with it, or take it away.',
  }));
}

function accepted(found: readonly Placed[], documents: readonly PolicyDocument[], facts: FleetFacts): LintFinding[] {
  const read = documents.map(acceptsIn);
  const byLine = new Map<string, Accept>();
  for (const accept of read.flatMap(({ accepts }) => accepts)) byLine.set(keyOf(accept.file, accept.line, accept.code), accept);
  const used = new Set<Accept>();
  const findings = found.map(({ finding, lines }): LintFinding => {
    const accepts = lines.flatMap(({ file, line }) => byLine.get(keyOf(file, line, finding.code)) ?? []);
    for (const accept of accepts) used.add(accept);
    return accepts[0] === undefined ? finding : { ...finding, accepted: { because: accepts[0].because } };
  });
  const stale = read.flatMap(({ accepts }) => accepts).filter((accept) => !used.has(accept) && !isUndecided(accept, facts));
  return [...findings, ...read.flatMap(({ faults }) => faults), ...stale.map(staleFinding)];
}

function keyOf(file: string, line: number, code: string): string {
  return `${line} ${code} ${file}`;
}

/** Without the fleet's facts nothing is known about what only they show. */
function isUndecided({ code }: Accept, facts: FleetFacts): boolean {
  return facts.devices === undefined && (needsFacts(code) || code === 'never-matches');
}

function staleFinding({ file, code, at }: Accept & { readonly at: Region }): LintFinding {
  return { ...at, code: 'stale-accept', severity: LINT_CODES['stale-accept'].severity, file, rule: undefined, message: `There is no ${code} here to accept`, reason: 'Take the comment away, or put it on the line above the rule or entry, or at the end of its line.' };
}

function byPlace(a: LintFinding, b: LintFinding): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0);
}
