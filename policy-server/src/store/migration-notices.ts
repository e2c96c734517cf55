import type { Kysely } from 'kysely';
import { type Dialect, primary, required, typesOf } from './columns.ts';

/** What is to be told outside, and the webhooks that it is told to. */
export async function createNoticeTables(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const { bytes, int, text } = typesOf(dialect);
  await db.schema.createTable('outbox')
    .addColumn('id', text, primary).addColumn('kind', text, required).addColumn('payload', text, required)
    .addColumn('channel', text, required).addColumn('target', text, required).addColumn('created_at', int, required)
    .addColumn('attempts', int, required).addColumn('next_at', int, required).addColumn('claimed_until', int).addColumn('claimed_by', text)
    .addColumn('done_at', int).addColumn('outcome', text).addColumn('last_error', text).execute();
  await db.schema.createIndex('outbox_due').on('outbox').columns(['done_at', 'next_at']).execute();
  await db.schema.createTable('webhooks')
    .addColumn('id', text, primary).addColumn('name', text, (c) => c.notNull().unique()).addColumn('url', text, required)
    .addColumn('secret', bytes, required).addColumn('old_secret', bytes).addColumn('old_until', int).addColumn('events', text, required)
    .addColumn('disabled', int, required).addColumn('created_at', int, required).addColumn('created_by', text, required)
    .addColumn('last_success_at', int).addColumn('last_failure_at', int).addColumn('last_failure', text).execute();
}
