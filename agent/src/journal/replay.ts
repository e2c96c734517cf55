import { equalBytes } from '@belay/core/bytes';
import { type ChainState, decodeEvent, type EventRecord, type Moment, signUnsigned, verifyEvents, visibleFields } from '@belay/core/evidence';
import { type Ed25519Key, ed25519Verify, sha256 } from '@belay/core/node-crypto';
import type { Entry } from './event-writer.ts';
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
  for (const { record } of followed.events) noteRecord(requests, record);
  return { state: followed.state, open: requests, bytes: events.reduce((total, { bytes }) => total + bytes.length, 0) };
}

function noteRecord(requests: OpenRequests, record: EventRecord): void {
  const { type, boot, bootId } = record.payload;
  noteOpen(requests, { type, fields: visibleFields(record) }, { bootMs: boot, bootId });
}

export type Recovered = Replayed & { readonly logged: readonly Entry[] };

/**
 * The same, with what was durable in the commit log and had not come into the store: its first records, as far as they follow. They
 * are signed again, which gives the very bytes they had. Without the key the chain cannot go on, so nothing can follow.
 */
export function recover({ state: known, open, bytes }: Replayed, records: readonly Uint8Array[], key: Ed25519Key | undefined): Recovered {
  const logged: Entry[] = [];
  let state = known;
  let added = 0;
  for (const encoded of records) {
    const decoded = decodeEvent(encoded, sha256);
    if (key === undefined || !decoded.ok || !follows(state, decoded.value)) break;
    const written = signUnsigned(state, { record: decoded.value, encoded: Uint8Array.from(encoded) }, key.sign, sha256);
    noteRecord(open, decoded.value);
    logged.push({ seq: written.state.seq, timeMs: decoded.value.payload.time, bytes: written.encoded });
    added += encoded.length;
    state = written.state;
  }
  return { state, open, bytes: bytes + added, logged };
}

function follows({ chain, seq, head, keyIndex }: ChainState, { payload }: EventRecord): boolean {
  return payload.seq === seq + 1 && payload.key === keyIndex && equalBytes(payload.chain, chain) && equalBytes(payload.prev, head);
}
