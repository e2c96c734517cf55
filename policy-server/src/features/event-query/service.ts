import { type CborValue, decodeEvent, EVENT_TYPES, visibleFields } from '@belay/core/evidence';
import { sha256 } from '@belay/core/node-crypto';
import type { ServerContext } from '../../context.ts';
import type { Db, Tables } from '../../store/index.ts';
import type { Scope } from '../accounts/permissions.ts';

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

export type EventFilter = {
  /** Only events about devices of these groups; the servers' own belong to no group. */
  readonly scope: Scope;
  /** Each a type, or the part before its dot: `elevation` is every `elevation.*`. */
  readonly types?: readonly string[] | undefined;
  readonly device?: string | undefined;
  readonly user?: string | undefined;
  readonly request?: number | undefined;
  /** By the server's clock, ms; `until` is exclusive. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
};

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
    const rows = await matching(db, filter).where('id', '>', id).orderBy('id', 'asc').limit(limit).execute();
    return { events: rows.map(viewOf), last: rows.at(-1)?.id ?? id };
  };
  return {
    newestId,
    after,
    async list(filter, { limit, before }) {
      let query = matching(db, filter).orderBy('id', 'desc').limit(limit + 1);
      if (before !== undefined) query = query.where('id', '<', before);
      const rows = await query.execute();
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

function matching(db: Db, { scope, types = [], device, user, request, since, until }: EventFilter) {
  let query = db.selectFrom('events').selectAll();
  if (types.length > 0) {
    query = query.where((eb) => eb.or(types.map((type) => (type.includes('.') ? eb('type', '=', type) : eb('type', 'like', `${type}.%`)))));
  }
  if (scope !== 'all') {
    query = scope.length === 0 ? query.where((eb) => eb.lit(false)) : query.where('device_id', 'in', (eb) => eb.selectFrom('device_groups').select('device_id').where('group_name', 'in', scope));
  }
  if (device !== undefined) query = query.where('device_id', '=', device);
  if (user !== undefined) query = query.where('user_name', '=', user);
  if (request !== undefined) query = query.where('request', '=', request);
  if (since !== undefined) query = query.where('server_time', '>=', since);
  if (until !== undefined) query = query.where('server_time', '<', until);
  return query;
}

type EventRow = Omit<Tables['events'], 'id'> & { readonly id: number };

function viewOf(row: EventRow): EventView {
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
