// What a test says to its world (one JSON object a line on init.ts's stdin) and what the world says back (on its stdout).

export type SpawnOrder = {
  readonly do: 'spawn';
  readonly id: number;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Append stdout and stderr to this file of the world instead of sending them. */
  readonly logFile?: string;
};

export type WorldOrder =
  | SpawnOrder
  | { readonly do: 'write'; readonly id: number; readonly data: string }
  | { readonly do: 'end-input'; readonly id: number }
  /** `group`: the process and all of its session's group. */
  | { readonly do: 'signal'; readonly id: number; readonly signal: NodeJS.Signals; readonly group: boolean };

export type WorldReport =
  | { readonly is: 'ready' }
  | { readonly is: 'started'; readonly id: number; readonly pid: number }
  | { readonly is: 'output'; readonly id: number; readonly from: 'stdout' | 'stderr'; readonly data: string }
  | { readonly is: 'ended'; readonly id: number; readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly error?: string };
