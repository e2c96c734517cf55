import type { Database, Statement } from 'better-sqlite3';
import { type Insertable, type Kysely, sql } from 'kysely';
import type { Tables } from './schema.ts';

/** An event as it goes in: the database gives it its id. */
export type EventRow = Readonly<Omit<Insertable<Tables['events']>, 'id'>>;

const COLUMNS = [
  'chain', 'seq', 'device_id', 'type', 'device_time', 'server_time', 'user_name', 'uid', 'request', 'rule', 'summary', 'record',
] as const satisfies readonly (keyof EventRow)[];

export type InsertEvents = (tx: Kysely<Tables>, rows: readonly EventRow[]) => Promise<void>;

/** One prepared statement on the very connection that the transaction holds: ten times faster than one large statement. */
export function sqliteEventInsert(database: Database): InsertEvents {
  let statements: { readonly event: Statement; readonly text: Statement } | undefined;
  return (_tx, rows) => {
    statements ??= {
      event: database.prepare(`insert into events (${COLUMNS.join(', ')}) values (${COLUMNS.map(() => '?').join(', ')})`),
      text: database.prepare('insert into events_text (rowid, summary) values (?, ?)'),
    };
    for (const row of rows) {
      const { lastInsertRowid } = statements.event.run(COLUMNS.map((column) => row[column] ?? null));
      statements.text.run(lastInsertRowid, row.summary);
    }
    return Promise.resolve();
  };
}

/** Any number: it is the same for every server of this database. */
const EVENT_ORDER_LOCK = 4_275_201;

/**
 * One statement whatever the number of rows. The lock makes the order of ids the order of commits: a reader that has seen
 * id N never misses a lower one that is committed later.
 */
export const postgresEventInsert: InsertEvents = async (tx, rows) => {
  await sql`select pg_advisory_xact_lock(${sql.lit(EVENT_ORDER_LOCK)})`.execute(tx);
  const column = (name: (typeof COLUMNS)[number]) => rows.map((row) => row[name] ?? null);
  await sql`
    insert into events (${sql.join(COLUMNS.map((name) => sql.ref(name)))})
    select * from unnest(
      ${column('chain')}::bytea[], ${column('seq')}::bigint[], ${column('device_id')}::text[], ${column('type')}::text[],
      ${column('device_time')}::bigint[], ${column('server_time')}::bigint[], ${column('user_name')}::text[], ${column('uid')}::bigint[],
      ${column('request')}::bigint[], ${column('rule')}::text[], ${column('summary')}::text[], ${column('record')}::bytea[])`.execute(tx);
};
