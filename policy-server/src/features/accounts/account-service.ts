import { randomBytes } from 'node:crypto';
import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import { likePattern } from '../devices/read.ts';
import { isName } from '../devices/names.ts';
import { isAccountName } from './account-names.ts';
import { type AccountRow, newAccount } from './account-row.ts';
import { type AccountView, accountViews } from './account-view.ts';
import { LOCAL, readBindings } from './bindings.ts';
import { hashPassword, passwordFault } from './password.ts';
import { covers, type RoleBinding } from './permissions.ts';
import { type Recording, setPersonOf } from './persons.ts';
import type { Principal } from './principal.ts';
import { replaceRoles } from './roles.ts';
import { endSessions } from './tokens.ts';

export type NewAccountRequest = {
  readonly name: string; readonly email?: string | null | undefined; readonly person?: string | null | undefined; readonly bindings: readonly RoleBinding[];
  /** Left out: one is made up, and answered once. */
  readonly password?: string | undefined;
};
export type WithPassword = { readonly account: AccountView; readonly password: string | null };
export type AccountPage = { readonly limit: number; readonly after?: readonly [name: string, id: string] | undefined };

/** Accounts, named by id or name. "Not there", and "more than you may do yourself", is BELAY_E_NOT_PERMITTED. */
export interface AccountService {
  list(search: string | undefined, page: AccountPage): Promise<readonly AccountView[]>;
  show(account: string): Promise<Result<AccountView, Failure>>;
  create(request: NewAccountRequest, principal: Principal): Promise<Result<WithPassword, Failure>>;
  /** What was given here is these from now on; what the directory gives stays. BELAY_E_CONFLICT: nobody would be administrator any more. */
  setRoles(account: string, bindings: readonly RoleBinding[], principal: Principal): Promise<Result<AccountView, Failure>>;
  setDisabled(account: string, isDisabled: boolean, principal: Principal): Promise<Result<AccountView, Failure>>;
  /** Its sessions are over. */
  setPassword(account: string, password: string | undefined, principal: Principal): Promise<Result<WithPassword, Failure>>;
  setPerson(account: string, person: string | null, principal: Principal): Promise<Result<AccountView, Failure>>;
  /** For somebody who has lost them: only the password is left. */
  unlinkFactors(account: string, principal: Principal): Promise<Result<AccountView, Failure>>;
}

export type AccountServiceDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock'>;

const GENERATED_BYTES = 15;

export function createAccountService(deps: AccountServiceDeps): AccountService {
  return { ...reader(deps), ...maker(deps), ...editor(deps) };
}

function reader({ store: { db } }: AccountServiceDeps): Pick<AccountService, 'list' | 'show'> {
  return {
    async list(search, { limit, after }) {
      let query = db.selectFrom('accounts').selectAll().orderBy('name').orderBy('id').limit(limit);
      if (after !== undefined) query = query.where((eb) => eb.or([eb('name', '>', after[0]), eb.and([eb('name', '=', after[0]), eb('id', '>', after[1])])]));
      if (search !== undefined) query = query.where((eb) => eb.or((['name', 'email'] as const).map((column) => eb(eb.fn<string>('lower', [column]), 'like', likePattern(search)))));
      return accountViews(db, await query.execute());
    },
    async show(account) {
      const row = await findAccount(db, account);
      return row === undefined ? err(failure('BELAY_E_NOT_PERMITTED')) : ok((await accountViews(db, [row]))[0] as AccountView);
    },
  };
}

function maker(deps: AccountServiceDeps): Pick<AccountService, 'create' | 'setPassword'> {
  const { store, serverEvents, clock } = deps;
  return {
    async create({ name, email = null, person = null, bindings, password }, principal) {
      const fault = nameFault(name) ?? bindingsFault(bindings, principal) ?? passwordFailure(password, name);
      if (fault !== undefined) return err(fault);
      const given = password ?? randomBytes(GENERATED_BYTES).toString('base64url');
      const row = newAccount({ name, email, passwordHash: await hashPassword(given), createdAt: clock() });
      return serverEvents.transact(async (tx, record): Promise<Result<WithPassword, Failure>> => {
        const recording: Recording = { tx, record, by: principal.name };
        if (person !== null && !(await isPerson(tx, person))) return err(failure('BELAY_E_BAD_REQUEST', 'There is no such person.'));
        const inserted = await tx.insertInto('accounts').values(row).onConflict((conflict) => conflict.column('name').doNothing()).executeTakeFirst();
        if (Number(inserted.numInsertedOrUpdatedRows ?? 0) === 0) return err(failure('BELAY_E_CONFLICT', `There is an account called ${name}.`));
        record({ type: 'account.created', fields: { by: principal.name, account: name, name } });
        await replaceRoles(recording, row, bindings, LOCAL);
        if (person !== null) await setPersonOf(recording, row, person);
        await store.notifyAfter(tx, 'people', row.id);
        return ok({ account: await viewById(tx, row.id), password: password === undefined ? given : null });
      });
    },
    async setPassword(account, password, principal) {
      const fault = passwordFailure(password, account);
      if (fault !== undefined) return err(fault);
      const given = password ?? randomBytes(GENERATED_BYTES).toString('base64url');
      const hash = await hashPassword(given);
      const changed = await edit(deps, account, principal, async ({ tx, record, by }, { id, name }) => {
        await tx.updateTable('accounts').set({ password_hash: hash, failed_logins: 0, locked_until: null }).where('id', '=', id).execute();
        await endSessions(tx, id, clock());
        record({ type: 'account.password-set', fields: { by, account: name } });
      });
      return changed.ok ? ok({ account: changed.value, password: password === undefined ? given : null }) : changed;
    },
  };
}

function editor(deps: AccountServiceDeps): Pick<AccountService, 'setRoles' | 'setDisabled' | 'setPerson' | 'unlinkFactors'> {
  return {
    async setRoles(account, bindings, principal) {
      const fault = bindingsFault(bindings, principal);
      return fault === undefined ? edit(deps, account, principal, (recording, row) => replaceRoles(recording, row, bindings, LOCAL)) : err(fault);
    },
    setDisabled: (account, isDisabled, principal) => edit(deps, account, principal, async ({ tx, record, by }, { id, name, disabled }) => {
      if ((disabled !== 0) === isDisabled) return;
      await tx.updateTable('accounts').set({ disabled: isDisabled ? 1 : 0, failed_logins: 0, locked_until: null }).where('id', '=', id).execute();
      if (isDisabled) await endSessions(tx, id, deps.clock());
      record({ type: isDisabled ? 'account.disabled' : 'account.enabled', fields: { by, account: name } });
    }),
    async setPerson(account, person, principal) {
      if (person !== null && !(await isPerson(deps.store.db, person))) return err(failure('BELAY_E_BAD_REQUEST', 'There is no such person.'));
      return edit(deps, account, principal, async (recording, row) => {
        if (row.person_id !== person) await setPersonOf(recording, row, person);
      });
    },
    unlinkFactors: (account, principal) => edit(deps, account, principal, async ({ tx, record, by }, { id, name, totp_secret: secret }) => {
      const keys = await tx.deleteFrom('passkeys').where('account_id', '=', id).returning('name').execute();
      await tx.deleteFrom('recovery_codes').where('account_id', '=', id).execute();
      await tx.updateTable('accounts').set({ totp_secret: null, totp_step: null, failed_logins: 0, locked_until: null }).where('id', '=', id).execute();
      await endSessions(tx, id, deps.clock());
      for (const factor of [...(secret === null ? [] : ['codes']), ...keys.map((key) => `passkey ${key.name}`)]) record({ type: 'account.factor-removed', fields: { by, account: name, factor } });
    }),
  };
}

/**
 * One change of one account, with its events. Refused where the account has more than whoever acts: else a password given to it
 * would be a way up. Taken back where no administrator would be left.
 */
async function edit(deps: AccountServiceDeps, named: string, principal: Principal, work: (recording: Recording, row: AccountRow) => Promise<void>): Promise<Result<AccountView, Failure>> {
  try {
    return await deps.serverEvents.transact(async (tx, record): Promise<Result<AccountView, Failure>> => {
      const row = await findAccount(tx, named);
      // SECURITY(T-58): nobody gets at an account that can do more than their own.
      if (row === undefined || !(await readBindings(tx, row.id)).every((binding) => covers(principal.bindings, binding))) return err(failure('BELAY_E_NOT_PERMITTED'));
      const administrators = await lockAdministrators(deps, tx);
      await work({ tx, record, by: principal.name }, row);
      if (administrators.length > 0 && (await readAdministrators(tx)).length === 0) throw new LastAdministrator();
      await deps.store.notifyAfter(tx, 'people', row.id);
      return ok(await viewById(tx, row.id));
    });
  } catch (error) {
    if (error instanceof LastAdministrator) return err(failure('BELAY_E_CONFLICT', error.message));
    throw error;
  }
}

class LastAdministrator extends Error {
  constructor() {
    super('Nobody would be administrator any more. Give somebody else the role first, for every device, and a way to sign in.');
  }
}

/** Of two who take the role from each other, on two servers, one waits for the other. */
async function lockAdministrators({ store }: AccountServiceDeps, tx: Db): Promise<readonly string[]> {
  const query = tx.selectFrom('role_bindings').select('holder').where('role', '=', 'administrator').where('device_group', '=', '*').orderBy('holder');
  await (store.lockRows ? query.forUpdate() : query).execute();
  return readAdministrators(tx);
}

/** Who can sign in and do everything. */
async function readAdministrators(tx: Db): Promise<readonly string[]> {
  const rows = await tx.selectFrom('accounts').select('id').where('disabled', '=', 0)
    .where('id', 'in', (eb) => eb.selectFrom('role_bindings').select('holder').where('role', '=', 'administrator').where('device_group', '=', '*'))
    .where((eb) => eb.or([
      eb('password_hash', '!=', ''), eb('id', 'in', eb.selectFrom('passkeys').select('account_id')), eb('id', 'in', eb.selectFrom('identities').select('account_id')),
    ])).execute();
  return rows.map(({ id }) => id);
}

async function findAccount(db: Db, named: string): Promise<AccountRow | undefined> {
  const rows = await db.selectFrom('accounts').selectAll().where((eb) => eb.or([eb('id', '=', named), eb('name', '=', named)])).execute();
  return rows.find(({ id }) => id === named) ?? rows[0];
}

async function viewById(db: Db, id: string): Promise<AccountView> {
  const row = await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  return (await accountViews(db, [row]))[0] as AccountView;
}

async function isPerson(db: Db, id: string): Promise<boolean> {
  return (await db.selectFrom('persons').select('id').where('id', '=', id).executeTakeFirst()) !== undefined;
}

function nameFault(name: string): Failure | undefined {
  return isAccountName(name) ? undefined : failure('BELAY_E_BAD_REQUEST', 'An account\'s name has letters, digits and . _ @ + - , at most 64, and begins with a letter or digit.');
}

function passwordFailure(password: string | undefined, name: string): Failure | undefined {
  const fault = password === undefined ? undefined : passwordFault(password, name);
  return fault === undefined ? undefined : failure('BELAY_E_BAD_REQUEST', fault);
}

function bindingsFault(bindings: readonly RoleBinding[], { bindings: held }: Principal): Failure | undefined {
  if (bindings.some(({ groups }) => groups !== 'all' && !groups.every(isName))) return failure('BELAY_E_BAD_REQUEST', 'A role is for every device, or for named groups of devices.');
  return bindings.every((binding) => covers(held, binding)) ? undefined : failure('BELAY_E_NOT_PERMITTED');
}
