import { type Failures, STRICT_FAILURES } from '../policy/compiled.ts';
import type { ApprovalDemand, Demands, ReasonDemand } from '../policy/demands.ts';
import { NO_OBLIGATIONS, type RuleObligations } from '../policy/obligations.ts';
import type { RuleShape } from './schema.ts';
import { durationMs } from './texts.ts';

const DEFAULT_WITHIN_MS = 30 * 60_000;

export function compileDemands({ require, emergency }: Pick<RuleShape, 'require' | 'emergency'>): Demands {
  const { reason, reauth, confirm, approval } = require ?? {};
  return {
    reason: reason === undefined ? undefined : compileReason(reason),
    reauth: reauth === undefined ? undefined : { maxAgeMs: reauth === true ? 0 : (durationMs(reauth) ?? 0) },
    confirm: confirm ?? false,
    approval: approval === undefined ? [] : [approval].flat().map(compileApproval),
    ...(emergency === true ? { emergency } : {}),
  };
}

type ApprovalShape = Exclude<NonNullable<NonNullable<RuleShape['require']>['approval']>, readonly unknown[]>;

function compileApproval({ from, count, within, escalate }: ApprovalShape, stage: number): ApprovalDemand {
  return {
    from: sorted(from), count: count ?? 1, withinMs: ms(within) ?? DEFAULT_WITHIN_MS,
    ...(stage === 0 ? {} : { stage }),
    ...(escalate === undefined ? {} : { escalate: { afterMs: ms(escalate.after) ?? 0, to: sorted(escalate.to) } }),
  };
}

function compileReason(reason: NonNullable<NonNullable<RuleShape['require']>['reason']>): ReasonDemand {
  if (reason === true) return { minLength: 1, patterns: [], suggestions: [] };
  return { minLength: reason.minLength ?? 1, patterns: reason.pattern === undefined ? [] : [reason.pattern], suggestions: sorted(reason.suggestions ?? []) };
}

export function compileObligations({ limits, record, alert, emergency }: RuleShape): RuleObligations {
  const { duration, uses, total, children, capabilities, network, writable, environment, umask, cwd } = limits ?? {};
  const set = Object.entries(environment?.set ?? {}).map(([name, value]) => ({ name, values: [value] }));
  return {
    durationMs: ms(duration),
    uses,
    totalMs: ms(total),
    children: children ?? NO_OBLIGATIONS.children,
    capabilities: capabilities === undefined ? undefined : sorted(capabilities),
    network: network ?? NO_OBLIGATIONS.network,
    writable: writable === undefined ? undefined : sorted(writable),
    environment: { keep: sorted(environment?.keep ?? []), set: set.sort((a, b) => (a.name < b.name ? -1 : 1)) },
    umask: umask === undefined ? undefined : Number.parseInt(umask, 8),
    cwd: cwd === undefined ? [] : [cwd],
    record: emergency === true ? 'session' : (record ?? NO_OBLIGATIONS.record),
    alert: emergency === true ? 'high' : alert === true ? 'medium' : (alert ?? NO_OBLIGATIONS.alert),
  };
}

export function compileFailures({ onFailure, whenExpired }: RuleShape): Failures {
  const { manifestExpired, serverUnreachable, recorderUnable, diskFull } = onFailure ?? {};
  return {
    manifestExpired: manifestExpired ?? whenExpired ?? STRICT_FAILURES.manifestExpired,
    serverUnreachable: serverUnreachable === undefined ? undefined : { afterMs: ms(serverUnreachable.after) ?? 0, then: serverUnreachable.then },
    recorderUnable: recorderUnable ?? STRICT_FAILURES.recorderUnable,
    diskFull: diskFull ?? STRICT_FAILURES.diskFull,
  };
}

function ms(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration);
}

function sorted(list: readonly string[]): readonly string[] {
  return [...new Set(list)].sort();
}
