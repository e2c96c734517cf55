import type { AccountRow } from './account-row.ts';
import { readAllBindings, writeBindings } from './bindings.ts';
import type { RoleBinding } from './permissions.ts';
import type { Recording } from './persons.ts';

const groupsOf = ({ groups }: RoleBinding): readonly string[] => (groups === 'all' ? ['*'] : groups);
const isSame = (a: RoleBinding, b: RoleBinding): boolean => a.role === b.role && groupsOf(a).toSorted().join('\n') === groupsOf(b).toSorted().join('\n');

/** What comes from `source` is these from now on; each that is new or gone is an event. */
export async function replaceRoles({ tx, record, by }: Recording, account: Pick<AccountRow, 'id' | 'name'>, wanted: readonly RoleBinding[], source: string): Promise<void> {
  const before = (await readAllBindings(tx, [account.id], source)).get(account.id) ?? [];
  await writeBindings(tx, account.id, wanted, source);
  const after = (await readAllBindings(tx, [account.id], source)).get(account.id) ?? [];
  for (const gone of before.filter((each) => !after.some((other) => isSame(each, other)))) {
    record({ type: 'role.taken', fields: { by, account: account.name, role: gone.role, groups: groupsOf(gone) } });
  }
  for (const given of after.filter((each) => !before.some((other) => isSame(each, other)))) {
    record({ type: 'role.given', fields: { by, account: account.name, role: given.role, groups: groupsOf(given) } });
  }
}
