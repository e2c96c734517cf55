import type { DenyReason, RuleRef } from './decision.ts';
import type { Demands } from './demands.ts';
import type { Explanation } from './explanation.ts';

/**
 * What whoever asked may know of a decision: what it is, the rules that made it, their message, and the number to give to IT. It names no
 * rule that did not decide, and nothing that a rule wanted or the device found.
 */
export type RequesterExplanation = {
  readonly decision: 'allow' | 'ask' | 'deny';
  /** Of a deny: its kind alone. */
  readonly reason: DenyReason['kind'] | undefined;
  readonly by: readonly RuleRef[];
  readonly message: string | undefined;
  /** Of an ask: what the requester is going to be asked for. */
  readonly demands: Demands | undefined;
  /** Of the device's journal; undefined: nothing was asked for in earnest. */
  readonly request: number | undefined;
};

/**
 * SECURITY(T-30): built up from what may be shown, never by taking away from what may not, so that a new field of an explanation stays
 * with those who may see all of it (design.md, principle 8). A rule that nearly held tells what it guards and how to get there.
 */
export function forRequester({ decision }: Explanation, request?: number): RequesterExplanation {
  const nothing = { by: [], message: undefined, reason: undefined, demands: undefined, request };
  switch (decision.kind) {
    case 'allow':
      return { ...nothing, decision: 'allow', by: decision.by.map(refOf), message: decision.message };
    case 'ask':
      return { ...nothing, decision: 'ask', by: decision.by.map(refOf), message: decision.message, demands: decision.demands };
    case 'deny':
      return { ...nothing, decision: 'deny', ...ofDenial(decision.reason) };
  }
}

function ofDenial(reason: DenyReason): Partial<RequesterExplanation> & Pick<RequesterExplanation, 'reason'> {
  switch (reason.kind) {
    case 'denied-by-rule':
      return { reason: reason.kind, by: reason.by.map(refOf), message: reason.message };
    case 'unsafe-file':
      return { reason: reason.kind, by: reason.by.map(refOf) };
    case 'no-rule':
    case 'no-policy':
      return { reason: reason.kind };
  }
}

function refOf({ policy, rule }: RuleRef): RuleRef {
  return { policy, rule };
}
