import { chmodSync, closeSync, openSync } from 'node:fs';
import SqliteDatabase, { type Database, type Statement } from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import type { Backend } from './backend.ts';
import { sqliteEventInsert } from './event-rows.ts';
import { createNotifier } from './notify.ts';
import type { Tables } from './schema.ts';

const CACHED_STATEMENTS = 500;

/** Kysely prepares anew for every query; most texts repeat. */
function withStatementCache(database: Database) {
  const cache = new Map<string, Statement>();
  return {
    close: () => database.close(),
    prepare(text: string): Statement {
      const known = cache.get(text);
      if (known !== undefined) return known;
      const statement = database.prepare(text);
      if (cache.size >= CACHED_STATEMENTS) cache.clear();
      cache.set(text, statement);
      return statement;
    },
  };
}

/** `file` is made with mode 0600 when it is not there. */
export function openSqlite(file: string): Backend {
  if (file !== ':memory:') {
    closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600);
  }
  const database = new SqliteDatabase(file);
  // FULL: what has been receipted is on the disk, whatever happens to the power.
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON', 'busy_timeout = 5000', 'wal_autocheckpoint = 4000']) database.pragma(pragma);
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: withStatementCache(database) }) });
  const notifier = createNotifier();
  const close = async (): Promise<void> => {
    await notifier.close();
    await db.destroy();
  };
  return { kind: 'sqlite', db, notifier, insertEvents: sqliteEventInsert(database), close };
}
