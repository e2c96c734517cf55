import { EVENT_TYPES } from '@belay/core/evidence';
import type { Db, Store, Tables } from '../../store/index.ts';
import { eventIds } from '../../store/index.ts';
import type { EventFilter } from './event-filter.ts';

export type EventRow = Omit<Tables['events'], 'id'> & { readonly id: number };
export type Range = { readonly order: 'newest' | 'oldest'; readonly limit: number; /** Exclusive. */ readonly after?: number | undefined; /** Exclusive. */ readonly before?: number | undefined };

const ALL_TYPES = Object.keys(EVENT_TYPES);

/**
 * The first events of a range that a filter takes. Several types are asked for one by one, each from the end of an index, and put
 * together: neither database does that by itself, and both would read a whole index instead.
 */
export async function findEvents(store: Pick<Store, 'db' | 'kind'>, filter: EventFilter, range: Range): Promise<readonly EventRow[]> {
  const bounded = await withTimes(store.db, filter, range);
  if (bounded === 'nothing') return [];
  const [first, ...more] = partsOf(filter).map((types) => idQuery(store, { ...filter, types }, bounded));
  if (first === undefined) return [];
  // A part in brackets keeps its order and its limit.
  const parts = more.reduce((query, next) => query.unionAll(store.db.selectFrom(next.as('part')).select('part.id')), store.db.selectFrom(first.as('part')).select('part.id'));
  const ids = (await parts.execute()).map(({ id }) => id);
  const chosen = [...ids].sort((a, b) => (range.order === 'newest' ? b - a : a - b)).slice(0, range.limit);
  if (chosen.length === 0) return [];
  return await store.db.selectFrom('events').selectAll().where('id', 'in', chosen).orderBy('id', range.order === 'newest' ? 'desc' : 'asc').execute();
}

/** What is asked for one by one: each type by itself where an index has it in front of the id, else all of them at once. Empty: no event can be meant. */
function partsOf({ types = [], device, user, words, request }: EventFilter): readonly (readonly string[])[] {
  const named = [...new Set(types.flatMap((type) => (type.includes('.') ? [type] : ALL_TYPES.filter((each) => each.startsWith(`${type}.`)))))];
  if (types.length > 0 && named.length === 0) return [];
  if (words !== undefined || request !== undefined) return [named];
  const wanted = named.length === 0 && (device !== undefined || user !== undefined) ? ALL_TYPES : named;
  return wanted.length === 0 ? [[]] : wanted.map((type) => [type]);
}

function idQuery({ db, kind }: Pick<Store, 'db' | 'kind'>, { scope, types = [], device, user, request, words, since, until }: EventFilter, { order, limit, after, before }: Range) {
  const found = eventIds(db, kind, words);
  const { id } = found;
  let query = found.query.orderBy(id, order === 'newest' ? 'desc' : 'asc').limit(limit);
  if (types.length > 0) query = query.where('type', 'in', types);
  if (scope !== 'all') query = scope.length === 0 ? query.where((eb) => eb.lit(false)) : query.where('device_id', 'in', db.selectFrom('device_groups').select('device_id').where('group_name', 'in', scope));
  if (device !== undefined) query = query.where('device_id', '=', device);
  // The device's index is the narrower of the two; SQLite, which has no statistics, is not left to guess.
  if (user !== undefined) query = device === undefined ? query.where('user_name', '=', user) : query.where((eb) => eb(eb.fn.coalesce('user_name', eb.val('')), '=', user));
  if (request !== undefined) query = query.where('request', '=', request);
  if (since !== undefined) query = query.where('server_time', '>=', since);
  if (until !== undefined) query = query.where('server_time', '<', until);
  if (after !== undefined) query = query.where(id, '>', after);
  if (before !== undefined) query = query.where(id, '<', before);
  return query;
}

/** How far apart the clocks of two servers of one database may be. */
const SKEW_MS = 5 * 60_000;

/** Ids grow as time does, but for the clocks of several servers: a stretch of time is a stretch of ids, found without an index of its own. */
async function withTimes(db: Db, { since, until }: EventFilter, range: Range): Promise<Range | 'nothing'> {
  if (since === undefined && until === undefined) return range;
  const after = since === undefined ? undefined : await firstIdAt(db, since - SKEW_MS);
  const before = until === undefined ? undefined : await firstIdAt(db, until + SKEW_MS);
  if (after === 'past the end') return 'nothing';
  const from = after === undefined ? range.after : Math.max(range.after ?? 0, after - 1);
  const to = before === undefined || before === 'past the end' ? range.before : Math.min(range.before ?? Infinity, before);
  return { ...range, after: from, before: to };
}

/** The first id whose event came at that time or later, by halving. */
async function firstIdAt(db: Db, time: number): Promise<number | 'past the end'> {
  // Each from its end of the index: both at once would be looked for among all.
  const first = await db.selectFrom('events').select('id').orderBy('id', 'asc').limit(1).executeTakeFirst();
  const last = await db.selectFrom('events').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst();
  if (first === undefined || last === undefined) return 'past the end';
  let [low, high] = [first.id, last.id + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = await db.selectFrom('events').select(['id', 'server_time']).where('id', '>=', middle).orderBy('id').limit(1).executeTakeFirst();
    if (row !== undefined && row.server_time < time) low = row.id + 1;
    else high = middle;
  }
  return low > last.id ? 'past the end' : low;
}
