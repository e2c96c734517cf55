import { randomUUID } from 'node:crypto';
import type { Tables } from '../../store/index.ts';

export type AccountRow = Tables['accounts'];
export type NewAccount = {
  readonly name: string;
  /** Empty: no password. */
  readonly passwordHash: string;
  readonly createdAt: number;
  readonly id?: string | undefined;
  readonly personId?: string | null | undefined;
  readonly email?: string | null | undefined;
  readonly groups?: readonly string[] | undefined;
};

/** Without a role it may sign in and do nothing. */
export function newAccount({ name, passwordHash, createdAt, id = randomUUID(), personId = null, email = null, groups = [] }: NewAccount): AccountRow {
  return {
    id, name, password_hash: passwordHash, disabled: 0, created_at: createdAt, failed_logins: 0, locked_until: null, person_id: personId, email,
    groups: JSON.stringify(groups), totp_secret: null, totp_step: null, last_login_at: null,
  };
}
