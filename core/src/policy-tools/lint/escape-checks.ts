import type { RunTarget } from '../../policy/compiled.ts';
import { targetText } from '../../policy/wording.ts';
import { type EscapeFinding, type EscapeGuards, escapeTable, type Gives, type Way } from '../escapes/index.ts';
import type { LintCode } from './codes.ts';
import { LINT_CODES } from './codes.ts';
import type { LintSeverity } from './severity.ts';
import { isGrant, type LintRule, milderFor, type RuleDraft } from './model.ts';
import type { Origins } from './origins.ts';
import { assessTarget, type Proposal, proposalFor } from './proposals.ts';
import { lintRewrite } from './rewrites.ts';

const MAX_NOTES = 3;

const CODE_OF: Readonly<Record<Gives, LintCode>> = {
  shell: 'escape-shell', command: 'escape-shell', 'file-read': 'escape-read', 'file-write': 'escape-write', ownership: 'escape-owner', 'code-load': 'escape-load',
  privilege: 'escape-privilege', delegation: 'escape-delegation',
};

const WORDS: Readonly<Partial<Record<LintCode, string>>> = {
  'escape-shell': 'can start a shell or any program', 'escape-read': 'can read files that the rule does not name', 'escape-write': 'can write files that the rule does not name',
  'escape-owner': 'can change owner or mode of files', 'escape-load': 'can load code', 'escape-privilege': 'can give privileges', 'escape-delegation': 'can have something else run with its rights',
};

type Assessment = { readonly byCode: ReadonlyMap<LintCode, readonly EscapeFinding[]>; readonly rewrite: Proposal | undefined };

/** Fleets grant the same few hundred commands again and again: each is assessed once. */
export class EscapeChecks {
  readonly #known = new Map<string, Assessment>();
  readonly #origins: Origins;

  constructor(origins: Origins) {
    this.#origins = origins;
  }

  check(rule: LintRule): readonly RuleDraft[] {
    if (!isGrant(rule)) return [];
    const guards = guardsOf(rule);
    return rule.targets.flatMap((target, at) => (target.command === undefined ? [] : this.#checkTarget(rule, { target, at }, guards)));
  }

  #checkTarget(rule: LintRule, { target, at }: { readonly target: RunTarget; readonly at: number }, guards: EscapeGuards): readonly RuleDraft[] {
    const { byCode, rewrite } = this.#assessment(target, guards);
    if (byCode.size === 0) return [];
    return [...byCode].map(([code, findings]): RuleDraft => ({
      code, rule, target: at,
      severity: severityFor(code, rule),
      message: `${targetText({ ...target, sha256: undefined, package: undefined })}${throughText(findings)} ${WORDS[code] ?? ''}`,
      reason: reasonOf(findings),
      rewrite: rewrite === undefined ? undefined : lintRewrite(rewrite, rule, at, this.#origins),
    }));
  }

  #assessment(target: RunTarget, guards: EscapeGuards): Assessment {
    const key = JSON.stringify([target.command, target.args, guards]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = assessmentOf(target, guards);
    this.#known.set(key, made);
    return made;
  }
}

function assessmentOf(target: RunTarget, guards: EscapeGuards): Assessment {
  const findings = assessTarget(target, guards);
  const byCode = new Map<LintCode, EscapeFinding[]>();
  // What only a kept variable opens is said where one is kept.
  for (const finding of findings.filter(({ severity }) => severity !== 'low')) {
    const code = CODE_OF[finding.gives];
    const list = byCode.get(code) ?? [];
    if (!list.some((each) => sameText(each, finding))) list.push(finding);
    byCode.set(code, list);
  }
  return { byCode, rewrite: byCode.size === 0 ? undefined : proposalFor(target, guards) };
}

function sameText(a: EscapeFinding, b: EscapeFinding): boolean {
  return a.note === b.note && wayText(a.way) === wayText(b.way) && a.through.join() === b.through.join();
}

function guardsOf({ compiled: { obligations, run } }: LintRule): EscapeGuards {
  const { children, environment } = obligations;
  const keeps = keptNames(environment.keep);
  const set = Object.fromEntries(environment.set.map(({ name, values }) => [name, values[0] as string]));
  const isPinnedHash = run.is.length > 0 && run.is.every(({ sha256 }) => sha256 !== undefined);
  return { children, ...(keeps.length === 0 ? {} : { keeps }), ...(environment.set.length === 0 ? {} : { environment: set }), ...(isPinnedHash ? { isPinnedHash } : {}) };
}

let variables: readonly string[] | undefined;

/** Variables that the table knows something about. */
function knownVariables(): readonly string[] {
  variables ??= ['HOME', ...new Set(escapeTable().flatMap(({ escapes }) => escapes.flatMap(({ way }) => (way.by === 'environment' ? way.names.split(/\s+/) : []))))];
  return variables;
}

/** `LC_*` keeps every variable that begins so. */
export function keptNames(keep: readonly string[], known: readonly string[] = knownVariables()): readonly string[] {
  return [...new Set(keep.flatMap((name) => (name.endsWith('*') ? known.filter((each) => each.startsWith(name.slice(0, -1))) : [name])))];
}

function severityFor(code: LintCode, rule: LintRule): LintSeverity {
  if (code === 'escape-write' && rule.compiled.obligations.writable?.includes('/') === false) return 'note';
  return milderFor(rule, LINT_CODES[code].severity);
}

function throughText(findings: readonly EscapeFinding[]): string {
  const inner = findings.find(({ through }) => through.length > 0);
  return inner === undefined ? '' : ` (${[...inner.through, inner.program].join(' → ')})`;
}

function reasonOf(findings: readonly EscapeFinding[]): string {
  const texts = [...new Set(findings.map(({ note, way }) => `${note.replace(/\.$/, '')}${wayText(way)}.`))];
  const more = texts.length - MAX_NOTES;
  return `${texts.slice(0, MAX_NOTES).join(' ')}${more > 0 ? ` And ${more} more such ${more === 1 ? 'way' : 'ways'}.` : ''}`;
}

function wayText(way: Way): string {
  switch (way.by) {
    case 'key':
      return ` (${way.keys})`;
    case 'option':
      return ` (${way.options.split(/\s+/).slice(0, 4).map((option) => option.replace(/=\??$/, '')).join(' ')})`;
    case 'environment':
      return ` (${way.names.split(/\s+/).slice(0, 4).join(' ')})`;
    case 'configuration':
      return ` (${way.file})`;
    case 'operand':
      return way.prefix === undefined ? '' : ` (${way.prefix})`;
    case 'always':
    case 'fewer':
    case 'wraps':
      return '';
  }
}
