import { type Kysely, sql } from 'kysely';
import { type Dialect, primary, required, typesOf } from './columns.ts';

type Types = ReturnType<typeof typesOf>;

/** 0002_people: persons, what signs them in, and roles that reach as far as they were given. */
export async function createPeopleTables(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const types = typesOf(dialect);
  await createPersons(db, types);
  await createRoles(db, types);
  await extendAccounts(db, types);
  await createSignIn(db, types);
}

async function createPersons(db: Kysely<unknown>, { int, text }: Types): Promise<void> {
  await db.schema.createTable('persons')
    .addColumn('id', text, primary).addColumn('name', text, required).addColumn('email', text).addColumn('manager_id', text).addColumn('created_at', int, required).execute();
  await db.schema.createIndex('persons_manager').on('persons').column('manager_id').execute();
  await db.schema.createTable('person_users').addColumn('person_id', text, required).addColumn('device_id', text).addColumn('user_name', text, required).execute();
  // Of nulls a plain index would allow any number: a user of a device is one human being, or nobody's.
  await sql`create unique index person_users_user on person_users (user_name, coalesce(device_id, ''))`.execute(db);
  await db.schema.createIndex('person_users_person').on('person_users').column('person_id').execute();
  await db.schema.alterTable('devices').addColumn('owner_person_id', text).execute();
  await db.schema.createIndex('device_groups_group').on('device_groups').columns(['group_name', 'device_id']).execute();
}

/** What an account or a token was, it is for every device. */
async function createRoles(db: Kysely<unknown>, { text }: Types): Promise<void> {
  await db.schema.createTable('role_bindings')
    .addColumn('holder', text, required).addColumn('role', text, required).addColumn('device_group', text, required).addColumn('source', text, required)
    .addPrimaryKeyConstraint('role_bindings_pk', ['holder', 'role', 'device_group', 'source']).execute();
  await sql`insert into role_bindings (holder, role, device_group, source) select id, role, '*', 'local' from accounts`.execute(db);
  await sql`insert into role_bindings (holder, role, device_group, source) select id, role, '*', 'local' from api_tokens where kind = 'service'`.execute(db);
  await db.schema.alterTable('accounts').dropColumn('role').execute();
  await db.schema.alterTable('api_tokens').dropColumn('role').execute();
}

async function extendAccounts(db: Kysely<unknown>, { bytes, int, text }: Types): Promise<void> {
  // One column a statement: SQLite adds no more at once.
  const add = (table: string, column: string, type: Types[keyof Types]) => db.schema.alterTable(table).addColumn(column, type).execute();
  await add('accounts', 'person_id', text);
  await add('accounts', 'email', text);
  await db.schema.alterTable('accounts').addColumn('groups', text, (c) => c.notNull().defaultTo('[]')).execute();
  await add('accounts', 'totp_secret', bytes);
  await add('accounts', 'totp_step', int);
  await add('accounts', 'last_login_at', int);
  await db.schema.createIndex('accounts_person').on('accounts').column('person_id').execute();
  await db.schema.alterTable('api_tokens').addColumn('transport', text, (c) => c.notNull().defaultTo('bearer')).execute();
  await add('api_tokens', 'permissions', text);
  await add('api_tokens', 'peer', text);
  await add('api_tokens', 'agent', text);
  await db.schema.createIndex('api_tokens_account').on('api_tokens').columns(['account_id', 'expires_at']).execute();
}

async function createSignIn(db: Kysely<unknown>, { bytes, int, text }: Types): Promise<void> {
  await db.schema.createTable('recovery_codes')
    .addColumn('account_id', text, required).addColumn('code_hash', bytes, required).addColumn('used_at', int)
    .addPrimaryKeyConstraint('recovery_codes_pk', ['account_id', 'code_hash']).execute();
  await db.schema.createTable('passkeys')
    .addColumn('id', text, primary).addColumn('account_id', text, required).addColumn('public_key', bytes, required).addColumn('counter', int, required)
    .addColumn('transports', text, required).addColumn('name', text, required).addColumn('created_at', int, required).addColumn('last_used_at', int).execute();
  await db.schema.createIndex('passkeys_account').on('passkeys').column('account_id').execute();
  await db.schema.createTable('identities')
    .addColumn('issuer', text, required).addColumn('subject', text, required).addColumn('account_id', text, required).addColumn('created_at', int, required)
    .addPrimaryKeyConstraint('identities_pk', ['issuer', 'subject']).execute();
  await db.schema.createTable('challenges')
    .addColumn('id', text, primary).addColumn('kind', text, required).addColumn('account_id', text).addColumn('data', bytes, required)
    .addColumn('tries', int, required).addColumn('expires_at', int, required).execute();
  await db.schema.createIndex('challenges_expiry').on('challenges').column('expires_at').execute();
  await db.schema.createTable('idempotency')
    .addColumn('holder', text, required).addColumn('route', text, required).addColumn('key', text, required).addColumn('body_hash', bytes, required)
    .addColumn('status', int).addColumn('content', text).addColumn('created_at', int, required)
    .addPrimaryKeyConstraint('idempotency_pk', ['holder', 'route', 'key']).execute();
  await db.schema.createIndex('idempotency_age').on('idempotency').column('created_at').execute();
}
