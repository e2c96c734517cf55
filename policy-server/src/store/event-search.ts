import { type Kysely, type SelectQueryBuilder, sql } from 'kysely';
import type { Backend, Db } from './backend.ts';
import type { Tables } from './schema.ts';

/** ASCII punctuation: a path or an option is its words, on either database. */
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/** `0005_event_search`: what the newest events of any filter are found by, whatever the number of events. */
export async function createEventSearch(db: Kysely<unknown>, dialect: Backend['kind']): Promise<void> {
  // In front of the place in time comes the type: the newest of one type, or of each of several, are then at one end of the index.
  await db.schema.dropIndex('events_device').execute();
  await db.schema.dropIndex('events_user').execute();
  // A device has few users: which of them it was is told from the index alone.
  await db.schema.createIndex('events_device').on('events').columns(['device_id', 'type', 'id', 'user_name']).execute();
  await db.schema.createIndex('events_user').on('events').columns(['user_name', 'type', 'id']).execute();
  await sql`create index events_request on events (request, id) where request is not null`.execute(db);
  if (dialect === 'sqlite') {
    await sql`create virtual table events_text using fts5(summary, content='events', content_rowid='id', detail=none, columnsize=0, tokenize="unicode61 remove_diacritics 0")`.execute(db);
    await sql`insert into events_text(events_text) values ('rebuild')`.execute(db);
    return;
  }
  await sql`create index events_text on events using gin (${sql.raw(SUMMARY_WORDS)})`.execute(db);
}

/** Small letters by Unicode, whatever locale the database was made with. */
const SUMMARY_WORDS = `to_tsvector('simple', translate(lower(summary collate "und-x-icu"), '${PUNCTUATION.replaceAll("'", "''")}', '${' '.repeat(PUNCTUATION.length)}'))`;

/** At most this many words of a search count. */
const MAX_WORDS = 10;

/** The words of what somebody typed: letters and digits, small; one that ends in `*` stands for every word that begins so. */
export function wordsOf(text: string): readonly string[] {
  return (text.toLowerCase().match(/[\p{L}\p{N}]+\*?/gu) ?? []).slice(0, MAX_WORDS);
}

const plain = (word: string): string => word.replace('*', '');

/** SQLite's own table of words; `rowid` is the event's id. */
type WithWords = Tables & { readonly events_text: { readonly rowid: number } };
export type EventIds = { readonly query: SelectQueryBuilder<WithWords, 'events' | 'events_text', { id: number }>; readonly id: 'events.id' | 'events_text.rowid' };

/** Ids of events, to be narrowed, and bounded and ordered by the column `id`. With words: of those whose summary has every word. */
export function eventIds(db: Db, kind: Backend['kind'], words: readonly string[] | undefined): EventIds {
  const from = db as unknown as Kysely<WithWords>;
  const all = from.selectFrom('events').select('events.id') as EventIds['query'];
  if (words === undefined) return { query: all, id: 'events.id' };
  if (kind === 'postgresql') {
    const wanted = words.map((word) => (word.endsWith('*') ? `${plain(word)}:*` : word)).join(' & ');
    return { query: all.where(sql<boolean>`${sql.raw(SUMMARY_WORDS)} @@ to_tsquery('simple', ${wanted})`), id: 'events.id' };
  }
  const wanted = words.map((word) => (word.endsWith('*') ? `"${plain(word)}"*` : `"${word}"`)).join(' AND ');
  // The words' own index gives ids in their order and is left as soon as there are enough. A cross join is the one that SQLite does not turn round.
  const found = from.selectFrom('events_text').crossJoin('events').select('events.id').where(sql<boolean>`events_text match ${wanted}`).whereRef('events.id', '=', 'events_text.rowid');
  return { query: found, id: 'events_text.rowid' };
}
