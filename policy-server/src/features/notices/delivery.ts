import type { NoticeKind } from './notice.ts';

/** A letter or a call that is to be delivered. */
export type Delivery = {
  /** Alike in every attempt. */
  readonly id: string;
  readonly kind: NoticeKind;
  readonly channel: 'email' | 'webhook';
  readonly target: string;
  /** JSON of the notice. */
  readonly payload: string;
  /** When it happened, Unix ms. */
  readonly createdAt: number;
};

/** `failed` is tried again; `refused` never; `dropped`: nobody needs it any more. `why` is ours, not the receiver's words. */
export type Outcome = { readonly kind: 'delivered' | 'dropped' } | { readonly kind: 'failed' | 'refused'; readonly why: string };

/** One attempt. `signal`: the server is stopping. Throwing counts as failed. */
export type Deliver = (delivery: Delivery, signal: AbortSignal) => Promise<Outcome>;
