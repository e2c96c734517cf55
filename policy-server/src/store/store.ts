import type { Backend, Db, StoreLog } from './backend.ts';
import type { EventRow } from './event-rows.ts';
import { migrate } from './migrations.ts';
import type { Notifier } from './notify.ts';
import { openPostgres } from './postgres.ts';
import { openSqlite } from './sqlite.ts';

export type StoreConfig =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'postgresql'; readonly url: string; readonly connections: number };

export interface Store {
  readonly kind: Backend['kind'];
  readonly db: Db;
  /**
   * All or nothing. Retried when the database itself ended it over a conflict, so `work` touches nothing but the
   * transaction. Inside, use only `tx`: on SQLite there is one connection, and waiting for another is waiting for oneself.
   */
  transaction<T>(work: (tx: Db) => Promise<T>): Promise<T>;
  /** Locks rows that were read to be changed: ` for update` on PostgreSQL, nothing on SQLite, which has one writer. */
  readonly lockRows: boolean;
  insertEvents(tx: Db, rows: readonly EventRow[]): Promise<void>;
  readonly onChange: Notifier['onChange'];
  readonly notify: Notifier['notify'];
  readonly notifyAfter: Notifier['notifyAfter'];
  /** Settles when changes made by other servers are heard. */
  readonly listening: Notifier['ready'];
  close(): Promise<void>;
}

const CONFLICTS = new Set(['40001', '40P01', 'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT']);
const ATTEMPTS = 4;

/** Opens the database and brings its tables to this version. */
export async function openStore(config: StoreConfig, log: StoreLog): Promise<Store> {
  const backend = config.kind === 'sqlite' ? openSqlite(config.file) : openPostgres(config.url, config.connections, log);
  try {
    await migrate(backend.db, backend.kind);
  } catch (error) {
    await backend.close();
    throw error;
  }
  return storeOf(backend);
}

function storeOf(backend: Backend): Store {
  const { db, notifier } = backend;
  return {
    kind: backend.kind,
    db,
    lockRows: backend.kind === 'postgresql',
    async transaction(work) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await db.transaction().execute(work);
        } catch (error) {
          const code = (error as { code?: unknown } | null)?.code;
          if (attempt >= ATTEMPTS || typeof code !== 'string' || !CONFLICTS.has(code)) throw error;
        }
      }
    },
    async insertEvents(tx, rows) {
      if (rows.length > 0) await backend.insertEvents(tx, rows);
    },
    onChange: (channel, listener) => notifier.onChange(channel, listener),
    notify: (channel, payload) => notifier.notify(channel, payload),
    notifyAfter: (tx, channel, payload) => notifier.notifyAfter(tx, channel, payload),
    listening: () => notifier.ready(),
    close: () => backend.close(),
  };
}
