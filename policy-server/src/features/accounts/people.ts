import type { Db, Tables } from '../../store/index.ts';

/** A human being: what accounts on the server and users on devices have in common. */
export type Person = { readonly id: string; readonly name: string; readonly email: string | null; readonly managerId: string | null };

/** Whose user this is. A link to the very device goes before one to every device. */
export async function personOfUser(db: Db, deviceId: string, userName: string): Promise<Person | undefined> {
  const rows = await db.selectFrom('person_users').innerJoin('persons', 'persons.id', 'person_users.person_id').selectAll('persons').select('person_users.device_id')
    .where('user_name', '=', userName).where((eb) => eb.or([eb('device_id', '=', deviceId), eb('device_id', 'is', null)])).execute();
  const row = rows.find(({ device_id: device }) => device !== null) ?? rows[0];
  return row === undefined ? undefined : personFrom(row);
}

export async function personOfAccount(db: Db, accountId: string): Promise<Person | undefined> {
  const row = await db.selectFrom('accounts').innerJoin('persons', 'persons.id', 'accounts.person_id').selectAll('persons').where('accounts.id', '=', accountId).executeTakeFirst();
  return row === undefined ? undefined : personFrom(row);
}

export async function personById(db: Db, id: string): Promise<Person | undefined> {
  const row = await db.selectFrom('persons').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : personFrom(row);
}

export function personFrom({ id, name, email, manager_id: managerId }: Tables['persons']): Person {
  return { id, name, email, managerId };
}
