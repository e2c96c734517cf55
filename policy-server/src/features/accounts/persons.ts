import { randomBytes } from 'node:crypto';
import type { EventDraft } from '@belay/core/evidence';
import type { Db } from '../../store/index.ts';
import { base32 } from './totp.ts';

export type Recording = { readonly tx: Db; readonly record: (draft: EventDraft) => void; readonly by: string };
export type NewPerson = { readonly name: string; readonly email: string | null; readonly managerId: string | null };

const ID_BYTES = 10;

export function newPersonId(): string {
  return `p-${base32(randomBytes(ID_BYTES)).toLowerCase()}`;
}

export async function insertPerson({ tx, record, by }: Recording, { name, email, managerId }: NewPerson, now: number): Promise<string> {
  const id = newPersonId();
  await tx.insertInto('persons').values({ id, name, email, manager_id: managerId, created_at: now }).execute();
  record({ type: 'person.created', fields: { by, person: id, name } });
  return id;
}

/** `device` null: on every device. Answers whose it is afterwards: a user that is another person's stays that person's. */
export async function linkUser({ tx, record, by }: Recording, personId: string, user: string, device: string | null): Promise<string> {
  const holder = await holderOf(tx, user, device);
  if (holder !== undefined) return holder;
  await tx.insertInto('person_users').values({ person_id: personId, device_id: device, user_name: user }).execute();
  record({ type: 'person.user-linked', fields: { by, person: personId, user, ...(device === null ? {} : { device }) } });
  return personId;
}

export async function holderOf(db: Db, user: string, device: string | null): Promise<string | undefined> {
  const row = await db.selectFrom('person_users').select('person_id').where('user_name', '=', user).where('device_id', device === null ? 'is' : '=', device).executeTakeFirst();
  return row?.person_id;
}

export async function setPersonOf({ tx, record, by }: Recording, account: { readonly id: string; readonly name: string }, personId: string | null): Promise<void> {
  await tx.updateTable('accounts').set({ person_id: personId }).where('id', '=', account.id).execute();
  record({ type: 'account.person-set', fields: { by, account: account.name, ...(personId === null ? {} : { person: personId }) } });
}
