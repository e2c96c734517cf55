import type { Db } from '../../store/index.ts';
import type { AccountRow } from './account-row.ts';
import type { RoleBinding } from './permissions.ts';

/** `source`: `local`, or the provider of single sign-on whose claims give it. */
export type SourcedBinding = RoleBinding & { readonly source: string };
export type AccountView = {
  readonly id: string; readonly name: string; readonly email: string | null; readonly person: { readonly id: string; readonly name: string } | null; readonly disabled: boolean;
  readonly createdAt: number; readonly lastLoginAt: number | null; readonly lockedUntil: number | null; readonly bindings: readonly SourcedBinding[]; readonly groups: readonly string[];
  readonly factors: { readonly password: boolean; readonly totp: boolean; readonly passkeys: number }; readonly issuers: readonly string[];
};

export async function accountViews(db: Db, rows: readonly AccountRow[]): Promise<AccountView[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const personIds = rows.map(({ person_id: person }) => person).filter((id) => id !== null);
  const persons = personIds.length === 0 ? [] : await db.selectFrom('persons').select(['id', 'name']).where('id', 'in', personIds).execute();
  const bindings = await db.selectFrom('role_bindings').selectAll().where('holder', 'in', ids).orderBy('role').orderBy('device_group').execute();
  const passkeys = await db.selectFrom('passkeys').select('account_id').where('account_id', 'in', ids).execute();
  const identities = await db.selectFrom('identities').select(['account_id', 'issuer']).where('account_id', 'in', ids).orderBy('issuer').execute();
  return rows.map((row) => ({
    id: row.id, name: row.name, email: row.email, person: persons.find(({ id }) => id === row.person_id) ?? null, disabled: row.disabled !== 0,
    createdAt: row.created_at, lastLoginAt: row.last_login_at, lockedUntil: row.locked_until,
    bindings: sourced(bindings.filter(({ holder }) => holder === row.id)), groups: JSON.parse(row.groups) as string[],
    factors: { password: row.password_hash !== '', totp: row.totp_secret !== null, passkeys: passkeys.filter(({ account_id: id }) => id === row.id).length },
    issuers: identities.filter(({ account_id: id }) => id === row.id).map(({ issuer }) => issuer),
  }));
}

type Row = { readonly role: RoleBinding['role']; readonly device_group: string; readonly source: string };

function sourced(rows: readonly Row[]): readonly SourcedBinding[] {
  return [...Map.groupBy(rows, ({ role, source }) => `${source} ${role}`).values()].map((same) => {
    const { role, source } = same[0] as Row;
    const groups = same.map(({ device_group: group }) => group);
    return { role, groups: groups.includes('*') ? 'all' : groups, source };
  });
}
