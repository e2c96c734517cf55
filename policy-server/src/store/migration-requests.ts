import { type Kysely, sql } from 'kysely';
import { type Dialect, primary, required, typesOf } from './columns.ts';

type Types = ReturnType<typeof typesOf>;

/** 0003_requests: requests for approval, their answers, and grants. */
export async function createRequestTables(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const types = typesOf(dialect);
  await createRequests(db, types);
  await createAnswers(db, types);
  await createLimits(db, types);
  await createGrants(db, types);
}

async function createRequests(db: Kysely<unknown>, { bytes, int, text }: Types): Promise<void> {
  await db.schema.createTable('requests')
    .addColumn('id', text, primary).addColumn('device_id', text, required).addColumn('number', int, required).addColumn('uid', int, required).addColumn('user_name', text, required)
    .addColumn('state', text, required).addColumn('stance', text, required).addColumn('emergency', int, required)
    .addColumn('filed_at', int, required).addColumn('expires_at', int, required).addColumn('answered_at', int)
    .addColumn('stage_at', int, required).addColumn('escalates_at', int).addColumn('demands', text, required).addColumn('escalated', text, required)
    .addColumn('have', int, required).addColumn('need', int, required).addColumn('rules', text, required).addColumn('policy_version', int, required)
    .addColumn('command', text, required).addColumn('run_as', text, required).addColumn('reason', text).addColumn('command_key', text, required).addColumn('digest', bytes, required).addColumn('session', bytes).addColumn('details', text, required)
    .addColumn('answer', text, required).addColumn('answer_version', int, required).addColumn('answer_acked', int, required)
    .addColumn('answer_words', text, required).addColumn('answer_by', text, required).execute();
  await db.schema.createIndex('requests_place').unique().on('requests').columns(['device_id', 'number']).execute();
  await db.schema.createIndex('requests_time').on('requests').columns(['filed_at', 'id']).execute();
  await db.schema.createIndex('requests_state').on('requests').columns(['state', 'filed_at', 'id']).execute();
  await db.schema.createIndex('requests_user').on('requests').columns(['device_id', 'uid', 'filed_at']).execute();
  await db.schema.createIndex('requests_name').on('requests').columns(['user_name', 'filed_at', 'id']).execute();
  await db.schema.createIndex('requests_command').on('requests').columns(['command_key', 'filed_at']).execute();
  // The clock looks at what waits, a connection at what its device has not heard: both are few.
  await db.schema.createIndex('requests_due').on('requests').columns(['state', 'expires_at']).execute();
  await db.schema.createIndex('requests_escalation').on('requests').columns(['state', 'escalates_at']).execute();
  await db.schema.createIndex('requests_waiting').on('requests').columns(['state', 'device_id', 'uid']).execute();
  await sql`create index requests_unheard on requests (device_id) where answer_version > answer_acked`.execute(db);
  await sql`create index requests_emergency on requests (filed_at, id) where emergency = 1`.execute(db);
}

async function createAnswers(db: Kysely<unknown>, { int, text }: Types): Promise<void> {
  await db.schema.createTable('request_decisions')
    .addColumn('request_id', text, required).addColumn('holder', text, required).addColumn('account_id', text, required).addColumn('name', text, required)
    .addColumn('decision', text, required).addColumn('words', text).addColumn('at', int, required).addColumn('stage', int, required).addColumn('fits', text, required)
    .addColumn('for_ms', int).addColumn('uses', int).addColumn('exact', int, required)
    .addPrimaryKeyConstraint('request_decisions_pk', ['request_id', 'holder']).execute();
  await db.schema.createTable('request_reviews')
    .addColumn('request_id', text, primary).addColumn('name', text, required).addColumn('words', text, required).addColumn('at', int, required).execute();
  await db.schema.createTable('proposals')
    .addColumn('id', text, primary).addColumn('request_id', text, required).addColumn('yaml', text, required).addColumn('name', text, required).addColumn('account_id', text, required)
    .addColumn('created_at', int, required).addColumn('state', text, required).addColumn('settled_by', text).addColumn('settled_at', int).execute();
  await db.schema.createIndex('proposals_time').on('proposals').columns(['created_at', 'id']).execute();
  await db.schema.createIndex('proposals_request').on('proposals').columns(['request_id']).execute();
}

async function createLimits(db: Kysely<unknown>, { int, text }: Types): Promise<void> {
  await db.schema.createTable('request_refusals')
    .addColumn('device_id', text, required).addColumn('number', int, required).addColumn('words', text, required).addColumn('at', int, required)
    .addPrimaryKeyConstraint('request_refusals_pk', ['device_id', 'number']).execute();
  await db.schema.createTable('request_excesses')
    .addColumn('device_id', text, required).addColumn('uid', int, required).addColumn('user_name', text, required).addColumn('number', int, required)
    .addColumn('refused', int, required).addColumn('since', int, required).addColumn('noted', int, required)
    .addPrimaryKeyConstraint('request_excesses_pk', ['device_id', 'uid']).execute();
  await sql`create index request_excesses_new on request_excesses (noted) where noted = 0`.execute(db);
}

async function createGrants(db: Kysely<unknown>, { bytes, int, text }: Types): Promise<void> {
  await db.schema.createTable('grants')
    .addColumn('id', text, primary).addColumn('request_id', text, required).addColumn('device_id', text, required).addColumn('uid', int, required).addColumn('user_name', text, required)
    .addColumn('command', text, required).addColumn('envelope', bytes, required).addColumn('state', text, required).addColumn('uses', int).addColumn('spent', int, required)
    .addColumn('issued_at', int, required).addColumn('expires_at', int, required).addColumn('ended_at', int).addColumn('approved_by', text, required).addColumn('emergency', int, required).execute();
  await db.schema.createIndex('grants_request').unique().on('grants').columns(['request_id']).execute();
  await db.schema.createIndex('grants_time').on('grants').columns(['issued_at', 'id']).execute();
  await db.schema.createIndex('grants_device').on('grants').columns(['device_id', 'expires_at']).execute();
  await db.schema.createIndex('grants_state').on('grants').columns(['state', 'expires_at']).execute();
  await db.schema.createTable('grant_uses')
    .addColumn('device_id', text, required).addColumn('number', int, required).addColumn('grant_id', text, required).addColumn('started_at', int, required).addColumn('ended_at', int)
    .addPrimaryKeyConstraint('grant_uses_pk', ['device_id', 'number']).execute();
  await sql`create index grant_uses_open on grant_uses (grant_id) where ended_at is null`.execute(db);
  await sql`create index grant_uses_running on grant_uses (device_id) where ended_at is null`.execute(db);
}
