import type { Scope } from '../accounts/permissions.ts';

export type EventFilter = {
  /** Only events about devices of these groups; the servers' own belong to no group. */
  readonly scope: Scope;
  /** Each a type, or the part before its dot: `elevation` is every `elevation.*`. */
  readonly types?: readonly string[] | undefined;
  readonly device?: string | undefined;
  readonly user?: string | undefined;
  readonly request?: number | undefined;
  /** Words of the summary: all of them, the last one at least its beginning. */
  readonly words?: readonly string[] | undefined;
  /** By the server's clock, ms; `until` is exclusive. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
};
