import { durationMs } from '../texts.ts';
import { type CaseOutcome, durationText, reauthText, umaskText } from './outcome.ts';
import type { ExpectShape, OutcomeShape } from './schema-expect.ts';

/** One thing that came out otherwise. `what`: its key, with those above it; the others as a person would write them. */
export type Mismatch = { readonly what: string; readonly expected: string; readonly actual: string };

/** What was expected and did not come. Empty: the case holds. */
export function mismatches(expected: OutcomeShape | Extract<ExpectShape, string>, outcome: CaseOutcome): readonly Mismatch[] {
  return compare(typeof expected === 'string' ? { decision: expected } : normalOutcome(expected), outcome, '');
}

/** There, whatever it is. */
const SOME = Symbol('some');

function compare(expected: unknown, actual: unknown, what: string): readonly Mismatch[] {
  if (expected === undefined) return [];
  if (isMap(expected) && isMap(actual)) {
    return Object.entries(expected).flatMap(([key, value]) => compare(value, Object.hasOwn(actual, key) ? actual[key] : null, what === '' ? key : `${what}.${key}`));
  }
  const fits = expected === SOME ? actual !== null : Array.isArray(expected) && Array.isArray(actual) ? sameMembers(expected, actual) : expected === actual;
  return fits ? [] : [{ what, expected: textOf(expected), actual: textOf(actual) }];
}

/** Each of one has its own of the other, in whatever order. */
function sameMembers(expected: readonly unknown[], actual: readonly unknown[]): boolean {
  if (expected.length !== actual.length) return false;
  const [first, ...rest] = expected;
  if (expected.length === 0) return true;
  return actual.some((each, place) => compare(first, each, '').length === 0 && sameMembers(rest, actual.toSpliced(place, 1)));
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  if (value === SOME) return 'any';
  if (value === null) return 'none';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : value.map(textOf).join(', ');
  if (!isMap(value)) return JSON.stringify(value) ?? 'anything';
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return entries.length === 0 ? 'an empty map' : `{ ${entries.map(([key, each]) => `${key}: ${textOf(each)}`).join(', ')} }`;
}

/** Short forms written out, as `outcomeOf` writes. */
function normalOutcome({ decision, by, reason, message, demands, obligations }: OutcomeShape): Readonly<Record<string, unknown>> {
  return {
    decision, by, reason, message,
    demands: demands === undefined ? undefined : normalDemands(demands),
    obligations: obligations === undefined ? undefined : normalObligations(obligations),
  };
}

function normalDemands({ reason, reauth, confirm, approval, emergency }: NonNullable<OutcomeShape['demands']>): Readonly<Record<string, unknown>> {
  return {
    reason: isMap(reason) ? { ...reason, pattern: listOf(reason['pattern']), suggestions: listOf(reason['suggestions']) } : someOrNone(reason),
    reauth: typeof reauth === 'string' ? reauthText(durationMs(reauth) ?? 0) : reauth === true ? true : someOrNone(reauth),
    confirm,
    approval: approval === undefined || approval === null ? approval : [approval].flat().map(normalApproval),
    emergency,
  };
}

function normalApproval({ within, escalate, ...rest }: Exclude<NonNullable<NonNullable<OutcomeShape['demands']>['approval']>, readonly unknown[]>): Readonly<Record<string, unknown>> {
  return { ...rest, within: timeOf(within), escalate: isMap(escalate) ? { ...escalate, after: timeOf(escalate.after) } : escalate };
}

function normalObligations({ duration, total, umask, alert, sha256, writable, capabilities, conflicts, ...rest }: NonNullable<OutcomeShape['obligations']>): Readonly<Record<string, unknown>> {
  return {
    ...rest,
    duration: timeOf(duration),
    total: timeOf(total),
    umask: typeof umask === 'string' ? umaskText(Number.parseInt(umask, 8)) : umask,
    alert: alert === true ? 'medium' : alert,
    sha256: typeof sha256 === 'boolean' ? someOrNone(sha256) : sha256 === undefined || sha256 === null ? sha256 : [sha256].flat().map((each) => each.toLowerCase()),
    writable,
    capabilities,
    conflicts: listOf(conflicts),
  };
}

/** One text may stand for a list of one; no list and an empty one are the same where `outcomeOf` says so. */
function listOf(value: unknown): unknown {
  if (value === undefined || value === null) return value;
  const list = [value].flat();
  return list.length === 0 ? null : list;
}

function someOrNone(value: unknown): unknown {
  return value === undefined ? undefined : value === true ? SOME : null;
}

function timeOf(text: string | null | undefined): string | null | undefined {
  return typeof text === 'string' ? durationText(durationMs(text) ?? 0) : text;
}
