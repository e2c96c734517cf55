import type { LaunchPlan } from '../launch/plan.ts';
import type { RecordedEnd } from '../journal/recordings.ts';
import type { Wanted } from './fulfilment.ts';

/** What the front end is told. Only `allow` leads to a launch, and only through `commit`. */
export type Step =
  | { readonly kind: 'challenge'; readonly wanted: Wanted }
  /** Somebody has to approve it. `message`: whole lines for the person; empty: nothing new. The rest comes by itself. */
  | { readonly kind: 'wait'; readonly message: string; readonly leftMs: number }
  | { readonly kind: 'allow'; readonly message: string; readonly rule: string; readonly token: Uint8Array; readonly launch: LaunchPlan | undefined; readonly go: boolean }
  | { readonly kind: 'deny'; readonly message: string; readonly rule: string };
export type CommitStep = { readonly go: boolean; readonly message: string };
export type End = { readonly end: 'exited' | 'signaled' | 'exec-failed' | 'sudo-error' | 'lost'; readonly value: number; readonly recorded?: RecordedEnd | undefined };
