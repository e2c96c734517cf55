import { type CborValue, decodeEvent, EVENT_TYPES, visibleFields } from '@belay/core/evidence';
import { sha256 } from '@belay/core/node-crypto';
import type { ServerContext } from '../../context.ts';
import type { EventFilter } from './event-filter.ts';
import { type EventRow, findEvents } from './search.ts';

/** An event for people and programs. `id` grows in order of arrival; times are Unix ms. */
export type EventView = {
  readonly id: number;
  readonly device: string;
  readonly seq: number;
  readonly chain: string;
  readonly type: string;
  /** By the device's clock. */
  readonly deviceTime: number;
  readonly serverTime: number;
  readonly user: string | null;
  readonly uid: number | null;
  readonly request: number | null;
  readonly rule: string | null;
  readonly summary: string;
  readonly fields: Readonly<Record<string, FieldView>>;
};
export type FieldView = string | number | boolean | null | readonly FieldView[];

export interface EventQuery {
  /** Newest first; `before` is the id that the last page ended with. */
  list(filter: EventFilter, page: { readonly limit: number; readonly before?: number | undefined }): Promise<{ readonly events: readonly EventView[]; readonly next: number | null }>;
  /** Oldest first, after this id. `last` is the id to go on from. */
  after(filter: EventFilter, id: number, limit: number): Promise<{ readonly events: readonly EventView[]; readonly last: number }>;
  newestId(): Promise<number>;
  /** Every event that matches, oldest first, up to the newest of the moment it begins. */
  all(filter: EventFilter): AsyncGenerator<EventView>;
}

export type EventQueryDeps = Pick<ServerContext, 'store'>;

const PAGE = 500;

export function createEventQuery({ store }: EventQueryDeps): EventQuery {
  const { db } = store;
  const newestId = async (): Promise<number> => (await db.selectFrom('events').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst())?.id ?? 0;
  const after: EventQuery['after'] = async (filter, id, limit) => {
    const rows = await findEvents(store, filter, { order: 'oldest', limit, after: id });
    return { events: rows.map(viewOf), last: rows.at(-1)?.id ?? id };
  };
  return {
    newestId,
    after,
    async list(filter, { limit, before }) {
      const rows = await findEvents(store, filter, { order: 'newest', limit: limit + 1, before });
      const events = rows.slice(0, limit).map(viewOf);
      return { events, next: rows.length > limit ? (events.at(-1)?.id ?? null) : null };
    },
    async *all(filter) {
      const newest = await newestId();
      let from = 0;
      for (;;) {
        const { events, last } = await after(filter, from, PAGE);
        for (const event of events) if (event.id <= newest) yield event;
        if (events.length < PAGE || last >= newest) return;
        from = last;
      }
    },
  };
}

export function viewOf(row: EventRow): EventView {
  const decoded = decodeEvent(row.record, sha256);
  const fields = decoded.ok ? visibleFields(decoded.value) : {};
  return {
    id: row.id, device: row.device_id, seq: row.seq, chain: Buffer.from(row.chain).toString('hex'), type: row.type, deviceTime: row.device_time, serverTime: row.server_time,
    user: row.user_name, uid: row.uid, request: row.request, rule: row.rule, summary: row.summary,
    fields: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, fieldView(name, value)])),
  };
}

/** Bytes that are no text: shown in hexadecimal. */
const BINARY_FIELDS = new Set(['digest', 'nextKey']);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function fieldView(name: string, value: CborValue): FieldView {
  if (ArrayBuffer.isView(value)) return BINARY_FIELDS.has(name) ? Buffer.from(value as Uint8Array).toString('hex') : textOf(value as Uint8Array);
  if (Array.isArray(value)) return value.map((each: CborValue) => fieldView(name, each));
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as FieldView);
}

/** Valid UTF-8 as it is; else each byte above ASCII as \xNN: nothing is lost, and the record holds the exact bytes. */
function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1').replace(/[\u0080-\u00ff\\]/g, (byte) => (byte === '\\' ? '\\\\' : `\\x${byte.charCodeAt(0).toString(16)}`));
  }
}

/** Whether some event can be of this type or group of types. */
export function isEventType(name: string): boolean {
  return Object.keys(EVENT_TYPES).some((type) => type === name || type.startsWith(`${name}.`));
}
