import type { Grant } from '../evidence/payloads.ts';

/**
 * What is left of a grant on one device. Its end is counted by CLOCK_BOOTTIME, which cannot be set: a wall clock that was set back gains
 * nothing (T-18).
 */
export type Budget = {
  /** Undefined: no limit. */
  readonly usesLeft: number | undefined;
  /** The boot in which `deadlineMs` was counted. */
  readonly bootId: string;
  /** CLOCK_BOOTTIME, ms. */
  readonly deadlineMs: number;
};

export type BootTime = { readonly bootId: string; readonly bootMs: number };

/** `suspended`: counted in another boot, so nobody here knows how much time has gone by. */
export type BudgetState = 'live' | 'suspended' | 'expired' | 'used';

/** `serverNowMs`: the server's time at this moment, as far as it has signed it: never later than it really is there. */
export function newBudget(grant: Pick<Grant, 'uses' | 'expiresAt'>, serverNowMs: number, { bootId, bootMs }: BootTime): Budget {
  return { usesLeft: grant.uses, bootId, deadlineMs: bootMs + (grant.expiresAt - serverNowMs) };
}

export function budgetState({ usesLeft, bootId, deadlineMs }: Budget, now: BootTime): BudgetState {
  if (usesLeft !== undefined && usesLeft <= 0) return 'used';
  if (bootId !== now.bootId) return 'suspended';
  return now.bootMs >= deadlineMs ? 'expired' : 'live';
}

export function leftMs({ bootId, deadlineMs }: Budget, now: BootTime): number {
  return bootId === now.bootId ? Math.max(0, deadlineMs - now.bootMs) : 0;
}

/** One use fewer. The caller has seen that there is one. */
export function spend(budget: Budget): Budget {
  return budget.usesLeft === undefined ? budget : { ...budget, usesLeft: budget.usesLeft - 1 };
}

/** A use that came to nothing. Never more than the grant had. */
export function refund(budget: Budget, grant: Pick<Grant, 'uses'>): Budget {
  return budget.usesLeft === undefined ? budget : { ...budget, usesLeft: Math.min(budget.usesLeft + 1, grant.uses ?? 0) };
}

/** What was read from a disk, cut down to what was granted. */
export function withinGrant(budget: Budget, grant: Pick<Grant, 'uses'>): Budget {
  if (grant.uses === undefined) return { ...budget, usesLeft: undefined };
  return { ...budget, usesLeft: Math.max(0, Math.min(budget.usesLeft ?? 0, grant.uses)) };
}

/**
 * The server's own time, signed for a random number of ours: what was suspended is counted anew, and what runs ends no later than it did.
 * `serverNowMs`: the latest that it can be there now.
 */
export function proven(budget: Budget, { expiresAt }: Pick<Grant, 'expiresAt'>, serverNowMs: number, { bootId, bootMs }: BootTime): Budget {
  const deadlineMs = bootMs + (expiresAt - serverNowMs);
  return { ...budget, bootId, deadlineMs: budget.bootId === bootId ? Math.min(budget.deadlineMs, deadlineMs) : deadlineMs };
}
