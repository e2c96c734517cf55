export type EventFilter = {
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
