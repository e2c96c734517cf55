import type { Db } from '../../store/index.ts';
import type { Scope } from '../accounts/permissions.ts';
import type { GrantRow } from './grants.ts';
import { ID } from './ids.ts';
import type { RequestRow } from './telling.ts';

/**
 * SECURITY(T-30): what is outside the scope is not looked at: an id that is another's, one that is nobody's, and one that is no id at all
 * are one answer. `lock`: it is read to be changed, on a database that locks rows.
 */
export async function findRequest(db: Db, id: string, scope: Scope, lock = false): Promise<RequestRow | undefined> {
  if (!ID.test(id)) return undefined;
  const row = await db.selectFrom('requests').selectAll().where('id', '=', id).$if(lock, (query) => query.forUpdate()).executeTakeFirst();
  return row !== undefined && (await isWithin(db, row.device_id, scope)) ? row : undefined;
}

export async function findGrant(db: Db, id: string, scope: Scope, lock = false): Promise<GrantRow | undefined> {
  if (!ID.test(id)) return undefined;
  const row = await db.selectFrom('grants').selectAll().where('id', '=', id).$if(lock, (query) => query.forUpdate()).executeTakeFirst();
  return row !== undefined && (await isWithin(db, row.device_id, scope)) ? row : undefined;
}

async function isWithin(db: Db, device: string, scope: Scope): Promise<boolean> {
  if (scope === 'all') return true;
  if (scope.length === 0) return false;
  return (await db.selectFrom('device_groups').select('device_id').where('device_id', '=', device).where('group_name', 'in', [...scope]).executeTakeFirst()) !== undefined;
}
