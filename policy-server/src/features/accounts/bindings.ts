import type { Db } from '../../store/index.ts';
import { type Permission, PERMISSIONS, type Role, type RoleBinding, ROLES } from './permissions.ts';

/** No group can be called so (devices/names.ts). */
const EVERY_DEVICE = '*';
export const LOCAL = 'local';

type Row = { readonly holder: string; readonly role: Role; readonly device_group: string };

/** What an account or a service token has, from whatever source. `only`: the permissions that a token is narrowed to. */
export async function readBindings(db: Db, holder: string, only?: readonly Permission[]): Promise<readonly RoleBinding[]> {
  return (await readAllBindings(db, [holder])).get(holder)?.map((binding) => (only === undefined ? binding : { ...binding, only })) ?? [];
}

const AT_ONCE = 500;

/** `source`: only those from there. */
export async function readAllBindings(db: Db, holders: readonly string[], source?: string): Promise<ReadonlyMap<string, readonly RoleBinding[]>> {
  const rows: Row[] = [];
  for (let at = 0; at < holders.length; at += AT_ONCE) {
    let query = db.selectFrom('role_bindings').select(['holder', 'role', 'device_group']).where('holder', 'in', holders.slice(at, at + AT_ONCE));
    if (source !== undefined) query = query.where('source', '=', source);
    rows.push(...(await query.orderBy('device_group').execute()));
  }
  return new Map([...Map.groupBy(rows, ({ holder }) => holder)].map(([holder, own]) => [holder, bindingsOf(own)]));
}

function bindingsOf(rows: readonly Row[]): readonly RoleBinding[] {
  const byRole = Map.groupBy(rows, ({ role }) => role);
  return ROLES.flatMap((role): RoleBinding[] => {
    const groups = [...new Set((byRole.get(role) ?? []).map(({ device_group: group }) => group))];
    if (groups.length === 0) return [];
    return [{ role, groups: groups.includes(EVERY_DEVICE) ? 'all' : groups }];
  });
}

/** What comes from `source` is these bindings from now on. Whoever calls records it. */
export async function writeBindings(tx: Db, holder: string, bindings: readonly RoleBinding[], source: string = LOCAL): Promise<void> {
  await tx.deleteFrom('role_bindings').where('holder', '=', holder).where('source', '=', source).execute();
  const rows = new Map(bindings.flatMap(({ role, groups }) => (groups === 'all' ? [EVERY_DEVICE] : groups).map((group) => [`${role} ${group}`, { holder, role, device_group: group, source }])));
  if (rows.size > 0) await tx.insertInto('role_bindings').values([...rows.values()]).execute();
}

/** For events and lists: "operator (engineering), viewer". */
export function bindingsText(bindings: readonly RoleBinding[]): string {
  return bindings.map(({ role, groups }) => (groups === 'all' ? role : `${role} (${groups.join(', ')})`)).join(', ');
}

export function permissionsFrom(json: string | null): readonly Permission[] | undefined {
  if (json === null) return undefined;
  return (JSON.parse(json) as readonly string[]).filter((name): name is Permission => Object.hasOwn(PERMISSIONS, name));
}
