import type { ByteString } from '../../bytes.ts';
import { type ArgumentPattern, compileSpec, matchArgument } from '../../policy/argument-pattern.ts';
import type { ArgumentSpec, CompiledRule, CompiledRunAs, PackagePattern, RunTarget, Selection } from '../../policy/compiled.ts';
import { TRUE } from '../../policy/truth.ts';
import type { LintPolicy, LintRule } from './model.ts';

/**
 * Whether one rule holds whenever another does. Proved from what is written, so `false` means "cannot be shown": equal texts,
 * lists within lists, patterns that match a literal. Nothing is guessed about who is in which group.
 */
const MAX_PAIRS = 100_000;

export function coversRule(a: LintRule, b: LintRule): boolean {
  return coversAround(a, b) && a.targets.length * b.targets.length <= MAX_PAIRS && b.targets.every((target) => a.targets.some((each) => coversTarget(each, target, a.compiled.then === 'deny')));
}

/** All but what runs. */
export function coversAround(a: LintRule, b: LintRule): boolean {
  return (
    coversPolicy(a.policy, b.policy) && coversSelection(a.compiled.who, b.compiled.who) && coversRunAs(a.compiled.as, b.compiled.as) && coversConditions(a.compiled, b.compiled) &&
    coversExceptions(a.compiled, b.compiled) && (a.compiled.then === 'deny' || outlasts(a.compiled, b.compiled))
  );
}

/** What enforces nothing takes nothing away. */
function coversPolicy(a: LintPolicy, b: LintPolicy): boolean {
  return a.compiled.mode === b.compiled.mode && (a === b || coversSelection(a.compiled.targets, b.compiled.targets));
}

function coversSelection<T>(a: Selection<T>, b: Selection<T>): boolean {
  const excluded = new Set(b.not.map(textOf));
  if (!a.not.every((each) => excluded.has(textOf(each)))) return false;
  if (a.any) return true;
  const included = new Set(a.is.map(textOf));
  return !b.any && b.is.every((each) => included.has(textOf(each)));
}

function coversRunAs(a: CompiledRunAs, b: CompiledRunAs): boolean {
  return coversIdentities(a.users, b.users) && coversIdentities(a.groups, b.groups);
}

function coversIdentities(a: CompiledRunAs['users'] | CompiledRunAs['groups'], b: CompiledRunAs['users'] | CompiledRunAs['groups']): boolean {
  if (a === 'any' || a === b) return true;
  if (typeof a === 'string' || typeof b === 'string') return false;
  const included = new Set(a.map(textOf));
  return b.every((each) => included.has(textOf(each)));
}

/** Whatever the one asks for, the other asks for too. */
function coversConditions(a: CompiledRule, b: CompiledRule): boolean {
  if (a.when !== undefined && a.when.source !== b.when?.source) return false;
  return Object.entries(a.circumstances).every(([name, value]) => value === undefined || textOf(value) === textOf(b.circumstances[name as keyof typeof b.circumstances]));
}

/** What the one leaves out, the other leaves out too. */
function coversExceptions(a: CompiledRule, b: CompiledRule): boolean {
  return a.run.not.every((exception) => b.run.not.some((each) => coversTarget(each, exception, true)));
}

/** Among grants: the one does not lapse where the other still holds. */
function outlasts({ failures: a, recovery }: CompiledRule, { failures: b, recovery: isRecovery }: CompiledRule): boolean {
  if (recovery) return true;
  if (isRecovery || (a.manifestExpired === 'deny' && b.manifestExpired !== 'deny')) return false;
  return a.serverUnreachable?.then !== 'deny' || textOf(a.serverUnreachable) === textOf(b.serverUnreachable);
}

/** `isBroad`: of a deny, where the file's safety does not matter. */
export function coversTarget(a: RunTarget, b: RunTarget, isBroad: boolean): boolean {
  if (a.command !== undefined && a.command !== b.command) return false;
  if (!coversPin(a.sha256, b.sha256, isBroad) || !coversPackage(a.package, b.package)) return false;
  return coversArguments(a.args, b.args);
}

/** A pinned rule holds for a file that others can write; one without a pin does not. */
function coversPin(a: readonly string[] | undefined, b: readonly string[] | undefined, isBroad: boolean): boolean {
  if (a === undefined) return isBroad || b === undefined;
  return b?.every((hash) => a.includes(hash)) === true;
}

function coversPackage(a: PackagePattern | undefined, b: PackagePattern | undefined): boolean {
  if (a === undefined) return true;
  if (b === undefined) return false;
  return textOf({ ...a, unmodified: undefined }) === textOf({ ...b, unmodified: undefined }) && (a.unmodified === undefined || a.unmodified === b.unmodified);
}

/** Any arguments at all. */
export function isOpenArguments(args: readonly ArgumentSpec[] | undefined): boolean {
  return args === undefined || (args.length === 1 && args[0] === '**');
}

function coversArguments(a: readonly ArgumentSpec[] | undefined, b: readonly ArgumentSpec[] | undefined): boolean {
  if (a === undefined || isOpenArguments(a)) return true;
  if (b === undefined) return false;
  const [restA, restB] = [a.at(-1) === '**', b.at(-1) === '**'];
  const [eachA, eachB] = [restA ? a.slice(0, -1) : a, restB ? b.slice(0, -1) : b];
  if (restA ? eachB.length < eachA.length : restB || eachA.length !== eachB.length) return false;
  return eachA.every((spec, at) => coversSpec(spec, eachB[at] as ArgumentSpec));
}

function coversSpec(a: ArgumentSpec, b: ArgumentSpec): boolean {
  if (a === '*' || textOf(a) === textOf(b)) return true;
  if (typeof b === 'object' && 'either' in b) return b.either.every((each) => coversSpec(a, each));
  if (typeof a === 'object' && 'either' in a) return a.either.some((each) => coversSpec(each, b));
  const literal = typeof b === 'string' ? patternOf(b) : undefined;
  const pattern = patternOf(a);
  if (literal?.kind !== 'literal' || pattern === undefined) return false;
  return matchArgument(pattern, literal.bytes as ByteString) === TRUE;
}

const patterns = new Map<string, ArgumentPattern | undefined>();
const MAX_PATTERNS = 10_000;

function patternOf(spec: ArgumentSpec): ArgumentPattern | undefined {
  const key = textOf(spec);
  if (patterns.has(key)) return patterns.get(key);
  if (patterns.size >= MAX_PATTERNS) patterns.clear();
  const compiled = compileSpec(spec);
  const pattern = compiled.ok ? compiled.value : undefined;
  patterns.set(key, pattern);
  return pattern;
}

function textOf(value: unknown): string {
  return JSON.stringify(value) ?? 'undefined';
}
