import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import Cursor from 'pg-cursor';
import type { Backend, StoreLog } from './backend.ts';
import { postgresEventInsert } from './event-rows.ts';
import { type Channel, type ChangeListener, CHANNELS, createNotifier, type LocalNotifier, type Notifier } from './notify.ts';
import type { Tables } from './schema.ts';

const INT8 = 20;
const RECONNECT_MS = 500;
const CONNECT_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 30_000;

/** Every 64-bit number of ours is a time or a counter: all are safe integers. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

export function openPostgres(url: string, connections: number, log: StoreLog): Backend {
  const settings: pg.ClientConfig = { connectionString: url, types, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, application_name: 'belay-server' };
  const pool = new pg.Pool({ ...settings, max: connections, statement_timeout: STATEMENT_TIMEOUT_MS });
  // Without a listener a connection lost while idle would end the process.
  pool.on('error', (error) => log.warn({ cause: error.message }, 'a database connection was lost'));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool, cursor: Cursor }) });
  const notifier = createPostgresNotifier(settings, pool, log);
  return {
    kind: 'postgresql',
    db,
    notifier,
    insertEvents: postgresEventInsert,
    async close() {
      await notifier.close();
      await db.destroy();
    },
  };
}

/** A connection of its own that listens, and comes back when it was lost. */
function createPostgresNotifier(settings: pg.ClientConfig, pool: pg.Pool, log: StoreLog): Notifier {
  const local: LocalNotifier = createNotifier();
  let client: pg.Client | undefined;
  let closed = false;
  let connecting: Promise<void> | undefined;
  let retry: NodeJS.Timeout | undefined;

  async function listen(again: boolean): Promise<void> {
    const next = new pg.Client({ ...settings, keepAlive: true });
    next.on('notification', ({ channel, payload }) => local.deliver(channel.replace('belay_', '') as Channel, payload ?? ''));
    next.on('error', (error) => log.warn({ cause: error.message }, 'the listening database connection was lost'));
    next.on('end', () => scheduleReconnect());
    await next.connect();
    for (const channel of CHANNELS) await next.query(`listen belay_${channel}`);
    client = next;
    if (again) for (const channel of CHANNELS) local.deliver(channel, '');
  }

  function scheduleReconnect(): void {
    if (closed || retry !== undefined) return;
    client = undefined;
    retry = setTimeout(() => {
      retry = undefined;
      connecting = listen(true).catch((error: unknown) => {
        log.warn({ cause: String(error) }, 'cannot listen to the database yet');
        scheduleReconnect();
      });
    }, RECONNECT_MS);
  }

  return {
    onChange(channel: Channel, listener: ChangeListener) {
      connecting ??= listen(false).catch((error: unknown) => {
        log.warn({ cause: String(error) }, 'cannot listen to the database yet');
        scheduleReconnect();
      });
      return local.onChange(channel, listener);
    },
    async notify(channel, payload = '') {
      await pool.query('select pg_notify($1, $2)', [`belay_${channel}`, payload]);
    },
    async notifyAfter(tx, channel, payload = '') {
      await sql`select pg_notify(${`belay_${channel}`}, ${payload})`.execute(tx);
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      await connecting;
      await client?.end();
      await local.close();
    },
    async ready() {
      await connecting;
    },
  };
}
