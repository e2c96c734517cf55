import type { Kysely } from 'kysely';
import { type Dialect, required, typesOf } from './columns.ts';

/** 0006_other_devices: a request may be for other devices too, each of which has a grant of its own. */
export async function createOtherDevices(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const { text } = typesOf(dialect);
  await db.schema.createTable('request_devices')
    .addColumn('request_id', text, required).addColumn('device_id', text, required).addColumn('user_name', text, required)
    .addPrimaryKeyConstraint('request_devices_pk', ['request_id', 'device_id']).execute();
  await db.schema.alterTable('request_decisions').addColumn('devices', text, (column) => column.notNull().defaultTo('[]')).execute();
  await db.schema.dropIndex('grants_request').execute();
  await db.schema.createIndex('grants_request').unique().on('grants').columns(['request_id', 'device_id']).execute();
  await db.schema.alterTable('grants').dropColumn('uid').execute();
}
