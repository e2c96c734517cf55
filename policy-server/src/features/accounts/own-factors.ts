import { randomBytes } from 'node:crypto';
import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { WebPlace } from '../../config/web-place.ts';
import type { ServerContext } from '../../context.ts';
import { checkPassword, type Origin } from './attempts.ts';
import { closeChallenge, openChallenge, tryChallenge } from './challenges.ts';
import { makeRecoveryCodes, purposeOf } from './codes.ts';
import { freshAccount } from './fresh.ts';
import { hashPassword, passwordFault } from './password.ts';
import type { Principal } from './principal.ts';
import { endSessions } from './tokens.ts';
import { base32, matchingStep, otpauthUri, SECRET_BYTES } from './totp.ts';

export type OwnFactorsView = {
  readonly password: boolean;
  readonly totp: boolean;
  readonly recoveryCodes: number;
  readonly passkeys: readonly { readonly id: string; readonly name: string; readonly createdAt: number; readonly lastUsedAt: number | null }[];
};

/** How somebody signs in, changed by themselves. */
export interface OwnFactors {
  view(principal: Principal): Promise<Result<OwnFactorsView, Failure>>;
  /** The secret for an app; nothing is in force until a code of it was given. */
  startTotp(principal: Principal): Promise<Result<{ readonly challenge: string; readonly secret: string; readonly uri: string }, Failure>>;
  /** Answers the recovery codes, this once. */
  confirmTotp(principal: Principal, given: { readonly challenge: string; readonly code: string }): Promise<Result<{ readonly recoveryCodes: readonly string[] }, Failure>>;
  removeTotp(principal: Principal): Promise<Result<OwnFactorsView, Failure>>;
  /** The other sessions are over. */
  setPassword(principal: Principal, given: { readonly current: string; readonly next: string }, origin: Origin): Promise<Result<OwnFactorsView, Failure>>;
}

export type OwnFactorsDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock' | 'secrets'> & { readonly web: () => WebPlace };

const NOT_RIGHT = 'The code is not right. Check the clock of the device that shows it, and try the next one.';

export function createOwnFactors(deps: OwnFactorsDeps): OwnFactors {
  const view: OwnFactors['view'] = (principal) => viewOf(deps, principal);
  return {
    view,
    async startTotp(principal) {
      const account = await freshAccount(deps, principal);
      if (!account.ok) return account;
      const secret = randomBytes(SECRET_BYTES);
      const challenge = await openChallenge(deps, 'totp-add', account.value.id, { secret: secret.toString('base64') });
      return challenge.ok ? ok({ challenge: challenge.value, secret: base32(secret), uri: otpauthUri(secret, account.value.name, deps.web().host) }) : challenge;
    },
    confirmTotp: (principal, given) => confirmTotp(deps, principal, given),
    removeTotp: (principal) => removeTotp(deps, principal),
    async setPassword(principal, { current, next }, origin) {
      if (principal.accountId === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
      const account = await checkPassword(deps, principal.name, current, origin);
      if (!account.ok) return err(failure('BELAY_E_SIGN_IN_AGAIN', 'The present password is wrong.'));
      const { id, name } = account.value;
      const fault = passwordFault(next, name);
      if (fault !== undefined) return err(failure('BELAY_E_BAD_REQUEST', fault));
      const hash = await hashPassword(next);
      await deps.serverEvents.transact(async (tx, record) => {
        await tx.updateTable('accounts').set({ password_hash: hash, failed_logins: 0, locked_until: null }).where('id', '=', id).execute();
        await endSessions(tx, id, deps.clock(), principal.tokenId);
        record({ type: 'account.password-set', fields: { by: name, account: name } });
      });
      return view(principal);
    },
  };
}

async function viewOf({ store: { db } }: OwnFactorsDeps, { accountId }: Principal): Promise<Result<OwnFactorsView, Failure>> {
  const account = accountId === undefined ? undefined : await db.selectFrom('accounts').selectAll().where('id', '=', accountId).executeTakeFirst();
  if (account === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
  const codes = await db.selectFrom('recovery_codes').select('code_hash').where('account_id', '=', account.id).where('used_at', 'is', null).execute();
  const passkeys = await db.selectFrom('passkeys').selectAll().where('account_id', '=', account.id).orderBy('created_at').execute();
  return ok({
    password: account.password_hash !== '', totp: account.totp_secret !== null, recoveryCodes: codes.length,
    passkeys: passkeys.map((row) => ({ id: row.id, name: row.name, createdAt: row.created_at, lastUsedAt: row.last_used_at })),
  });
}

async function confirmTotp(deps: OwnFactorsDeps, principal: Principal, { challenge, code }: { readonly challenge: string; readonly code: string }): Promise<Result<{ readonly recoveryCodes: readonly string[] }, Failure>> {
  const account = await freshAccount(deps, principal);
  if (!account.ok) return account;
  const { id, name } = account.value;
  const started = await tryChallenge<{ readonly secret: string }>(deps, 'totp-add', challenge);
  if (started === undefined || started.accountId !== id) return err(failure('BELAY_E_EXPIRED', 'This took too long; begin anew.'));
  const secret = Buffer.from(started.data.secret, 'base64');
  const step = matchingStep(secret, code.replaceAll(/\s/g, ''), deps.clock());
  if (step === undefined) return err(failure('BELAY_E_BAD_REQUEST', NOT_RIGHT));
  const recoveryCodes = await deps.serverEvents.transact(async (tx, record) => {
    if (!(await closeChallenge(tx, challenge))) return undefined;
    // The code that proved it is spent, too.
    await tx.updateTable('accounts').set({ totp_secret: deps.secrets.seal(purposeOf(id), secret), totp_step: step }).where('id', '=', id).execute();
    record({ type: 'account.factor-added', fields: { by: name, account: name, factor: 'codes' } });
    return makeRecoveryCodes(tx, deps, id);
  });
  return recoveryCodes === undefined ? err(failure('BELAY_E_CONFLICT')) : ok({ recoveryCodes });
}

async function removeTotp(deps: OwnFactorsDeps, principal: Principal): Promise<Result<OwnFactorsView, Failure>> {
  const account = await freshAccount(deps, principal);
  if (!account.ok) return account;
  const { id, name, totp_secret: secret } = account.value;
  if (secret !== null) {
    await deps.serverEvents.transact(async (tx, record) => {
      await tx.updateTable('accounts').set({ totp_secret: null, totp_step: null }).where('id', '=', id).execute();
      await tx.deleteFrom('recovery_codes').where('account_id', '=', id).execute();
      record({ type: 'account.factor-removed', fields: { by: name, account: name, factor: 'codes' } });
    });
  }
  return viewOf(deps, principal);
}
