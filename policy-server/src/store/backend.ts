import type { Kysely } from 'kysely';
import type { InsertEvents } from './event-rows.ts';
import type { Notifier } from './notify.ts';
import type { Tables } from './schema.ts';

/** The database, or a transaction on it: queries are written once and run on both databases. */
export type Db = Kysely<Tables>;

export type StoreLog = { warn(details: object, message: string): void };

/** What each database does in its own way. */
export type Backend = {
  readonly kind: 'sqlite' | 'postgresql';
  readonly db: Db;
  readonly notifier: Notifier;
  readonly insertEvents: InsertEvents;
  close(): Promise<void>;
};
