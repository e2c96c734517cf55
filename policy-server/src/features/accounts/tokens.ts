import { randomBytes } from 'node:crypto';
import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Db, Tables } from '../../store/index.ts';
import { randomLetters } from '../../random-letters.ts';
import { isName } from '../devices/names.ts';
import { bindingsText, permissionsFrom, readAllBindings, writeBindings } from './bindings.ts';
import { covers, type Permission, type RoleBinding } from './permissions.ts';
import { hashSecret, type Principal, type Transport } from './principal.ts';

/** A session or a service token. Unix ms. The secret is never part of it. */
export type ApiToken = {
  readonly id: string;
  readonly name: string;
  readonly kind: 'session' | 'service';
  /** Of a service token; a session has its account's. */
  readonly bindings: readonly RoleBinding[];
  /** All that a service token may do of what its roles give; null: whatever they give. */
  readonly permissions: readonly Permission[] | null;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number;
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
};

export type IssuedToken = { readonly token: string; readonly info: ApiToken };
export type NewToken = { readonly name: string; readonly bindings: readonly RoleBinding[]; readonly permissions: readonly Permission[] | null; readonly validForMs: number };
/** After this place in the list of newest first. */
export type Page = { readonly limit: number; readonly after?: readonly [createdAt: number, id: string] | undefined };

/** Service tokens, for programs; and whatever else signs in, to be ended. */
export interface TokenService {
  /** A token never has more than its maker. */
  create(token: NewToken, principal: Principal): Promise<Result<IssuedToken, Failure>>;
  list(page: Page): Promise<readonly ApiToken[]>;
  revoke(id: string, principal: Principal): Promise<Result<ApiToken, Failure>>;
}

export type TokenServiceDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock'>;

const YEAR_MS = 365 * 86_400_000;
const TOKEN_NAME = /^[\p{L}\p{N}][\p{L}\p{N}._:/@ -]{0,63}$/u;

export function createTokenService(deps: TokenServiceDeps): TokenService {
  const { store, clock, serverEvents } = deps;
  return {
    async create(token, principal) {
      const bad = refusalOf(token, principal);
      if (bad !== undefined) return err(bad);
      const { name, bindings, permissions, validForMs } = token;
      const now = clock();
      const issued = mint({ name, kind: 'service', transport: 'bearer', createdBy: principal.name, createdAt: now, expiresAt: now + validForMs, permissions });
      await serverEvents.transact(async (tx, record) => {
        await tx.insertInto('api_tokens').values(issued.row).execute();
        await writeBindings(tx, issued.row.id, bindings);
        record({ type: 'admin.token-created', fields: { by: principal.name, name, role: bindingsText(bindings) } });
      });
      return ok({ token: issued.secret, info: infoOf(issued.row, bindings) });
    },
    async list({ limit, after }) {
      let query = store.db.selectFrom('api_tokens').selectAll()
        .where((eb) => eb.or([eb('kind', '=', 'service'), eb.and([eb('revoked_at', 'is', null), eb('expires_at', '>', clock())])]))
        .orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit);
      if (after !== undefined) query = query.where((eb) => eb.or([eb('created_at', '<', after[0]), eb.and([eb('created_at', '=', after[0]), eb('id', '<', after[1])])]));
      const rows = await query.execute();
      const bindings = await readAllBindings(store.db, rows.map(({ id }) => id));
      return rows.map((row) => infoOf(row, bindings.get(row.id) ?? []));
    },
    revoke: (id, principal) => retireToken(deps, id, principal.name),
  };
}

function refusalOf({ name, bindings, validForMs }: NewToken, principal: Principal): Failure | undefined {
  if (!TOKEN_NAME.test(name)) return failure('BELAY_E_BAD_REQUEST', 'A token\'s name has letters, digits and . _ : / @ - , at most 64.');
  if (!Number.isSafeInteger(validForMs) || validForMs < 1000 || validForMs > YEAR_MS) return failure('BELAY_E_BAD_REQUEST', 'A token is valid from one second to one year.');
  if (bindings.length === 0 || bindings.some(({ groups }) => groups !== 'all' && (groups.length === 0 || !groups.every(isName)))) {
    return failure('BELAY_E_BAD_REQUEST', 'A token needs a role, for every device or for named groups.');
  }
  // A token that can make tokens could never be revoked for good.
  if (principal.kind !== 'session' || !bindings.every((binding) => covers(principal.bindings, binding))) return failure('BELAY_E_NOT_PERMITTED');
  return undefined;
}

/** Ends a session or token. BELAY_E_NOT_PERMITTED when there is none. `accountId`: only one of that account's sessions. */
export async function retireToken({ serverEvents, clock }: Pick<TokenServiceDeps, 'serverEvents' | 'clock'>, id: string, by: string, accountId?: string): Promise<Result<ApiToken, Failure>> {
  const retired = await serverEvents.transact(async (tx, record) => {
    let query = tx.selectFrom('api_tokens').selectAll().where('id', '=', id);
    if (accountId !== undefined) query = query.where('account_id', '=', accountId);
    const row = await query.executeTakeFirst();
    if (row === undefined) return undefined;
    const bindings = (await readAllBindings(tx, [id])).get(id) ?? [];
    if (row.revoked_at !== null) return infoOf(row, bindings);
    const revokedAt = clock();
    await tx.updateTable('api_tokens').set({ revoked_at: revokedAt }).where('id', '=', id).execute();
    record({ type: 'admin.token-revoked', fields: { by, name: row.name } });
    return infoOf({ ...row, revoked_at: revokedAt }, bindings);
  });
  return retired === undefined ? err(failure('BELAY_E_NOT_PERMITTED')) : ok(retired);
}

/** Of an account that has changed so much that nobody should go on as it was. Answers how many. */
export async function endSessions(tx: Db, accountId: string, now: number, exceptId?: string): Promise<number> {
  let query = tx.updateTable('api_tokens').set({ revoked_at: now }).where('account_id', '=', accountId).where('revoked_at', 'is', null).where('expires_at', '>', now);
  if (exceptId !== undefined) query = query.where('id', '!=', exceptId);
  return Number((await query.executeTakeFirst()).numUpdatedRows);
}

export type TokenRow = Tables['api_tokens'];
export type Mint = {
  readonly name: string; readonly kind: 'session' | 'service'; readonly transport: Transport; readonly createdBy: string; readonly createdAt: number; readonly expiresAt: number;
  readonly permissions?: readonly Permission[] | null; readonly accountId?: string; readonly peer?: string; readonly agent?: string;
};

export function mint({ name, kind, transport, createdBy, createdAt, expiresAt, permissions = null, accountId, peer, agent }: Mint): { readonly secret: string; readonly row: TokenRow } {
  const id = randomLetters(12);
  const secret = `blt_${id}.${randomBytes(32).toString('base64url')}`;
  return {
    secret,
    row: {
      id, secret_hash: hashSecret(secret), account_id: accountId ?? null, name, kind, transport, permissions: permissions === null ? null : JSON.stringify(permissions),
      peer: peer ?? null, agent: agent ?? null, created_at: createdAt, created_by: createdBy, expires_at: expiresAt, last_used_at: null, revoked_at: null,
    },
  };
}

export function infoOf(row: TokenRow, bindings: readonly RoleBinding[]): ApiToken {
  return {
    id: row.id, name: row.name, kind: row.kind, bindings, permissions: permissionsFrom(row.permissions) ?? null, createdAt: row.created_at, createdBy: row.created_by,
    expiresAt: row.expires_at, lastUsedAt: row.last_used_at, revokedAt: row.revoked_at,
  };
}
