import { type Failure, failure } from '@belay/core/codes';
import type { EventDraft } from '@belay/core/evidence';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { AccountRow } from './account-row.ts';
import { hashPassword, isOfToday, isPassword } from './password.ts';

/** Where a sign-in comes from, for its owner to recognise later. */
export type Origin = { readonly peer: string; readonly agent: string };
export type AttemptDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock'>;

const FREE_ATTEMPTS = 5;
const FIRST_LOCK_MS = 30_000;
const MAX_LOCK_MS = 15 * 60_000;
const WRONG = 'The name or the password is wrong. After several failures an account is locked for some minutes.';
const WRONG_FACTOR = 'That was not right, or it took too long. After several failures an account is locked for some minutes.';

export function isOpen(account: AccountRow, now: number): boolean {
  return account.disabled === 0 && (account.locked_until ?? 0) <= now;
}

/** The account whose name and password these are. Everything that is not right answers, and takes as long, alike. */
export async function checkPassword(deps: AttemptDeps, name: string, password: string, origin: Origin): Promise<Result<AccountRow, Failure>> {
  const { db } = deps.store;
  const account = await db.selectFrom('accounts').selectAll().where('name', '=', name).executeTakeFirst();
  // SECURITY(T-52): locked, disabled and absent accounts cost and answer the same, so that neither time nor text tells which names exist.
  const matches = await isPassword(password, account?.password_hash);
  const open = account !== undefined && isOpen(account, deps.clock());
  if (!open || !matches) {
    await noteFailure(deps, { name, how: 'password', origin, account: open ? account : undefined });
    return err(failure('BELAY_E_UNAUTHENTICATED', WRONG));
  }
  if (!isOfToday(account.password_hash)) {
    const hash = await hashPassword(password);
    await db.updateTable('accounts').set({ password_hash: hash }).where('id', '=', account.id).where('password_hash', '=', account.password_hash).execute();
  }
  return ok(account);
}

export type FailedAttempt = { readonly name: string; readonly how: string; readonly origin: Origin; readonly account?: AccountRow | undefined };

/** Puts it on record, and locks the account when there were too many. */
export async function noteFailure({ serverEvents, clock }: AttemptDeps, { name, how, origin, account }: FailedAttempt): Promise<void> {
  await serverEvents.transact(async (tx, record: (draft: EventDraft) => void) => {
    record({ type: 'admin.login-failed', fields: { name: name.slice(0, 64), how, peer: origin.peer } });
    if (account === undefined) return;
    // Counted by the database: attempts at the same moment are all counted.
    const counted = await tx.updateTable('accounts').set((eb) => ({ failed_logins: eb('failed_logins', '+', 1) })).where('id', '=', account.id)
      .returning('failed_logins').executeTakeFirstOrThrow();
    const over = counted.failed_logins - FREE_ATTEMPTS;
    if (over < 0) return;
    const until = clock() + Math.min(MAX_LOCK_MS, FIRST_LOCK_MS * 2 ** Math.min(over, 20));
    await tx.updateTable('accounts').set({ locked_until: until }).where('id', '=', account.id).execute();
    record({ type: 'account.locked', fields: { account: account.name, until } });
  });
}

export function wrongFactor(): Result<never, Failure> {
  return err(failure('BELAY_E_UNAUTHENTICATED', WRONG_FACTOR));
}
