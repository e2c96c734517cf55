import { type ChainState, type Moment, verifyEvents, visibleFields } from '@belay/core/evidence';
import { ed25519Verify, sha256 } from '@belay/core/node-crypto';
import type { OpenRequest, StoredChain, StoredEvent } from './journal-store.ts';

/** Elevations that were begun and have not ended, by their request's number. */
export type OpenRequests = Map<number, OpenRequest>;

/** What one event of this device begins or ends. */
export function noteOpen(open: OpenRequests, { type, fields }: { readonly type: string; readonly fields: object }, { bootMs, bootId }: Pick<Moment, 'bootMs' | 'bootId'>): void {
  const { request, uid, user } = fields as { readonly [name: string]: unknown };
  if (typeof request !== 'number') return;
  if (type === 'elevation.outcome') open.delete(request);
  else if (type === 'elevation.intent' && typeof uid === 'number') open.set(request, { request, uid, user: typeof user === 'string' ? user : null, bootId, bootMs });
}

export type Replayed = { readonly state: ChainState; readonly open: OpenRequests; readonly bytes: number };

/**
 * The journal as its events tell it: what was last noted of the chain, and every event after that. Undefined: they do not follow,
 * so the chain cannot be continued.
 */
export function replay(noted: StoredChain, open: readonly OpenRequest[], events: readonly StoredEvent[]): Replayed | undefined {
  const followed = verifyEvents(noted.state, events.map(({ bytes }) => bytes), { writer: 'device', sha256, verify: ed25519Verify });
  if (followed.fault !== undefined) return undefined;
  const requests: OpenRequests = new Map(open.map((each) => [each.request, each]));
  for (const { record } of followed.events) {
    const { type, boot, bootId } = record.payload;
    noteOpen(requests, { type, fields: visibleFields(record) }, { bootMs: boot, bootId });
  }
  return { state: followed.state, open: requests, bytes: events.reduce((total, { bytes }) => total + bytes.length, 0) };
}
