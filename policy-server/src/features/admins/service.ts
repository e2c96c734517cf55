import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Tables } from '../../store/index.ts';
import { isPassword } from './password.ts';

export const ROLES = ['viewer', 'operator', 'administrator'] as const;
export type Role = (typeof ROLES)[number];

/** Who calls: a person's session or a service token. `name` is what events call them. */
export type Principal = {
  readonly tokenId: string;
  readonly kind: 'session' | 'service';
  readonly name: string;
  readonly role: Role;
  readonly expiresAt: number;
};

/** Unix ms. The secret is never part of it. */
export type ApiToken = {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly kind: 'session' | 'service';
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number;
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
};

export type IssuedToken = { readonly token: string; readonly info: ApiToken };
export type NewToken = { readonly name: string; readonly role: Role; readonly validForMs: number };

export interface AdminService {
  /** Wrong name, wrong password, disabled and locked answer alike: BELAY_E_UNAUTHENTICATED. */
  login(name: string, password: string): Promise<Result<IssuedToken, Failure>>;
  logout(principal: Principal): Promise<void>;
  /** Undefined for whatever is not a living token. */
  authenticate(bearer: string): Promise<Principal | undefined>;
  createToken(token: NewToken, principal: Principal): Promise<Result<IssuedToken, Failure>>;
  listTokens(): Promise<readonly ApiToken[]>;
  revokeToken(id: string, principal: Principal): Promise<Result<ApiToken, Failure>>;
}

export type AdminServiceDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock'>;

const SESSION_MS = 12 * 3_600_000;
const YEAR_MS = 365 * 86_400_000;
const FREE_ATTEMPTS = 5;
const FIRST_LOCK_MS = 30_000;
const MAX_LOCK_MS = 15 * 60_000;
const USE_NOTED_MS = 60_000;
const TOKEN_NAME = /^[\p{L}\p{N}][\p{L}\p{N}._:/@ -]{0,63}$/u;
const BEARER = /^blt_([A-Za-z0-9_-]{12})\.([A-Za-z0-9_-]{43})$/;
const WRONG = 'The name or the password is wrong. After several failures an account is locked for some minutes.';

export function createAdminService(deps: AdminServiceDeps): AdminService {
  return { ...signIn(deps), ...tokens(deps) };
}

function signIn(deps: AdminServiceDeps): Pick<AdminService, 'login' | 'logout' | 'authenticate'> {
  const { store, clock, serverEvents } = deps;
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
      const issued = mint({ name: account.name, role: account.role, kind: 'session', createdBy: account.name, createdAt: clock(), expiresAt: clock() + SESSION_MS });
      await serverEvents.transact(async (tx, record) => {
        await tx.updateTable('accounts').set({ failed_logins: 0, locked_until: null }).where('id', '=', account.id).execute();
        await tx.insertInto('api_tokens').values({ ...issued.row, account_id: account.id }).execute();
        record({ type: 'admin.login', fields: { by: account.name } });
      });
      return ok({ token: issued.token, info: infoOf(issued.row) });
    },
    async logout(principal) {
      await retire(deps, principal.tokenId, principal.name);
    },
    authenticate: (bearer) => authenticate(deps, bearer),
  };
}

async function noteFailure({ serverEvents, clock }: AdminServiceDeps, name: string, account: Tables['accounts'] | undefined): Promise<void> {
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

async function authenticate({ store, clock }: AdminServiceDeps, bearer: string): Promise<Principal | undefined> {
  const parts = BEARER.exec(bearer);
  if (parts === null) return undefined;
  const row = await store.db.selectFrom('api_tokens').selectAll().where('id', '=', parts[1] as string).executeTakeFirst();
  const now = clock();
  // SECURITY(T-36): only a hash is stored: a stolen database opens nothing.
  if (row === undefined || !timingSafeEqual(row.secret_hash, hashBearer(bearer)) || row.revoked_at !== null || row.expires_at <= now) return undefined;
  const role = row.account_id === null ? row.role : await roleOfAccount(store.db, row.account_id);
  if (role === undefined) return undefined;
  if (row.last_used_at === null || now - row.last_used_at > USE_NOTED_MS) {
    await store.db.updateTable('api_tokens').set({ last_used_at: now }).where('id', '=', row.id).execute();
  }
  return { tokenId: row.id, kind: row.kind, name: row.kind === 'service' ? `token:${row.name}` : row.name, role, expiresAt: row.expires_at };
}

/** A session has the role its account has now, and ends when the account is disabled. */
async function roleOfAccount(db: AdminServiceDeps['store']['db'], id: string): Promise<Role | undefined> {
  const account = await db.selectFrom('accounts').select(['role', 'disabled']).where('id', '=', id).executeTakeFirst();
  return account === undefined || account.disabled !== 0 ? undefined : account.role;
}

function tokens(deps: AdminServiceDeps): Pick<AdminService, 'createToken' | 'listTokens' | 'revokeToken'> {
  const { store, clock, serverEvents } = deps;
  return {
    async createToken({ name, role, validForMs }, principal) {
      if (!TOKEN_NAME.test(name)) return err(failure('BELAY_E_BAD_REQUEST', 'A token\'s name has letters, digits and . _ : / @ - , at most 64.'));
      if (!Number.isSafeInteger(validForMs) || validForMs < 1000 || validForMs > YEAR_MS) return err(failure('BELAY_E_BAD_REQUEST', 'A token is valid from one second to one year.'));
      // A token that can make tokens could never be revoked for good.
      if (principal.kind !== 'session') return err(failure('BELAY_E_NOT_PERMITTED'));
      const now = clock();
      const issued = mint({ name, role, kind: 'service', createdBy: principal.name, createdAt: now, expiresAt: now + validForMs });
      await serverEvents.transact(async (tx, record) => {
        await tx.insertInto('api_tokens').values({ ...issued.row, account_id: null }).execute();
        record({ type: 'admin.token-created', fields: { by: principal.name, name, role } });
      });
      return ok({ token: issued.token, info: infoOf(issued.row) });
    },
    async listTokens() {
      const rows = await store.db.selectFrom('api_tokens').selectAll()
        .where((eb) => eb.or([eb('kind', '=', 'service'), eb.and([eb('revoked_at', 'is', null), eb('expires_at', '>', clock())])]))
        .orderBy('created_at', 'desc').limit(1000).execute();
      return rows.map(infoOf);
    },
    revokeToken: (id, principal) => retire(deps, id, principal.name),
  };
}

async function retire({ serverEvents, clock }: AdminServiceDeps, id: string, by: string): Promise<Result<ApiToken, Failure>> {
  const retired = await serverEvents.transact(async (tx, record) => {
    const row = await tx.selectFrom('api_tokens').selectAll().where('id', '=', id).executeTakeFirst();
    if (row === undefined || row.revoked_at !== null) return row;
    const revokedAt = clock();
    await tx.updateTable('api_tokens').set({ revoked_at: revokedAt }).where('id', '=', id).execute();
    record({ type: 'admin.token-revoked', fields: { by, name: row.name } });
    return { ...row, revoked_at: revokedAt };
  });
  return retired === undefined ? err(failure('BELAY_E_NOT_PERMITTED')) : ok(infoOf(retired));
}

type TokenRow = Omit<Tables['api_tokens'], 'account_id'>;
type Mint = { readonly name: string; readonly role: Role; readonly kind: 'session' | 'service'; readonly createdBy: string; readonly createdAt: number; readonly expiresAt: number };

function mint({ name, role, kind, createdBy, createdAt, expiresAt }: Mint): { readonly token: string; readonly row: TokenRow } {
  const id = randomBytes(9).toString('base64url');
  const token = `blt_${id}.${randomBytes(32).toString('base64url')}`;
  return {
    token,
    row: { id, secret_hash: hashBearer(token), name, role, kind, created_at: createdAt, created_by: createdBy, expires_at: expiresAt, last_used_at: null, revoked_at: null },
  };
}

/** The secret has 256 random bits: a plain hash is enough, nobody can try them all. */
function hashBearer(bearer: string): Uint8Array {
  return createHash('sha256').update(`belay/api-token/v1:${bearer}`).digest();
}

function infoOf(row: TokenRow): ApiToken {
  return {
    id: row.id, name: row.name, role: row.role, kind: row.kind, createdAt: row.created_at, createdBy: row.created_by,
    expiresAt: row.expires_at, lastUsedAt: row.last_used_at, revokedAt: row.revoked_at,
  };
}
