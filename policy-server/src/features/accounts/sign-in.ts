import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Tables } from '../../store/index.ts';
import { isOfToday, hashPassword, isPassword } from './password.ts';
import type { Principal } from './principal.ts';
import { type ApiToken, infoOf, type IssuedToken, mint, retireToken } from './tokens.ts';

/** How people get in and out. */
export interface SignIn {
  /** Wrong name, wrong password, disabled and locked answer alike: BELAY_E_UNAUTHENTICATED. */
  login(name: string, password: string): Promise<Result<IssuedToken, Failure>>;
  logout(principal: Principal): Promise<Result<ApiToken, Failure>>;
}

export type SignInDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock' | 'config'>;

const FREE_ATTEMPTS = 5;
const FIRST_LOCK_MS = 30_000;
const MAX_LOCK_MS = 15 * 60_000;
const WRONG = 'The name or the password is wrong. After several failures an account is locked for some minutes.';

export function createSignIn(deps: SignInDeps): SignIn {
  const { store, clock, serverEvents, config } = deps;
  return {
    async login(name, password) {
      const account = await store.db.selectFrom('accounts').selectAll().where('name', '=', name).executeTakeFirst();
      const isOpen = account !== undefined && account.disabled === 0 && (account.locked_until ?? 0) <= clock();
      // Locked accounts cost and answer the same, so that neither time nor text tells which names exist.
      const matches = await isPassword(password, account?.password_hash);
      if (account === undefined || !isOpen || !matches) {
        await noteFailure(deps, name, isOpen ? account : undefined);
        return err(failure('BELAY_E_UNAUTHENTICATED', WRONG));
      }
      const now = clock();
      const rehashed = isOfToday(account.password_hash) ? account.password_hash : await hashPassword(password);
      const issued = mint({ name: account.name, kind: 'session', transport: 'bearer', accountId: account.id, createdBy: account.name, createdAt: now, expiresAt: now + config.signIn.session });
      await serverEvents.transact(async (tx, record) => {
        await tx.updateTable('accounts').set({ failed_logins: 0, locked_until: null, last_login_at: now, password_hash: rehashed }).where('id', '=', account.id).execute();
        await tx.insertInto('api_tokens').values(issued.row).execute();
        record({ type: 'admin.login', fields: { by: account.name } });
      });
      return ok({ token: issued.secret, info: infoOf(issued.row, []) });
    },
    logout: (principal) => retireToken(deps, principal.tokenId, principal.name),
  };
}

async function noteFailure({ serverEvents, clock }: SignInDeps, name: string, account: Tables['accounts'] | undefined): Promise<void> {
  await serverEvents.transact(async (tx, record) => {
    if (account !== undefined) {
      // Counted by the database: attempts at the same moment are all counted.
      const counted = await tx.updateTable('accounts').set((eb) => ({ failed_logins: eb('failed_logins', '+', 1) })).where('id', '=', account.id)
        .returning('failed_logins').executeTakeFirstOrThrow();
      const over = counted.failed_logins - FREE_ATTEMPTS;
      if (over >= 0) {
        const lockMs = Math.min(MAX_LOCK_MS, FIRST_LOCK_MS * 2 ** Math.min(over, 20));
        await tx.updateTable('accounts').set({ locked_until: clock() + lockMs }).where('id', '=', account.id).execute();
      }
    }
    record({ type: 'admin.login-failed', fields: { name: name.slice(0, 64) } });
  });
}
