import type { CircumstanceName, Effect } from './compiled.ts';
import type { Decision, RuleRef } from './decision.ts';
import type { Demands } from './demands.ts';
import type { Truth } from './truth.ts';

export type { Truth };

/**
 * `bytes`: the request is valid UTF-8; `failure`: the rule bears an expired policy and a silent server; `file`: the rule of unsafe
 * files; `except`: no exception of the rule applies; `pin`: the SHA-256.
 */
export type CriterionName = 'bytes' | 'failure' | 'who' | 'run' | 'except' | 'as' | 'file' | 'when' | 'pin' | CircumstanceName;

export type CriterionResult = {
  readonly criterion: CriterionName;
  readonly truth: Truth;
  /** What the rule says about it, in a few words; holds nothing of the request. */
  readonly wants: string;
  /** Where it is not true: what there was instead, and how far off; for those who may see the request. */
  readonly found?: string | undefined;
};

export type RuleExplanation = {
  readonly rule: RuleRef;
  readonly then: Effect;
  readonly priority: number;
  readonly criteria: readonly CriterionResult[];
  /** Whether the rule holds for this request. */
  readonly holds: boolean;
  /** `decided`: it is in the decision's `by`; `outranked`: it holds, but a deny or a higher priority decided. */
  readonly part: 'decided' | 'outranked' | 'does-not-hold';
};

export type Explanation = {
  /** The same as `decide` gives. */
  readonly decision: Decision;
  /** Every rule that holds, then the nearest misses, nearest first. */
  readonly rules: readonly RuleExplanation[];
  /** Rules that were looked at and are not listed. */
  readonly omitted: number;
};

/** One line of `sudo -l`. Text is as the policy has it. */
export type ListedRule = {
  readonly rule: RuleRef;
  readonly then: Effect;
  readonly priority: number;
  /** Undefined: any command. */
  readonly command: string | undefined;
  /** Undefined: any arguments. */
  readonly args: readonly string[] | undefined;
  readonly sha256: readonly string[] | undefined;
  /** Excepted from it, each `COMMAND ARGS…`. */
  readonly except: readonly string[];
  /** `root`, `postgres`, `any`, `yourself`. */
  readonly runAsUsers: readonly string[];
  /** `root`, `any`, or `own`: the primary group of the user it runs as. */
  readonly runAsGroups: readonly string[];
  /** The expression that must also be true; undefined: none, or already true. */
  readonly when: string | undefined;
  readonly demands: Demands;
  readonly message: string | undefined;
};
