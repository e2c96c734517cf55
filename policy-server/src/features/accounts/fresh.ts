import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { AccountRow } from './account-row.ts';
import type { Principal } from './principal.ts';

const FRESH_MS = 15 * 60_000;

/**
 * The account of somebody who signed in a short while ago. Only they change how they sign in: a session that was stolen, or left open, is
 * not enough. BELAY_E_SIGN_IN_AGAIN; BELAY_E_NOT_PERMITTED of service tokens.
 */
export async function freshAccount({ store, clock }: Pick<ServerContext, 'store' | 'clock'>, { accountId, tokenId }: Principal): Promise<Result<AccountRow, Failure>> {
  if (accountId === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
  const account = await store.db.selectFrom('accounts').selectAll().where('id', '=', accountId).executeTakeFirst();
  const session = await store.db.selectFrom('api_tokens').select('created_at').where('id', '=', tokenId).executeTakeFirst();
  if (account === undefined || session === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
  // SECURITY(T-55): what a stolen cookie could make last, by a factor or a password of its own.
  return clock() - session.created_at > FRESH_MS ? err(failure('BELAY_E_SIGN_IN_AGAIN')) : ok(account);
}
