import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import {
  type AuthenticationResponseJSON, generateAuthenticationOptions, generateRegistrationOptions, type PublicKeyCredentialCreationOptionsJSON, type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON, verifyAuthenticationResponse, verifyRegistrationResponse,
} from '@simplewebauthn/server';
import type { WebPlace } from '../../config/web-place.ts';
import type { Db, Tables } from '../../store/index.ts';
import { noteFailure, type Origin, wrongFactor } from './attempts.ts';
import { closeChallenge, openChallenge, takeChallenge, tryChallenge } from './challenges.ts';
import { freshAccount } from './fresh.ts';
import type { Principal } from './principal.ts';
import { openAccount, type SignedIn, type SignInDeps, writeSession } from './sign-in.ts';

/** `challenge` comes back with the browser's answer to `options`. */
type Asked<O> = { readonly challenge: string; readonly options: O };

/** WebAuthn level 3, by @simplewebauthn/server. */
export interface Passkeys {
  addOptions(principal: Principal): Promise<Result<Asked<PublicKeyCredentialCreationOptionsJSON>, Failure>>;
  add(principal: Principal, given: { readonly challenge: string; readonly name: string; readonly response: unknown }): Promise<Result<{ readonly id: string; readonly name: string }, Failure>>;
  remove(principal: Principal, id: string): Promise<Result<{ readonly removed: string }, Failure>>;
  /** `waiting`: the challenge of a password that was right. Left out: the passkey is all there is, and its owner is verified by it. */
  options(waiting: string | undefined): Promise<Result<Asked<PublicKeyCredentialRequestOptionsJSON>, Failure>>;
  finish(given: { readonly challenge: string; readonly response: unknown }, origin: Origin): Promise<Result<SignedIn, Failure>>;
}

export type PasskeysDeps = SignInDeps & { readonly web: () => WebPlace };

const MAX_PASSKEYS = 20;
const TIMEOUT_MS = 5 * 60_000;
const NOT_TAKEN = 'This passkey was not taken: it is of another site, or the answer took too long. Try again.';

export function createPasskeys(deps: PasskeysDeps): Passkeys {
  return { ...adding(deps), ...signingIn(deps) };
}

function adding(deps: PasskeysDeps): Pick<Passkeys, 'addOptions' | 'add' | 'remove'> {
  const { store, serverEvents, web } = deps;
  return {
    async addOptions(principal) {
      const account = await freshAccount(deps, principal);
      if (!account.ok) return account;
      if (!web().takesPasskeys) return err(failure('BELAY_E_CONFLICT', 'Passkeys need a host name: set addresses.web.'));
      const { id, name } = account.value;
      const held = await store.db.selectFrom('passkeys').select(['id', 'transports']).where('account_id', '=', id).execute();
      if (held.length >= MAX_PASSKEYS) return err(failure('BELAY_E_TOO_LARGE', `An account has at most ${MAX_PASSKEYS} passkeys.`));
      const options = await generateRegistrationOptions({
        rpName: 'Belay', rpID: web().host, userName: name, userID: new Uint8Array(Buffer.from(id)), timeout: TIMEOUT_MS, attestationType: 'none',
        excludeCredentials: held.map(({ id: credential }) => ({ id: credential })), authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      });
      const challenge = await openChallenge(deps, 'passkey-add', id, { challenge: options.challenge });
      return challenge.ok ? ok({ challenge: challenge.value, options }) : challenge;
    },
    add: (principal, given) => addPasskey(deps, principal, given),
    async remove(principal, id) {
      const account = await freshAccount(deps, principal);
      if (!account.ok) return account;
      const removed = await serverEvents.transact(async (tx, record) => {
        const row = await tx.deleteFrom('passkeys').where('id', '=', id).where('account_id', '=', account.value.id).returning('name').executeTakeFirst();
        if (row !== undefined) record({ type: 'account.factor-removed', fields: { by: principal.name, account: principal.name, factor: `passkey ${row.name}` } });
        return row;
      });
      return removed === undefined ? err(failure('BELAY_E_NOT_PERMITTED')) : ok({ removed: id });
    },
  };
}

type NewPasskey = { readonly challenge: string; readonly name: string; readonly response: unknown };

async function addPasskey(deps: PasskeysDeps, principal: Principal, { challenge, name, response }: NewPasskey): Promise<Result<{ readonly id: string; readonly name: string }, Failure>> {
  const { serverEvents, clock, web } = deps;
  const account = await freshAccount(deps, principal);
  if (!account.ok) return account;
  const asked = await takeChallenge<{ readonly challenge: string }>(deps, 'passkey-add', challenge);
  const { origin, host } = web();
  const verified = asked?.accountId !== account.value.id ? undefined
    : await quietly(() => verifyRegistrationResponse({ response: response as RegistrationResponseJSON, expectedChallenge: asked.data.challenge, expectedOrigin: origin, expectedRPID: host }));
  if (verified?.verified !== true) return err(failure('BELAY_E_BAD_REQUEST', NOT_TAKEN));
  const { credential } = verified.registrationInfo;
  const row = {
    id: credential.id, account_id: account.value.id, public_key: credential.publicKey, counter: credential.counter, transports: JSON.stringify(credential.transports ?? []), name,
    created_at: clock(), last_used_at: null,
  };
  const isNew = await serverEvents.transact(async (tx, record) => {
    const inserted = await tx.insertInto('passkeys').values(row).onConflict((conflict) => conflict.column('id').doNothing()).executeTakeFirst();
    if (Number(inserted.numInsertedOrUpdatedRows ?? 0) === 0) return false;
    record({ type: 'account.factor-added', fields: { by: principal.name, account: principal.name, factor: `passkey ${name}` } });
    return true;
  });
  return isNew ? ok({ id: row.id, name }) : err(failure('BELAY_E_CONFLICT', 'This passkey is in use already.'));
}

type Waiting = { readonly challenge: string; readonly waiting: string | null };

function signingIn(deps: PasskeysDeps): Pick<Passkeys, 'options' | 'finish'> {
  const { store, web } = deps;
  return {
    async options(waiting) {
      const known = waiting === undefined ? undefined : await tryChallenge(deps, 'second-factor', waiting);
      if (waiting !== undefined && known === undefined) return wrongFactor();
      const accountId = known?.accountId ?? null;
      const held = accountId === null ? [] : await store.db.selectFrom('passkeys').select('id').where('account_id', '=', accountId).execute();
      const options = await generateAuthenticationOptions({
        rpID: web().host, timeout: TIMEOUT_MS, allowCredentials: held.map(({ id }) => ({ id })), userVerification: waiting === undefined ? 'required' : 'preferred',
      });
      const challenge = await openChallenge(deps, 'passkey', accountId, { challenge: options.challenge, waiting: waiting ?? null } satisfies Waiting);
      return challenge.ok ? ok({ challenge: challenge.value, options }) : challenge;
    },
    async finish({ challenge, response }, origin) {
      const asked = await takeChallenge<Waiting>(deps, 'passkey', challenge);
      const credential = await knownCredential(store.db, response);
      const account = await openAccount(deps, credential?.account_id);
      // SECURITY(T-56): a key of another account does not stand for the second factor of this one.
      if (asked === undefined || credential === undefined || account === undefined || (asked.accountId !== null && asked.accountId !== account.id)) {
        await noteFailure(deps, { name: account?.name ?? '', how: 'passkey', origin });
        return wrongFactor();
      }
      const verified = await verify(response, { asked: asked.data, credential, place: web() });
      const opened = verified === undefined ? undefined : await enter(deps, { account, credential, counter: verified, waiting: asked.data.waiting, origin });
      if (opened !== undefined) return ok(opened);
      await noteFailure(deps, { name: account.name, how: 'passkey', origin, account });
      return wrongFactor();
    },
  };
}

type Credential = Tables['passkeys'];

async function knownCredential(db: Db, response: unknown): Promise<Credential | undefined> {
  const { id } = response as { readonly id?: unknown };
  return typeof id === 'string' && id.length <= 1400 ? db.selectFrom('passkeys').selectAll().where('id', '=', id).executeTakeFirst() : undefined;
}

/** The authenticator's new counter; undefined when anything does not hold. */
async function verify(response: unknown, { asked, credential, place }: { readonly asked: Waiting; readonly credential: Credential; readonly place: WebPlace }): Promise<number | undefined> {
  const verified = await quietly(() => verifyAuthenticationResponse({
    response: response as AuthenticationResponseJSON, expectedChallenge: asked.challenge, expectedOrigin: place.origin, expectedRPID: place.host,
    credential: { id: credential.id, publicKey: new Uint8Array(credential.public_key), counter: credential.counter }, requireUserVerification: asked.waiting === null,
  }));
  return verified?.verified === true ? verified.authenticationInfo.newCounter : undefined;
}

type Entering = { readonly account: Parameters<typeof writeSession>[3]['account']; readonly credential: Credential; readonly counter: number; readonly waiting: string | null; readonly origin: Origin };

/** Undefined when somebody else used the same answer, or the same counter, first. */
function enter(deps: PasskeysDeps, { account, credential, counter, waiting, origin }: Entering): Promise<SignedIn | undefined> {
  return deps.serverEvents.transact(async (tx, record) => {
    if (waiting !== null && !(await closeChallenge(tx, waiting))) return undefined;
    const used = await tx.updateTable('passkeys').set({ counter, last_used_at: deps.clock() }).where('id', '=', credential.id).where('counter', '=', credential.counter).executeTakeFirst();
    if (used.numUpdatedRows === 0n) return undefined;
    return writeSession(tx, record, deps, { account, transport: 'cookie', how: waiting === null ? 'passkey' : 'password+passkey', origin });
  });
}

/** The library throws at whatever does not hold; what came from outside is no fault of ours. */
async function quietly<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch {
    return undefined;
  }
}
