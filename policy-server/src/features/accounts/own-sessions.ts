import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import { factorsOf } from './sign-in.ts';
import { personById } from './people.ts';
import { type Permission, permissionsOf, type RoleBinding } from './permissions.ts';
import type { Principal, Transport } from './principal.ts';
import { retireToken } from './tokens.ts';

type Named = { readonly id: string; readonly name: string };

/** Who one is to the server. */
export type SessionView = {
  readonly account: Named | null;
  readonly person: Named | null;
  readonly bindings: readonly RoleBinding[];
  readonly permissions: readonly Permission[];
  readonly groups: readonly string[];
  readonly secondFactors: readonly ('totp' | 'passkey')[];
  readonly expiresAt: number;
  readonly csrf: string | null;
};

export type OwnSession = {
  readonly id: string; readonly transport: Transport; readonly createdAt: number; readonly expiresAt: number; readonly lastUsedAt: number | null;
  readonly peer: string | null; readonly agent: string | null; readonly current: boolean;
};

/** What somebody sees, and ends, of their own signing in. */
export interface OwnSessions {
  view(principal: Principal, csrf: string | null): Promise<SessionView>;
  list(principal: Principal): Promise<readonly OwnSession[]>;
  end(principal: Principal, id: string): Promise<Result<{ readonly ended: string }, Failure>>;
}

export type OwnSessionsDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock'>;

const MOST = 200;

export function createOwnSessions(deps: OwnSessionsDeps): OwnSessions {
  const { db } = deps.store;
  return {
    async view({ accountId, personId, name, bindings, groups, expiresAt }, csrf) {
      const account = accountId === undefined ? undefined : await db.selectFrom('accounts').selectAll().where('id', '=', accountId).executeTakeFirst();
      const person = personId === undefined ? undefined : await personById(db, personId);
      return {
        account: accountId === undefined ? null : { id: accountId, name }, person: person === undefined ? null : { id: person.id, name: person.name },
        bindings, permissions: permissionsOf(bindings), groups, secondFactors: account === undefined ? [] : await factorsOf(db, account), expiresAt, csrf,
      };
    },
    async list({ accountId, tokenId }) {
      if (accountId === undefined) return [];
      const rows = await db.selectFrom('api_tokens').selectAll().where('account_id', '=', accountId).where('revoked_at', 'is', null).where('expires_at', '>', deps.clock())
        .orderBy('created_at', 'desc').limit(MOST).execute();
      return rows.map((row) => ({
        id: row.id, transport: row.transport, createdAt: row.created_at, expiresAt: row.expires_at, lastUsedAt: row.last_used_at, peer: row.peer, agent: row.agent, current: row.id === tokenId,
      }));
    },
    async end({ accountId, name }, id) {
      if (accountId === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
      const ended = await retireToken(deps, id, name, accountId);
      return ended.ok ? ok({ ended: id }) : ended;
    },
  };
}
