import type { Demands } from './decision.ts';

/**
 * A policy as devices hold it: plain data, nothing left to parse but bytes. Paths and arguments are text here and become
 * UTF-8 bytes when a set is loaded.
 */
export type CompiledPolicy = {
  readonly name: string;
  readonly description: string;
  readonly targets: Targets;
  readonly rules: readonly CompiledRule[];
};

export type CompiledRule = {
  readonly name: string;
  readonly then: Effect;
  readonly priority: number;
  readonly who: CompiledWho;
  readonly run: CompiledRun;
  readonly as: CompiledRunAs;
  readonly when: CompiledExpression | undefined;
  readonly demands: Demands;
  readonly message: string | undefined;
  readonly recovery: boolean;
  /** `whenExpired: allow`: holds although the manifest in force has expired. */
  readonly outlivesManifest: boolean;
};

export type Effect = 'allow' | 'ask' | 'deny';

/** Any of `is` (or everything), and none of `not`. */
export type Selection<T> = { readonly any: boolean; readonly is: readonly T[]; readonly not: readonly T[] };

export type Targets = Selection<DeviceSelector>;
export type DeviceSelector = { readonly kind: 'group' | 'device'; readonly name: string };

export type CompiledWho = Selection<Subject>;
export type Subject = { readonly kind: 'user' | 'group'; readonly name: string } | { readonly kind: 'uid' | 'gid'; readonly id: number };

export type CompiledRun = Selection<RunTarget>;
export type RunTarget = {
  /** Absolute path; undefined: any file (then `sha256` is given). */
  readonly command: string | undefined;
  /** One pattern an argument; undefined: any arguments. */
  readonly args: readonly string[] | undefined;
  /** Hex, lower case; undefined: any content. */
  readonly sha256: readonly string[] | undefined;
};

export type Identity = { readonly name: string } | { readonly id: number };
export type CompiledRunAs = {
  /** `requester`: as oneself, with another group. */
  readonly users: 'any' | 'requester' | readonly Identity[];
  /** `own`: the primary group of the user it runs as. */
  readonly groups: 'any' | 'own' | readonly Identity[];
};

export type CompiledExpression = {
  /** As written, for people. */
  readonly source: string;
  /** A serialized cel.expr.ParsedExpr: devices parse no CEL. */
  readonly parsed: Uint8Array;
};
