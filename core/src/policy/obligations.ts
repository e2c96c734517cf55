/** What a rule lays on whoever launches, as the rule says it. How two rules combine is in `meet.ts`. */
export type RuleObligations = {
  /** How long the command may run, ms. */
  readonly durationMs: number | undefined;
  /** How often, in all, and how long in all, ms. */
  readonly uses: number | undefined;
  readonly totalMs: number | undefined;
  /** Programs that the command starts: as they are, each by a rule of its own, or none. */
  readonly children: ChildrenAnswer;
  /** Linux capabilities it keeps (`CAP_NET_ADMIN`), sorted; undefined: all. */
  readonly capabilities: readonly string[] | undefined;
  readonly network: 'allow' | 'deny';
  /** Folders and files it may write, absolute, sorted; undefined: all. */
  readonly writable: readonly string[] | undefined;
  /** Variables kept beyond the usual ones (`LC_*`), sorted; variables set. */
  readonly environment: { readonly keep: readonly string[]; readonly set: readonly SetVariable[] };
  /** Bits taken from new files' modes; undefined: the caller's. */
  readonly umask: number | undefined;
  /** Wanted working directories; more than one is a conflict. */
  readonly cwd: readonly string[];
  readonly record: RecordAnswer;
  readonly alert: AlertAnswer;
};

/** More than one value is a conflict; sorted. */
export type SetVariable = { readonly name: string; readonly values: readonly string[] };

export const CHILDREN = ['allow', 'check', 'deny'] as const;
export type ChildrenAnswer = (typeof CHILDREN)[number];
export const RECORDS = ['none', 'commands', 'session'] as const;
export type RecordAnswer = (typeof RECORDS)[number];
export const ALERTS = ['none', 'low', 'medium', 'high'] as const;
export type AlertAnswer = (typeof ALERTS)[number];

export const NO_OBLIGATIONS: RuleObligations = {
  durationMs: undefined,
  uses: undefined,
  totalMs: undefined,
  children: 'allow',
  capabilities: undefined,
  network: 'allow',
  writable: undefined,
  environment: { keep: [], set: [] },
  umask: undefined,
  cwd: [],
  record: 'none',
  alert: 'none',
};
