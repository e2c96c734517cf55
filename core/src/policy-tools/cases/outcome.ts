import type { Decision, Demands, Obligations, RuleRef } from '../../policy/index.ts';
import { decodeUtf8 } from '../../bytes.ts';

/** A decision in the words in which a case expects one; null: none. Compared, printed and given out as JSON. */
export type CaseOutcome = {
  readonly decision: 'allow' | 'ask' | 'deny';
  /** POLICY/RULE, sorted. */
  readonly by: readonly string[];
  readonly reason: string | null;
  readonly message: string | null;
  readonly demands: Readonly<Record<string, unknown>> | null;
  readonly obligations: Readonly<Record<string, unknown>>;
};

export function outcomeOf(decision: Decision): CaseOutcome {
  if (decision.kind === 'deny') return denied(decision.reason);
  return {
    decision: decision.kind,
    by: decision.by.map(ruleName).sort(),
    reason: null,
    message: decision.message ?? null,
    demands: decision.kind === 'ask' ? demandsOf(decision.demands) : null,
    obligations: obligationsOf(decision.obligations),
  };
}

function denied(reason: Extract<Decision, { kind: 'deny' }>['reason']): CaseOutcome {
  const byRule = reason.kind === 'denied-by-rule' ? reason : undefined;
  return {
    decision: 'deny',
    by: 'by' in reason ? reason.by.map(ruleName).sort() : [],
    reason: reason.kind,
    message: byRule?.message ?? null,
    demands: null,
    obligations: { alert: byRule?.alert ?? 'none' },
  };
}

export function ruleName({ policy, rule }: RuleRef): string {
  return `${policy}/${rule}`;
}

function demandsOf({ reason, reauth, confirm, approval, emergency }: Demands): Readonly<Record<string, unknown>> {
  return {
    reason: reason === undefined ? null : { minLength: reason.minLength, pattern: listOf(reason.patterns), suggestions: listOf(reason.suggestions) },
    reauth: reauth === undefined ? null : reauthText(reauth.maxAgeMs),
    confirm,
    approval: approval.length === 0 ? null : approval.map(({ from, count, withinMs, stage, escalate }) => ({
      from: [...from].sort(), count, within: durationText(withinMs), stage: (stage ?? 0) + 1,
      escalate: escalate === undefined ? null : { after: durationText(escalate.afterMs), to: [...escalate.to].sort() },
    })),
    emergency: emergency === true,
  };
}

function obligationsOf(obligations: Obligations): Readonly<Record<string, unknown>> {
  const { durationMs, uses, totalMs, children, capabilities, network, writable, environment, umask, cwd, record, alert, argv0, sha256, recorderUnable, diskFull, conflicts } = obligations;
  return {
    duration: timeOf(durationMs), uses: uses ?? null, total: timeOf(totalMs),
    children, capabilities: capabilities ?? null, network, writable: writable ?? null,
    environment: { keep: environment.keep, set: Object.fromEntries(environment.set) },
    umask: umask === undefined ? null : umaskText(umask), cwd: cwd ?? null, record, alert,
    argv0: decodeUtf8(argv0) ?? argv0, sha256: sha256 ?? null, recorderUnable, diskFull, conflicts: listOf(conflicts),
  };
}

function listOf(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : [...list].sort();
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : durationText(ms);
}

/** true: now. */
export function reauthText(maxAgeMs: number): string | true {
  return maxAgeMs === 0 ? true : durationText(maxAgeMs);
}

export function umaskText(umask: number): string {
  return umask.toString(8).padStart(3, '0');
}

const UNITS = [['d', 86_400_000], ['h', 3_600_000], ['m', 60_000], ['s', 1000]] as const;

/** In the largest unit that leaves nothing over: one length of time has one text. */
export function durationText(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms !== 0 && ms % each === 0) ?? ['s', 1000];
  return `${ms / size}${unit}`;
}
