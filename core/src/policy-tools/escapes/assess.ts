import { compileArguments } from '../../policy/argument-pattern.ts';
import type { Escape, Gives, ProgramEntry, Way } from './entry.ts';
import { type CompiledEscape, compileEscapes, splitWords } from './syntax.ts';
import { type Written, writtenOf } from './symbols.ts';
import { programOf } from './table.ts';
import { isPathHeld } from './value.ts';
import { type Arguments, isOpen, type Wrapped } from './walk.ts';

/** What a rule grants, as written. Without `args`: any arguments. */
export type EscapeTarget = { readonly command?: string | undefined; readonly args?: readonly string[] | undefined };

export type EscapeGuards = {
  /**
   * `check` and `deny` close what starts another program. A program that replaces itself by exec without a fork is
   * seen just so: it is the exec that is checked.
   */
  readonly children?: 'allow' | 'check' | 'deny' | undefined;
  /** A pinned content closes nothing here: it says what the program is, and these are things that the genuine one does. */
  readonly isPinnedHash?: boolean | undefined;
  /** Environment variables that the rule lets through. */
  readonly keeps?: readonly string[] | undefined;
  /** Environment variables that the program is certain to get, with their values. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
};

/** `low`: only through an environment that is stripped unless a rule keeps it. */
export type Severity = 'high' | 'medium' | 'low';

export type EscapeFinding = {
  /** The table's first name of the program. */
  readonly program: string;
  /** Programs it is run by, outermost first: `env`, `nice`. */
  readonly through: readonly string[];
  readonly gives: Gives;
  readonly severity: Severity;
  readonly way: Way;
  readonly note: string;
};

/** Beyond the language's own limit a list counts as any arguments. */
const MAX_PATTERNS = 256;
const ANYTHING: Arguments = { each: [], rest: true };
const NO_GUARDS: EscapeGuards = {};
/** A program that is run by more wrappers than this counts as one that anybody chooses. */
const MAX_DEPTH = 6;

/** The escapes that are open under a target as written. A program that the table does not hold has none known. */
export function assess(target: EscapeTarget, guards: EscapeGuards = {}): readonly EscapeFinding[] {
  const entry = target.command === undefined ? undefined : programOf(target.command);
  if (entry === undefined) return [];
  const args = argumentsOf(target.args);
  const isAnything = args.each.length === 0 && args.rest;
  const isPlain = (guards.keeps?.length ?? 0) === 0 && guards.environment === undefined;
  if (!isAnything || !isPlain) return assessEntry(entry, args, { guards, found: new Map(), isAnything, depth: 0 });
  return assessAnything(entry, guards);
}

function argumentsOf(patterns: readonly string[] | undefined): Arguments {
  if (patterns === undefined || patterns.length > MAX_PATTERNS) return ANYTHING;
  const compiled = compileArguments(patterns);
  // A rule with a faulty pattern does not compile; should it ever be asked about, nothing counts as pinned.
  return compiled.ok ? { each: compiled.value.each.map(writtenOf), rest: compiled.value.rest } : ANYTHING;
}

type Remembered = { readonly compiled: readonly CompiledEscape[]; readonly anything: Map<boolean, readonly EscapeFinding[]> };
const remembered = new WeakMap<ProgramEntry, Remembered>();

function remember(entry: ProgramEntry): Remembered {
  const known = remembered.get(entry) ?? { compiled: compileEscapes(entry), anything: new Map() };
  remembered.set(entry, known);
  return known;
}

function assessAnything(entry: ProgramEntry, guards: EscapeGuards): readonly EscapeFinding[] {
  const { anything } = remember(entry);
  const isGuarded = areChildrenHeld(guards);
  const known = anything.get(isGuarded) ?? assessEntry(entry, ANYTHING, { guards, found: new Map(), isAnything: true, depth: 0 });
  anything.set(isGuarded, known);
  return known;
}

type Inquiry = {
  readonly guards: EscapeGuards;
  /** By the number of written arguments left to a wrapped program, which says which one it is, whether more may follow, its guards and depth. */
  readonly found: Map<number, readonly EscapeFinding[]>;
  readonly isAnything: boolean;
  /** How many programs it is run by. */
  readonly depth: number;
};

function assessEntry(entry: ProgramEntry, args: Arguments, inquiry: Inquiry): readonly EscapeFinding[] {
  const findings: EscapeFinding[] = [];
  for (const compiled of remember(entry).compiled) {
    const { escape } = compiled;
    if (isClosedByChildren(escape.gives, escape.way, inquiry.guards) || isClosedByEnvironment(escape, inquiry.guards)) continue;
    if (escape.way.by === 'wraps') {
      addNew(findings, assessWrapped(entry, compiled, args, inquiry));
      continue;
    }
    const severity = severityOf(compiled, inquiry);
    if (severity !== undefined && isOpen(compiled, args)) findings.push(findingOf(entry, compiled, severity));
  }
  return findings;
}

/** A wrapper with two ways to run a program says each thing once. */
function addNew(findings: EscapeFinding[], more: readonly EscapeFinding[]): void {
  const textOf = ({ through, program, note }: EscapeFinding): string => JSON.stringify([through, program, note]);
  const known = new Set(findings.map(textOf));
  for (const finding of more) if (!known.has(textOf(finding))) findings.push(finding);
}

function findingOf(entry: ProgramEntry, { escape }: CompiledEscape, severity: Severity): EscapeFinding {
  return { program: entry.names[0] as string, through: [], gives: escape.gives, severity, way: escape.way, note: escape.note };
}

function areChildrenHeld(guards: EscapeGuards): boolean {
  return guards.children === 'check' || guards.children === 'deny';
}

function isClosedByChildren(gives: Gives, way: Way, guards: EscapeGuards): boolean {
  if (!areChildrenHeld(guards)) return false;
  return gives === 'shell' || gives === 'command' || (way.by === 'wraps' && !way.inside);
}

function isClosedByEnvironment({ secured }: Escape, { environment = {} }: EscapeGuards): boolean {
  return splitWords(secured ?? '').some((each) => Object.entries(environment).some(([name, value]) => each === `${name}=${value}`));
}

function severityOf({ escape: { way, gives } }: CompiledEscape, { guards, isAnything }: Inquiry): Severity | undefined {
  const names = way.by === 'environment' ? splitWords(way.names) : way.by === 'configuration' && way.at === 'home' ? ['HOME'] : undefined;
  if (names === undefined || names.some((name) => guards.keeps?.includes(name))) return severityOfGain(gives);
  // Said once, of the grant that is all open; whoever wrote arguments or guards need not hear of it.
  return isAnything && !areChildrenHeld(guards) ? 'low' : undefined;
}

function severityOfGain(gives: Gives): Severity {
  return gives === 'file-read' ? 'medium' : 'high';
}

function assessWrapped(entry: ProgramEntry, compiled: CompiledEscape, args: Arguments, inquiry: Inquiry): readonly EscapeFinding[] {
  const wrapped = new Map<number, Wrapped>();
  isOpen(compiled, args, (each) => wrapped.set(Math.min(each.from, args.each.length + 1), each));
  const findings: EscapeFinding[] = [];
  for (const each of wrapped.values()) {
    const isTooDeep = inquiry.depth === MAX_DEPTH && programOf(each.written.literal ?? '') !== undefined;
    if (isTooDeep || leavesProgramOpen(each.written)) return [findingOf(entry, compiled, severityOfGain(compiled.escape.gives))];
    const through = entry.names[0] as string;
    for (const finding of assessInner(each, compiled, args, inquiry)) findings.push({ ...finding, through: [through, ...finding.through] });
  }
  return findings;
}

/** A wildcard among programs nobody chose, or a program where the requester can put one. */
function leavesProgramOpen({ literal, symbols }: Written): boolean {
  if (literal !== undefined && !literal.includes('/')) return false;
  return !isPathHeld(symbols);
}

function assessInner(wrapped: Wrapped, { escape: { way, gives } }: CompiledEscape, args: Arguments, inquiry: Inquiry): readonly EscapeFinding[] {
  const entry = wrapped.written.literal === undefined ? undefined : programOf(wrapped.written.literal);
  if (entry === undefined) return [];
  const each = args.each.slice(wrapped.from);
  const rest = args.rest || (way.by === 'wraps' && way.appends);
  // What somebody else starts on its behalf has none of this rule's guards; a wrapper may take variables away.
  const isDelegated = gives === 'delegation' || inquiry.guards === NO_GUARDS;
  const guards = isDelegated ? NO_GUARDS : { ...inquiry.guards, environment: undefined };
  const place = ((each.length * 2 + (rest ? 1 : 0)) * 2 + (isDelegated ? 1 : 0)) * (MAX_DEPTH + 1) + inquiry.depth;
  const known = inquiry.found.get(place);
  if (known !== undefined) return known;
  const found = assessEntry(entry, { each, rest }, { ...inquiry, guards, isAnything: false, depth: inquiry.depth + 1 });
  inquiry.found.set(place, found);
  return found;
}

