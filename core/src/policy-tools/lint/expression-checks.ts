import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { childrenOf, decodeExpression, planExpression } from '../../policy/expression.ts';
import type { CompiledRule } from '../../policy/compiled.ts';
import type { FactBindings } from '../../policy/facts.ts';
import { DAY_MINUTES, matchPeriod, type Period } from '../../policy/period.ts';
import { FALSE, or, TRUE, type Truth3, UNKNOWN } from '../../policy/truth.ts';

/** What can be told of an expression without a request. */
export type Constancy = 'always' | 'never' | undefined;

const MINUTE_MS = 60_000;
const WEEK_DAYS = 7;
/** A Sunday. */
const SUNDAY_MS = Date.UTC(2026, 0, 4);

/** Each distinct expression is looked at once. */
export class ExpressionChecks {
  readonly #known = new Map<string, Constancy>();

  /** Of `when`, and of `during` with it where they speak of the same clock. */
  constancyOf({ when, circumstances: { during } }: CompiledRule): Constancy {
    if (when === undefined) return undefined;
    const clock = during !== undefined && during.every(({ zone }) => zone === undefined) ? during : undefined;
    const key = `${JSON.stringify(clock)} ${when.source}`;
    if (this.#known.has(key)) return this.#known.get(key);
    const constancy = constancyOf(when.parsed, clock, /\btime\b/.test(when.source));
    this.#known.set(key, constancy);
    return constancy;
  }
}

function constancyOf(parsed: Uint8Array, during: readonly Period[] | undefined, usesTime: boolean): Constancy {
  const evaluate = planExpression(parsed);
  const alone = evaluate(factsAt(undefined));
  if (alone !== UNKNOWN) return alone === TRUE ? 'always' : 'never';
  if (!usesTime) return undefined;
  let [always, never] = [during === undefined, true];
  for (const minute of momentsOf(during)) {
    const truth = evaluate(factsAt(minute));
    const inside = during === undefined ? TRUE : during.reduce<Truth3>((found, period) => or(found, matchPeriod(period, SUNDAY_MS + minute * MINUTE_MS, 0)), FALSE);
    if (truth !== TRUE) always = false;
    if (truth !== FALSE && inside !== FALSE) never = false;
    if (!always && !never) return undefined;
  }
  return always ? 'always' : never ? 'never' : undefined;
}

/** Every full hour of a week, and wherever a period begins or ends: in between nothing changes, as the minute is not told. */
function momentsOf(during: readonly Period[] | undefined): readonly number[] {
  const ofDay = new Set(Array.from({ length: 24 }, (_, hour) => hour * 60));
  for (const { fromMinute, toMinute } of during ?? []) for (const minute of [fromMinute, toMinute]) ofDay.add(minute % DAY_MINUTES);
  const sorted = [...ofDay].sort((a, b) => a - b);
  return Array.from({ length: WEEK_DAYS }, (_, day) => sorted.map((minute) => day * DAY_MINUTES + minute)).flat();
}

/** Nothing is known but the hour and the day; without a minute not even those. */
function factsAt(minuteOfWeek: number | undefined): FactBindings {
  const time = new Map<string, unknown>();
  if (minuteOfWeek !== undefined) {
    time.set('hour', BigInt(Math.floor((minuteOfWeek % DAY_MINUTES) / 60)));
    time.set('weekday', BigInt(Math.floor(minuteOfWeek / DAY_MINUTES)));
  }
  const nothing = (): Map<string, unknown> => new Map();
  return { user: nothing(), command: nothing(), pkg: nothing(), runas: nothing(), origin: nothing(), device: nothing(), time } as unknown as FactBindings;
}

/** Facts that many a device cannot tell, as an expression names them. */
const OFTEN_UNKNOWN: readonly string[] = ['parent', 'ancestors', 'origin.address', 'device.secure_boot', 'device.firewall', 'device.patch_age_days', 'pkg.repositories', 'pkg.signed_by', 'pkg.unmodified'];

/** What an expression asks that is unknown on many devices: those facts, and labels or variables it does not first look for. */
export function doubtfulFacts(parsed: Uint8Array): readonly string[] {
  const found = new Set<string>();
  const lookedFor = new Set<string>();
  visit(decodeExpression(parsed), found, lookedFor);
  return [...found].filter((name) => !lookedFor.has(name)).sort();
}

function visit(expr: Expr | undefined, found: Set<string>, lookedFor: Set<string>): void {
  if (expr === undefined) return;
  const name = nameOf(expr);
  if (name !== undefined && (OFTEN_UNKNOWN.includes(name) || /^(?:device\.labels|env)\../.test(name))) found.add(name);
  const kind = expr.exprKind;
  if (kind.case === 'callExpr' && kind.value.function === '@in') {
    const [key, map] = [textOf(kind.value.args[0]), kind.value.args[1] === undefined ? undefined : nameOf(kind.value.args[1])];
    if (key !== undefined && map !== undefined) lookedFor.add(`${map}.${key}`);
  }
  for (const child of childrenOf(expr)) visit(child, found, lookedFor);
}

/** `device.labels.site` and `device.labels["site"]` alike. */
function nameOf(expr: Expr): string | undefined {
  const kind = expr.exprKind;
  if (kind.case === 'identExpr') return kind.value.name;
  if (kind.case === 'selectExpr') return joined(kind.value.operand, kind.value.field);
  return kind.case === 'callExpr' && kind.value.function === '_[_]' ? joined(kind.value.args[0], textOf(kind.value.args[1])) : undefined;
}

function joined(operand: Expr | undefined, field: string | undefined): string | undefined {
  const name = operand === undefined ? undefined : nameOf(operand);
  return name === undefined || field === undefined ? undefined : `${name}.${field}`;
}

function textOf(expr: Expr | undefined): string | undefined {
  const kind = expr?.exprKind;
  return kind?.case === 'constExpr' && kind.value.constantKind.case === 'stringValue' ? kind.value.constantKind.value : undefined;
}
