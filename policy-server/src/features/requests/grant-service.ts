import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import type { GrantState } from '../../store/schema-requests.ts';
import { personOfUser } from '../accounts/people.ts';
import { type Actor, type Scope } from '../accounts/permissions.ts';
import { findGrant } from './find.ts';
import { type GrantRow, revokeRunning, settleGrant } from './grants.ts';
import type { Page } from './read.ts';
import { hint } from './telling.ts';

/** `request`: the one it answers. `usesLeft` null: no limit. Every text is inert. */
export type GrantView = {
  readonly id: string; readonly request: string | null; readonly device: { readonly id: string; readonly name: string }; readonly user: string; readonly person: { readonly id: string; readonly name: string } | null;
  readonly command: string; readonly uses: number | null; readonly usesLeft: number | null; readonly issuedAt: number; readonly expiresAt: number; readonly state: GrantState;
  readonly approvedBy: readonly string[]; readonly emergency: boolean;
  /** Commands that run under it now, as far as the device has told. */
  readonly running: number;
};
export type GrantFilter = { readonly live?: boolean | undefined; readonly device?: string | undefined; readonly user?: string | undefined };

export interface GrantService {
  list(filter: GrantFilter, scope: Scope, page: Page): Promise<readonly GrantView[]>;
  /** At once, on every server: what runs under it ends. BELAY_E_CONFLICT when it is over already and nothing runs under it. */
  revoke(id: string, words: string | undefined, actor: Actor): Promise<Result<GrantView, Failure>>;
}

export type GrantServiceDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock'>;

export function createGrantService(deps: GrantServiceDeps): GrantService {
  const { store, clock } = deps;
  return {
    async list({ live, device, user }, scope, { limit, after }) {
      let query = store.db.selectFrom('grants').selectAll().orderBy('issued_at', 'desc').orderBy('id', 'desc').limit(limit);
      if (scope !== 'all') query = scope.length === 0 ? query.where((eb) => eb.lit(false)) : query.where('device_id', 'in', (eb) => eb.selectFrom('device_groups').select('device_id').where('group_name', 'in', scope));
      const isRunning = store.db.selectFrom('grant_uses').select('grant_id').where('ended_at', 'is', null);
      if (live === true) query = query.where((eb) => eb.or([eb.and([eb('state', '=', 'live'), eb('expires_at', '>', clock())]), eb('id', 'in', isRunning)]));
      if (live === false) query = query.where((eb) => eb.or([eb('state', '!=', 'live'), eb('expires_at', '<=', clock())])).where('id', 'not in', isRunning);
      if (device !== undefined) query = query.where('device_id', 'in', (eb) => eb.selectFrom('devices').select('id').where((or) => or.or([or('id', '=', device), or('name', '=', device)])));
      if (user !== undefined) query = query.where('user_name', '=', user);
      if (after !== undefined) query = query.where((eb) => eb.or([eb('issued_at', '<', after[0]), eb.and([eb('issued_at', '=', after[0]), eb('id', '<', after[1])])]));
      return grantViews(store.db, await query.execute(), clock());
    },
    revoke: (id, words, actor) => deps.serverEvents.transact(async (tx, record): Promise<Result<GrantView, Failure>> => {
      const row = await findGrant(tx, id, actor.scope, store.lockRows);
      if (row === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
      const now = clock();
      const isTaken = (row.expires_at > now && (await settleGrant(tx, row, 'revoked', now))) || (await revokeRunning(tx, row, now));
      if (!isTaken) return err(failure('BELAY_E_CONFLICT', `This grant is over already: ${row.state === 'live' ? 'expired' : row.state}.`));
      record({ type: 'grant.revoked', fields: { by: actor.name, device: row.device_id, grant: row.id, words } });
      // Whoever still waits for the yes waits in vain.
      await tx.updateTable('requests').set((eb) => ({ answer: 'cancelled', answer_version: eb('answer_version', '+', 1), answer_words: words ?? 'The approval was taken back.' }))
        .where('id', '=', row.request_id).where('device_id', '=', row.device_id).where('answer', '=', 'approved').where((eb) => eb('answer_acked', '<', eb.ref('answer_version'))).execute();
      await hint({ store }, tx, { id: row.request_id, device_id: row.device_id });
      return ok((await grantViews(tx, [{ ...row, state: 'revoked' }], now))[0] as GrantView);
    }),
  };
}

export async function grantViews(db: Db, rows: readonly GrantRow[], now: number): Promise<readonly GrantView[]> {
  if (rows.length === 0) return [];
  const names = new Map((await db.selectFrom('devices').select(['id', 'name']).where('id', 'in', [...new Set(rows.map(({ device_id: device }) => device))]).execute()).map(({ id, name }) => [id, name]));
  const open = await db.selectFrom('grant_uses').select((eb) => ['grant_id', eb.fn.countAll<number>().as('count')]).where('grant_id', 'in', rows.map(({ id }) => id)).where('ended_at', 'is', null).groupBy('grant_id').execute();
  const running = new Map(open.map(({ grant_id: id, count }) => [id, Number(count)]));
  const people = new Map<string, GrantView['person']>();
  const views: GrantView[] = [];
  for (const row of rows) {
    const key = JSON.stringify([row.device_id, row.user_name]);
    const known = people.get(key);
    const found = known === undefined ? await personOfUser(db, row.device_id, row.user_name) : undefined;
    const person = known ?? (found === undefined ? null : { id: found.id, name: found.name });
    people.set(key, person);
    views.push({
      id: row.id, request: row.request_id, device: { id: row.device_id, name: names.get(row.device_id) ?? '' }, user: row.user_name, person, command: row.command, uses: row.uses,
      usesLeft: row.uses === null ? null : Math.max(0, row.uses - row.spent), issuedAt: row.issued_at, expiresAt: row.expires_at,
      state: row.state === 'live' && row.expires_at <= now ? 'expired' : row.state, approvedBy: JSON.parse(row.approved_by) as string[], emergency: row.emergency !== 0, running: running.get(row.id) ?? 0,
    });
  }
  return views;
}
