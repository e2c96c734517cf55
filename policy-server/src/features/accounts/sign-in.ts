import { type Failure, failure } from '@belay/core/codes';
import type { EventDraft } from '@belay/core/evidence';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import type { AccountRow } from './account-row.ts';
import { checkPassword, isOpen, noteFailure, type Origin, wrongFactor } from './attempts.ts';
import { closeChallenge, openChallenge, tryChallenge } from './challenges.ts';
import { spendCode } from './codes.ts';
import type { Principal, Transport } from './principal.ts';
import { type ApiToken, infoOf, type IssuedToken, mint, retireToken, type TokenRow } from './tokens.ts';

export type Factor = 'totp' | 'passkey';
/** `secret`: the cookie's value, or the bearer token. */
export type SignedIn = { readonly secret: string; readonly row: TokenRow };
export type PasswordStep = ({ readonly kind: 'in' } & SignedIn) | { readonly kind: 'needs'; readonly needs: readonly Factor[]; readonly challenge: string };

/** How people get in and out with a password. Whatever is wrong is BELAY_E_UNAUTHENTICATED, in the same words. */
export interface SignIn {
  /** In a browser; where the account has a second factor, `challenge` waits for it. */
  password(given: { readonly name: string; readonly password: string }, origin: Origin): Promise<Result<PasswordStep, Failure>>;
  /** A code of an authenticator app, or a recovery code. */
  code(given: { readonly challenge: string; readonly code: string }, origin: Origin): Promise<Result<SignedIn, Failure>>;
  /** A bearer token, for belayctl. BELAY_E_SECOND_FACTOR: right so far, a code is needed. */
  login(given: { readonly name: string; readonly password: string; readonly code?: string | undefined }, origin: Origin): Promise<Result<IssuedToken, Failure>>;
  logout(principal: Principal): Promise<Result<ApiToken, Failure>>;
}

/** How long a session that is over is kept; what it did is in the events. */
const FORGOTTEN_MS = 30 * 86_400_000;

export type SignInDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock' | 'config' | 'secrets'>;

export function createSignIn(deps: SignInDeps): SignIn {
  const { store } = deps;
  return {
    async password({ name, password }, origin) {
      const checked = await checkPassword(deps, name, password, origin);
      if (!checked.ok) return checked;
      const needs = await factorsOf(store.db, checked.value);
      if (needs.length === 0) return ok({ kind: 'in', ...(await openSession(deps, checked.value, { transport: 'cookie', how: 'password', origin })) });
      const challenge = await openChallenge(deps, 'second-factor', checked.value.id, {});
      return challenge.ok ? ok({ kind: 'needs', needs, challenge: challenge.value }) : challenge;
    },
    async code({ challenge, code }, origin) {
      const waiting = await tryChallenge(deps, 'second-factor', challenge);
      const account = await openAccount(deps, waiting?.accountId ?? undefined);
      return account === undefined ? wrongFactor() : withCode(deps, account, code, { transport: 'cookie', origin, challenge });
    },
    async login({ name, password, code }, origin) {
      const checked = await checkPassword(deps, name, password, origin);
      if (!checked.ok) return checked;
      const needs = await factorsOf(store.db, checked.value);
      if (needs.length > 0 && code === undefined) return err(failure('BELAY_E_SECOND_FACTOR', secondFactorText(needs)));
      const opened = needs.length === 0 ? ok(await openSession(deps, checked.value, { transport: 'bearer', how: 'password', origin }))
        : await withCode(deps, checked.value, code as string, { transport: 'bearer', origin });
      return opened.ok ? ok({ token: opened.value.secret, info: infoOf(opened.value.row, []) }) : opened;
    },
    logout: (principal) => retireToken(deps, principal.tokenId, principal.name),
  };
}

function secondFactorText(needs: readonly Factor[]): string {
  return needs.includes('totp') ? 'A code of your authenticator app is needed as well.'
    : 'This account has a passkey, which works in the console only. Set up codes there to sign in here, or use a service token.';
}

/** What an account needs beside its password. */
export async function factorsOf(db: Db, account: AccountRow): Promise<readonly Factor[]> {
  const passkey = await db.selectFrom('passkeys').select('id').where('account_id', '=', account.id).limit(1).executeTakeFirst();
  return [...(account.totp_secret === null ? [] : ['totp' as const]), ...(passkey === undefined ? [] : ['passkey' as const])];
}

/** Undefined when there is none that may sign in now. */
export async function openAccount({ store, clock }: Pick<SignInDeps, 'store' | 'clock'>, id: string | undefined): Promise<AccountRow | undefined> {
  if (id === undefined) return undefined;
  const account = await store.db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst();
  return account !== undefined && isOpen(account, clock()) ? account : undefined;
}

type WithCode = { readonly transport: Transport; readonly origin: Origin; readonly challenge?: string };

async function withCode(deps: SignInDeps, account: AccountRow, code: string, { transport, origin, challenge }: WithCode): Promise<Result<SignedIn, Failure>> {
  const opened = await deps.serverEvents.transact(async (tx, record) => {
    const spent = await spendCode(tx, deps, account, code);
    if (spent === undefined || (challenge !== undefined && !(await closeChallenge(tx, challenge)))) return undefined;
    return writeSession(tx, record, deps, { account, transport, origin, how: `password+${spent}` });
  });
  if (opened !== undefined) return ok(opened);
  await noteFailure(deps, { name: account.name, how: 'code', origin, account });
  return wrongFactor();
}

export type Opening = { readonly transport: Transport; readonly how: string; readonly origin: Origin };

export function openSession(deps: SignInDeps, account: AccountRow, opening: Opening): Promise<SignedIn> {
  return deps.serverEvents.transact((tx, record) => writeSession(tx, record, deps, { account, ...opening }));
}

/** Always a secret that nobody has seen before: whatever the browser brought along is worth nothing afterwards. */
export async function writeSession(
  tx: Db, record: (draft: EventDraft) => void, { clock, config }: Pick<SignInDeps, 'clock' | 'config'>, { account, transport, how, origin }: Opening & { readonly account: AccountRow },
): Promise<SignedIn> {
  const now = clock();
  const { secret, row } = mint({
    name: account.name, kind: 'session', transport, accountId: account.id, createdBy: account.name, createdAt: now, expiresAt: now + config.signIn.session,
    peer: origin.peer, agent: origin.agent,
  });
  await tx.updateTable('accounts').set({ failed_logins: 0, locked_until: null, last_login_at: now }).where('id', '=', account.id).execute();
  await tx.deleteFrom('api_tokens').where('account_id', '=', account.id).where('kind', '=', 'session').where('expires_at', '<', now - FORGOTTEN_MS).execute();
  await tx.insertInto('api_tokens').values(row).execute();
  record({ type: 'admin.login', fields: { by: account.name, how, peer: origin.peer } });
  return { secret, row };
}
