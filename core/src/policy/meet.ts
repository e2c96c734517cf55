import type { ByteString } from '../bytes.ts';
import type { FailureAnswer, Failures } from './compiled.ts';
import type { Obligations } from './decision.ts';
import type { ApprovalDemand, Demands, ReasonDemand } from './demands.ts';
import { type AlertAnswer, ALERTS, CHILDREN, RECORDS, type RuleObligations, type SetVariable } from './obligations.ts';

export const NO_DEMANDS: Demands = { reason: undefined, reauth: undefined, confirm: false, approval: [] };

/**
 * Equals combine by the strictest of each (design.md, meaning 2). All meets are commutative, associative and idempotent, so
 * the order of rules never matters. What one demands is demanded.
 *
 * reason: the longest minimum, every pattern, all suggestions. reauth: the smallest age. approval: every one that is wanted; emergency:
 * if one says so.
 */
export function meetDemands(a: Demands, b: Demands): Demands {
  return {
    reason: meetOf(a.reason, b.reason, meetReasons),
    reauth: meetOf(a.reauth, b.reauth, (x, y) => ({ maxAgeMs: Math.min(x.maxAgeMs, y.maxAgeMs) })),
    confirm: a.confirm || b.confirm,
    approval: meetApprovals(a.approval, b.approval),
    ...(a.emergency === true || b.emergency === true ? { emergency: true } : {}),
  };
}

function meetReasons(a: ReasonDemand, b: ReasonDemand): ReasonDemand {
  return { minLength: Math.max(a.minLength, b.minLength), patterns: union(a.patterns, b.patterns), suggestions: union(a.suggestions, b.suggestions) };
}

function meetApprovals(a: readonly ApprovalDemand[], b: readonly ApprovalDemand[]): readonly ApprovalDemand[] {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a;
  const byText = new Map([...a, ...b].map((each) => [JSON.stringify([each.from, each.count, each.withinMs, each.stage ?? 0, each.escalate ?? null]), each]));
  return [...byText.keys()].sort().map((key) => byText.get(key) as ApprovalDemand);
}

/** What a rule lays on whoever launches, while rules are being combined. */
export type Bond = {
  /** Sorted; undefined: not pinned. */
  readonly sha256: readonly string[] | undefined;
  readonly argv0: Argv0;
  readonly obligations: RuleObligations;
  readonly failures: Pick<Failures, 'diskFull' | 'recorderUnable'>;
};

/** `rank`: how near the name is to what was typed: 0 the typed path, then each link, then the resolved path, then other names, then none. */
export type Argv0 = { readonly rank: number; readonly path: ByteString };

/** sha256: the intersection. argv0: the name nearest to what was typed, so that of two rules for two names of one file the typed one counts. */
export function meetBonds(a: Bond, b: Bond): Bond {
  return {
    sha256: meetOf(a.sha256, b.sha256, intersection),
    argv0: nearer(a.argv0, b.argv0),
    obligations: meetObligations(a.obligations, b.obligations),
    failures: {
      diskFull: stricterFailure(a.failures.diskFull, b.failures.diskFull),
      recorderUnable: stricterFailure(a.failures.recorderUnable, b.failures.recorderUnable),
    },
  };
}

const FAILURES = ['allow', 'spool', 'deny'] as const satisfies readonly FailureAnswer[];

function stricterFailure(a: FailureAnswer, b: FailureAnswer): FailureAnswer {
  return stricter(FAILURES, a, b);
}

/**
 * Times and counts: the smallest. children, network, record, alert: the strictest. Capabilities, kept variables: what both have.
 * Writable: what is within both. umask: the bits of both. Variables set and working directories: of both; two that differ are a conflict.
 */
export function meetObligations(a: RuleObligations, b: RuleObligations): RuleObligations {
  if (a === b) return a;
  return {
    durationMs: meetOf(a.durationMs, b.durationMs, Math.min),
    uses: meetOf(a.uses, b.uses, Math.min),
    totalMs: meetOf(a.totalMs, b.totalMs, Math.min),
    children: stricter(CHILDREN, a.children, b.children),
    capabilities: meetOf(a.capabilities, b.capabilities, intersection),
    network: a.network === 'deny' ? 'deny' : b.network,
    writable: meetOf(a.writable, b.writable, within),
    environment: { keep: intersection(a.environment.keep, b.environment.keep), set: meetVariables(a.environment.set, b.environment.set) },
    umask: meetOf(a.umask, b.umask, (x, y) => x | y),
    cwd: union(a.cwd, b.cwd),
    record: stricter(RECORDS, a.record, b.record),
    alert: stricter(ALERTS, a.alert, b.alert),
  };
}

/** From what rules want together to what is to be done. */
export function obligationsOf({ sha256, argv0, obligations, failures }: Bond): Obligations {
  const { durationMs, uses, totalMs, children, capabilities, network, writable, environment, umask, cwd, record, alert, conflicts } = settle(obligations);
  const { diskFull, recorderUnable } = failures;
  // Written out: a decision makes one of these, and copying key by key is most of what it costs.
  return { sha256, argv0: argv0.path, durationMs, uses, totalMs, children, capabilities, network, writable, environment, umask, cwd, record, alert, diskFull, recorderUnable, conflicts };
}

type Settled = Omit<Obligations, 'sha256' | 'argv0' | 'diskFull' | 'recorderUnable'>;
const settled = new WeakMap<RuleObligations, Settled>();

/** Rules share what they lay on a command, so that this is seldom worked out anew. */
function settle(obligations: RuleObligations): Settled {
  const known = settled.get(obligations);
  if (known !== undefined) return known;
  const { environment, cwd } = obligations;
  const torn = environment.set.filter(({ values }) => values.length > 1).map(({ name }) => `two values for ${name}`);
  const fresh: Settled = {
    ...obligations,
    environment: { keep: environment.keep, set: environment.set.map(({ name, values }) => [name, values[0] as string]) },
    cwd: cwd[0],
    conflicts: cwd.length > 1 ? [...torn, 'two working directories'] : torn,
  };
  settled.set(obligations, fresh);
  return fresh;
}

/** The loudest. */
export function strictestAlert(rules: readonly { readonly obligations: RuleObligations }[]): AlertAnswer {
  return rules.reduce<AlertAnswer>((alert, { obligations }) => stricter(ALERTS, alert, obligations.alert), 'none');
}

function nearer(a: Argv0, b: Argv0): Argv0 {
  if (a.rank !== b.rank) return a.rank < b.rank ? a : b;
  return a.path <= b.path ? a : b;
}

/** Of two answers the one later in the scale. */
function stricter<T>(scale: readonly T[], a: T, b: T): T {
  return scale.indexOf(a) >= scale.indexOf(b) ? a : b;
}

function meetOf<T>(a: T | undefined, b: T | undefined, meet: (a: T, b: T) => T): T | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : meet(a, b);
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a;
  return [...new Set([...a, ...b])].sort();
}

function intersection(a: readonly string[], b: readonly string[]): readonly string[] {
  return a.filter((each) => b.includes(each));
}

/** Of two lists of folders what is within both. */
function within(a: readonly string[], b: readonly string[]): readonly string[] {
  const both = [...a.filter((path) => b.some((folder) => isWithin(path, folder))), ...b.filter((path) => a.some((folder) => isWithin(path, folder)))];
  return [...new Set(both)].sort();
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}

function meetVariables(a: readonly SetVariable[], b: readonly SetVariable[]): readonly SetVariable[] {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a;
  const byName = new Map(a.map(({ name, values }) => [name, values]));
  for (const { name, values } of b) byName.set(name, union(byName.get(name) ?? [], values));
  return [...byName.keys()].sort().map((name) => ({ name, values: byName.get(name) as readonly string[] }));
}
