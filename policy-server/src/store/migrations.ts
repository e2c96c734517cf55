import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { type Column, type Dialect, required, typesOf } from './columns.ts';
import { createNoticeTables } from './migration-notices.ts';
import { createEventSearch } from './event-search.ts';
import { createOtherDevices } from './migration-other-devices.ts';
import { createPeopleTables } from './migration-people.ts';
import { createRequestTables } from './migration-requests.ts';
import type { Tables } from './schema.ts';

async function createPolicyTables(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const { bytes, int, text } = typesOf(dialect);
  await db.schema.createTable('policy_versions')
    .addColumn('version', int, (c) => c.primaryKey().notNull()).addColumn('created_at', int, required).addColumn('created_by', text, required)
    .addColumn('comment', text, required).addColumn('rollback_of', int).execute();
  await db.schema.createTable('policies')
    .addColumn('version', int, required).addColumn('name', text, required).addColumn('file_name', text, required)
    .addColumn('source', text, required).addColumn('digest', bytes, required).addColumn('summary', text, required)
    .addPrimaryKeyConstraint('policies_pk', ['version', 'name']).execute();
  await db.schema.createTable('bundles')
    .addColumn('digest', bytes, (c) => c.primaryKey().notNull()).addColumn('content', bytes, required).addColumn('created_at', int, required).execute();
}

async function createDeviceTables(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const { bytes, int, text } = typesOf(dialect);
  await db.schema.createTable('devices')
    .addColumn('id', text, (c) => c.primaryKey().notNull()).addColumn('name', text, required).addColumn('hostname', text, required)
    .addColumn('state', text, required).addColumn('evidence_key', bytes, required).addColumn('enrolled_at', int, required)
    .addColumn('enroll_token_id', text, required).addColumn('certificate_serial', text, required).addColumn('certificate_expires_at', int, required)
    .addColumn('last_seen_at', int).addColumn('silent_since', int)
    .addColumn('manifest_number', int, required).addColumn('manifest_epoch', int, required).addColumn('agent_version', text, required)
    .addColumn('inventory', text, required).addColumn('problems', text, required).addColumn('issued_number', int, required).execute();
  await db.schema.createIndex('devices_name').on('devices').column('name').execute();
  await db.schema.createTable('device_labels')
    .addColumn('device_id', text, required).addColumn('key', text, required).addColumn('value', text, required)
    .addPrimaryKeyConstraint('device_labels_pk', ['device_id', 'key']).execute();
  await db.schema.createTable('device_groups')
    .addColumn('device_id', text, required).addColumn('group_name', text, required)
    .addPrimaryKeyConstraint('device_groups_pk', ['device_id', 'group_name']).execute();
  await db.schema.createTable('enroll_tokens')
    .addColumn('id', text, (c) => c.primaryKey().notNull()).addColumn('secret_hash', bytes, required).addColumn('created_at', int, required)
    .addColumn('created_by', text, required).addColumn('expires_at', int, required).addColumn('uses_left', int, required)
    .addColumn('uses_total', int, required).addColumn('groups', text, required).addColumn('revoked_at', int).execute();
  await db.schema.createTable('manifests')
    .addColumn('device_id', text, (c) => c.primaryKey().notNull()).addColumn('epoch', int, required).addColumn('number', int, required)
    .addColumn('content_hash', bytes, required).addColumn('bundles', text, required).addColumn('envelope', bytes, required)
    .addColumn('issued_at', int, required).addColumn('expires_at', int, required).execute();
  await db.schema.createTable('orders')
    .addColumn('id', text, (c) => c.primaryKey().notNull()).addColumn('device_id', text, required).addColumn('envelope', bytes, required)
    .addColumn('issued_at', int, required).addColumn('expires_at', int, required).execute();
  await db.schema.createIndex('orders_device').on('orders').columns(['device_id', 'expires_at']).execute();
}

async function createEvidenceTables(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const { bytes, int, text } = typesOf(dialect);
  await db.schema.createTable('chains')
    .addColumn('chain', bytes, (c) => c.primaryKey().notNull()).addColumn('device_id', text, required).addColumn('genesis_key', bytes, required)
    .addColumn('seq', int, required).addColumn('head', bytes, required).addColumn('key_index', int, required)
    .addColumn('public_key', bytes, required).addColumn('state', text, required).addColumn('updated_at', int, required).execute();
  await db.schema.createIndex('chains_device').on('chains').column('device_id').execute();
  const id: Column = (c) => (dialect === 'sqlite' ? c.primaryKey().autoIncrement() : c.primaryKey().generatedByDefaultAsIdentity());
  await db.schema.createTable('events')
    .addColumn('id', int, id).addColumn('chain', bytes, required).addColumn('seq', int, required).addColumn('device_id', text, required)
    .addColumn('type', text, required).addColumn('device_time', int, required).addColumn('server_time', int, required)
    .addColumn('user_name', text).addColumn('uid', int).addColumn('request', int).addColumn('rule', text)
    .addColumn('summary', text, required).addColumn('record', bytes, required).execute();
  await db.schema.createIndex('events_place').unique().on('events').columns(['chain', 'seq']).execute();
  await db.schema.createIndex('events_device').on('events').columns(['device_id', 'id']).execute();
  await db.schema.createIndex('events_type').on('events').columns(['type', 'id']).execute();
  await db.schema.createIndex('events_user').on('events').columns(['user_name', 'id']).execute();
  await db.schema.createTable('receipts')
    .addColumn('chain', bytes, required).addColumn('seq', int, required).addColumn('time', int, required).addColumn('envelope', bytes, required)
    .addPrimaryKeyConstraint('receipts_pk', ['chain', 'seq']).execute();
}

async function createAccountTables(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const { bytes, int, text } = typesOf(dialect);
  await db.schema.createTable('accounts')
    .addColumn('id', text, (c) => c.primaryKey().notNull()).addColumn('name', text, (c) => c.notNull().unique()).addColumn('password_hash', text, required)
    .addColumn('role', text, required).addColumn('disabled', int, required).addColumn('created_at', int, required)
    .addColumn('failed_logins', int, required).addColumn('locked_until', int).execute();
  await db.schema.createTable('api_tokens')
    .addColumn('id', text, (c) => c.primaryKey().notNull()).addColumn('secret_hash', bytes, required).addColumn('account_id', text)
    .addColumn('name', text, required).addColumn('role', text, required).addColumn('kind', text, required).addColumn('created_at', int, required)
    .addColumn('created_by', text, required).addColumn('expires_at', int, required).addColumn('last_used_at', int).addColumn('revoked_at', int).execute();
  await db.schema.createTable('settings').addColumn('key', text, (c) => c.primaryKey().notNull()).addColumn('value', text, required).execute();
}

/** Forward only: a name, once released, keeps its content for ever; the next change is the next name. */
function migrationsFor(dialect: Dialect): Record<string, Migration> {
  return {
    '0001_foundation': {
      async up(db: Kysely<unknown>) {
        await createPolicyTables(db, dialect);
        await createDeviceTables(db, dialect);
        await createEvidenceTables(db, dialect);
        await createAccountTables(db, dialect);
      },
    },
    '0002_people': { up: (db: Kysely<unknown>) => createPeopleTables(db, dialect) },
    '0003_requests': { up: (db: Kysely<unknown>) => createRequestTables(db, dialect) },
    '0004_notices': { up: (db: Kysely<unknown>) => createNoticeTables(db, dialect) },
    '0005_event_search': { up: (db: Kysely<unknown>) => createEventSearch(db, dialect) },
    '0006_other_devices': { up: (db: Kysely<unknown>) => createOtherDevices(db, dialect) },
  };
}

/**
 * Brings the tables to this version. Repeatable; two servers may do it at once (the migrator holds a lock). Throws when the
 * database is newer than this program. `upTo`: to an older version, for tests of what follows.
 */
export async function migrate(db: Kysely<Tables>, dialect: Dialect, upTo?: string): Promise<readonly string[]> {
  const migrations = migrationsFor(dialect);
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error, results } = await (upTo === undefined ? migrator.migrateToLatest() : migrator.migrateTo(upTo));
  if (error !== undefined) throw new Error('the database could not be brought to this version', { cause: error });
  return (results ?? []).map((result) => result.migrationName);
}
