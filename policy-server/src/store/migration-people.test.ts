import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import type { Backend } from './backend.ts';
import { migrate } from './migrations.ts';
import { openPostgres } from './postgres.ts';
import { openSqlite } from './sqlite.ts';

const databases = postgresMissing() === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);

describe.each(databases)('a database of the first version on %s', (kind) => {
  const folder = mkdtempSync(join(tmpdir(), 'belay-migration-'));
  let postgres: TestPostgres | undefined;
  let backend: Backend;
  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    backend = postgres === undefined ? openSqlite(join(folder, 'old.db')) : openPostgres(postgres.createDatabase(), 2, { warn: () => undefined });
  });
  afterAll(async () => {
    await backend.close();
    await postgres?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('keeps its accounts, sessions and tokens; each has for every device what it had', async () => {
    const { db } = backend;
    await migrate(db, kind, '0001_foundation');
    await sql`insert into accounts (id, name, password_hash, role, disabled, created_at, failed_logins) values ('a-1', 'root', 'x', 'administrator', 0, 1, 0), ('a-2', 'olga', 'y', 'operator', 1, 2, 3)`.execute(db);
    const token = (id: string, account: string | null, role: string, type: string) =>
      sql`insert into api_tokens (id, secret_hash, account_id, name, role, kind, created_at, created_by, expires_at) values (${id}, ${new Uint8Array([1, 2])}, ${account}, ${id}, ${role}, ${type}, 5, 'root', 99)`.execute(db);
    await token('session-of-1', 'a-1', 'administrator', 'session');
    await token('ci', null, 'viewer', 'service');
    expect(await migrate(db, kind)).toContain('0002_people');
    const bindings = await db.selectFrom('role_bindings').selectAll().orderBy('holder').execute();
    expect(bindings).toEqual([
      { holder: 'a-1', role: 'administrator', device_group: '*', source: 'local' },
      { holder: 'a-2', role: 'operator', device_group: '*', source: 'local' },
      { holder: 'ci', role: 'viewer', device_group: '*', source: 'local' },
    ]);
    expect(await db.selectFrom('accounts').selectAll().orderBy('id').execute()).toMatchObject([
      { id: 'a-1', name: 'root', password_hash: 'x', person_id: null, groups: '[]', totp_secret: null }, { id: 'a-2', disabled: 1, failed_logins: 3 },
    ]);
    expect(await db.selectFrom('api_tokens').selectAll().orderBy('id').execute()).toMatchObject([
      { id: 'ci', account_id: null, kind: 'service', transport: 'bearer', permissions: null }, { id: 'session-of-1', account_id: 'a-1', kind: 'session', expires_at: 99 },
    ]);
  });

  test('holds a user of a device, or of all of them, as one person\'s only', async () => {
    const { db } = backend;
    const link = (person: string, device: string | null) => db.insertInto('person_users').values({ person_id: person, device_id: device, user_name: 'alice' }).execute();
    await link('p-1', null);
    await link('p-2', 'd-1');
    await expect(link('p-3', null)).rejects.toThrow(/unique/i);
    await expect(link('p-3', 'd-1')).rejects.toThrow(/unique/i);
    expect(await db.selectFrom('person_users').selectAll().execute()).toHaveLength(2);
  });
});
