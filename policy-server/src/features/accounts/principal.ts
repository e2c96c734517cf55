import { createHash, timingSafeEqual } from 'node:crypto';
import type { ServerContext } from '../../context.ts';
import type { Db, Tables } from '../../store/index.ts';
import { permissionsFrom, readBindings } from './bindings.ts';
import type { Actor, Permission, RoleBinding } from './permissions.ts';
import { scopeOf } from './permissions.ts';

/** Who calls: a person's session or a service token. */
export type Principal = {
  /** Id of the session or token. */
  readonly tokenId: string;
  readonly kind: 'session' | 'service';
  /** Undefined for service tokens: they are nobody. */
  readonly accountId: string | undefined;
  readonly personId: string | undefined;
  /** What events call them. */
  readonly name: string;
  readonly bindings: readonly RoleBinding[];
  /** The directory's groups of the account, for `group:` in approvals. */
  readonly groups: readonly string[];
  readonly expiresAt: number;
};

/** On routes that anyone may call. */
export const NOBODY: Principal = { tokenId: '', kind: 'session', accountId: undefined, personId: undefined, name: '', bindings: [], groups: [], expiresAt: 0 };

/** As whom, and how far, this principal acts by this permission. */
export function actorFor({ name, bindings }: Principal, permission: Permission): Actor {
  return { name, scope: scopeOf(bindings, permission) };
}

export type Transport = Tables['api_tokens']['transport'];
export type Credential = { readonly transport: Transport; readonly secret: string };

export type AuthenticateDeps = Pick<ServerContext, 'store' | 'clock' | 'config'>;

const SECRET = /^blt_([A-Za-z0-9_-]{12})\.([A-Za-z0-9_-]{43})$/;
const USE_NOTED_MS = 60_000;
/** Of the idle time: noting each request would make reading a page of tables a writer. */
const NOTED_OF_IDLE = 0.1;

/** Undefined for whatever is not a living token or session. `isUse`: it is somebody who asks, and not a page that is only open. */
export async function authenticate({ store, clock, config }: AuthenticateDeps, { transport, secret }: Credential, isUse = true): Promise<Principal | undefined> {
  const parts = SECRET.exec(secret);
  if (parts === null) return undefined;
  const row = await store.db.selectFrom('api_tokens').selectAll().where('id', '=', parts[1] as string).executeTakeFirst();
  const now = clock();
  // SECURITY(T-36): only a hash is stored: a stolen database opens nothing.
  if (row === undefined || !timingSafeEqual(row.secret_hash, hashSecret(secret)) || row.transport !== transport || row.revoked_at !== null || row.expires_at <= now) return undefined;
  if (row.kind === 'session' && row.transport === 'cookie' && now - (row.last_used_at ?? row.created_at) > config.signIn.idle) return undefined;
  const principal = row.account_id === null ? await serviceOf(store.db, row) : await personOf(store.db, row, row.account_id);
  if (isUse && principal !== undefined && (row.last_used_at === null || now - row.last_used_at > Math.min(USE_NOTED_MS, config.signIn.idle * NOTED_OF_IDLE))) {
    await store.db.updateTable('api_tokens').set({ last_used_at: now }).where('id', '=', row.id).execute();
  }
  return principal;
}

type Row = Tables['api_tokens'];

async function serviceOf(db: Db, row: Row): Promise<Principal | undefined> {
  if (row.kind !== 'service') return undefined;
  const bindings = await readBindings(db, row.id, permissionsFrom(row.permissions));
  return { tokenId: row.id, kind: 'service', accountId: undefined, personId: undefined, name: `token:${row.name}`, bindings, groups: [], expiresAt: row.expires_at };
}

/** A session has the roles its account has now, and ends when the account is disabled. */
async function personOf(db: Db, row: Row, accountId: string): Promise<Principal | undefined> {
  const account = await db.selectFrom('accounts').select(['name', 'disabled', 'person_id', 'groups']).where('id', '=', accountId).executeTakeFirst();
  if (account === undefined || account.disabled !== 0) return undefined;
  return {
    tokenId: row.id, kind: 'session', accountId, personId: account.person_id ?? undefined, name: account.name,
    bindings: await readBindings(db, accountId), groups: JSON.parse(account.groups) as string[], expiresAt: row.expires_at,
  };
}

/** What a page must send along with whatever is not a GET: it proves that the page could read an answer of ours. */
export function csrfOf(cookieSecret: string): string {
  return createHash('sha256').update(`belay/csrf/v1:${cookieSecret}`).digest('base64url');
}

/** The secret has 256 random bits: a plain hash is enough, nobody can try them all. */
export function hashSecret(secret: string): Uint8Array {
  return createHash('sha256').update(`belay/api-token/v1:${secret}`).digest();
}
