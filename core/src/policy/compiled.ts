import type { Demands } from './demands.ts';
import type { RuleObligations } from './obligations.ts';
import type { Period } from './period.ts';

/**
 * A policy as devices hold it: plain data, nothing left to parse but bytes. Paths and arguments are text here and become
 * UTF-8 bytes when a set is loaded.
 */
export type CompiledPolicy = {
  readonly name: string;
  readonly description: string;
  readonly targets: Targets;
  /** `monitor`: its rules are decided and recorded, and enforce nothing. */
  readonly mode: 'enforce' | 'monitor';
  readonly rules: readonly CompiledRule[];
};

export type CompiledRule = {
  readonly name: string;
  readonly then: Effect;
  readonly priority: number;
  readonly who: CompiledWho;
  readonly run: CompiledRun;
  readonly as: CompiledRunAs;
  readonly circumstances: CompiledCircumstances;
  readonly when: CompiledExpression | undefined;
  readonly demands: Demands;
  readonly obligations: RuleObligations;
  readonly failures: Failures;
  readonly message: string | undefined;
  readonly recovery: boolean;
};

/** What becomes of a rule when something fails: it no longer holds, it holds and its evidence waits in memory, or it just holds. */
export type FailureAnswer = 'deny' | 'spool' | 'allow';

export type Failures = {
  /** The manifest in force has expired. */
  readonly manifestExpired: FailureAnswer;
  /** The server has not been reached for `afterMs`. Undefined: that does not matter. */
  readonly serverUnreachable: { readonly afterMs: number; readonly then: FailureAnswer } | undefined;
  /** A recording that the rule wants cannot be made. */
  readonly recorderUnable: FailureAnswer;
  /** The journal cannot be written. */
  readonly diskFull: FailureAnswer;
};

export const STRICT_FAILURES: Failures = { manifestExpired: 'deny', serverUnreachable: undefined, recorderUnable: 'deny', diskFull: 'deny' };

/** Each that is given must hold; of a list, one. */
export type CompiledCircumstances = {
  /** Path patterns. */
  readonly cwd?: readonly string[] | undefined;
  /** `value` undefined: the variable must not be there. */
  readonly environment?: readonly { readonly name: string; readonly value: string | undefined }[] | undefined;
  /** Resolved paths. */
  readonly parent?: readonly string[] | undefined;
  readonly ancestor?: readonly string[] | undefined;
  readonly login?: readonly LoginKind[] | undefined;
  /** As `parseNetwork` reads them. */
  readonly networks?: readonly string[] | undefined;
  readonly terminal?: boolean | undefined;
  readonly during?: readonly Period[] | undefined;
  readonly device?: DeviceCondition | undefined;
};

export type CircumstanceName = keyof CompiledCircumstances;

export type LoginKind = 'console' | 'desktop' | 'ssh' | 'service';

export type DeviceCondition = {
  readonly groups?: readonly string[] | undefined;
  readonly labels?: readonly { readonly name: string; readonly value: string }[] | undefined;
  readonly encrypted?: boolean | undefined;
  readonly secureBoot?: boolean | undefined;
  readonly firewall?: boolean | undefined;
  readonly healthy?: boolean | undefined;
  /** os-release IDs. */
  readonly os?: readonly string[] | undefined;
  /** Patterns of os-release's VERSION_ID. */
  readonly osVersion?: readonly string[] | undefined;
  readonly maxPatchAgeDays?: number | undefined;
};

export type Effect = 'allow' | 'ask' | 'deny';

/** Any of `is` (or everything), and none of `not`. */
export type Selection<T> = { readonly any: boolean; readonly is: readonly T[]; readonly not: readonly T[] };

export type Targets = Selection<DeviceSelector>;
/** A label's name is `KEY=VALUE`. */
export type DeviceSelector = { readonly kind: 'group' | 'device' | 'label'; readonly name: string };

export type CompiledWho = Selection<Subject>;
export type Subject = { readonly kind: 'user' | 'group'; readonly name: string } | { readonly kind: 'uid' | 'gid'; readonly id: number };

export type CompiledRun = Selection<RunTarget>;
export type RunTarget = {
  /** Absolute path; undefined: any file (then `sha256` or `package` is given). */
  readonly command: string | undefined;
  /** One pattern an argument; undefined: any arguments. */
  readonly args: readonly ArgumentSpec[] | undefined;
  /** Hex, lower case; undefined: any content. */
  readonly sha256: readonly string[] | undefined;
  readonly package: PackagePattern | undefined;
};

/** What `run: any` names: whatever file, with whatever arguments. */
export const ANYTHING: RunTarget = { command: undefined, args: undefined, sha256: undefined, package: undefined };

/** A glob, a regular expression for the whole argument, or globs of which one must match. */
export type ArgumentSpec = string | { readonly regex: string } | { readonly either: readonly string[] };

/** All that is given must hold of the package that owns the file. */
export type PackagePattern = {
  readonly name: string | undefined;
  /** Each an operator and a version, or a glob. */
  readonly version: readonly VersionCondition[] | undefined;
  /** Globs of `ORIGIN/SUITE`, of which one must match. */
  readonly repository: readonly string[] | undefined;
  /** Fingerprints, upper-case hex, of which one must have signed. */
  readonly key: readonly string[] | undefined;
  /** Undefined: it does not matter. */
  readonly unmodified: boolean | undefined;
};
export type VersionCondition = { readonly is: '<' | '<=' | '=' | '>=' | '>' | 'like'; readonly version: string };

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
