/** What an `ask` wants before it may run. Each has a meet (strictest); see `meet.ts`. */
export type Demands = {
  readonly reason: ReasonDemand | undefined;
  /** A password entered in this login session no longer ago than `maxAgeMs` (0: now). */
  readonly reauth: { readonly maxAgeMs: number } | undefined;
  /** The person must say yes once more. */
  readonly confirm: boolean;
  /** Every one of these; sorted. */
  readonly approval: readonly ApprovalDemand[];
  /** Break-glass: everybody is told, and somebody looks at it afterwards. */
  readonly emergency?: boolean | undefined;
};

export type ReasonDemand = {
  /** Characters. */
  readonly minLength: number;
  /** Regular expressions that each must match the whole reason; sorted. */
  readonly patterns: readonly string[];
  /** Offered to the person; sorted. */
  readonly suggestions: readonly string[];
};

/**
 * A yes of `count` people, each out of one of `from` (`role:…`, `group:…`, `user:…`, `manager`), within `withinMs` of the request.
 * `stage`: asked for once everything of the lower stages is there; left out: 0. `escalate`: after that time without an answer
 * those in `to` may say yes as well.
 */
export type ApprovalDemand = {
  readonly from: readonly string[];
  readonly count: number;
  readonly withinMs: number;
  readonly stage?: number | undefined;
  readonly escalate?: { readonly afterMs: number; readonly to: readonly string[] } | undefined;
};
