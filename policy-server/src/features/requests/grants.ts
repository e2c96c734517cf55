import type { Db, Tables } from '../../store/index.ts';
import type { GrantState } from '../../store/schema-requests.ts';

export type GrantRow = Tables['grants'];

/**
 * Ends a grant that lives, and with it the request it answers. False: it is over already. `given back` after a use counts as used.
 */
export async function settleGrant(tx: Db, grant: Pick<GrantRow, 'id' | 'request_id'>, state: Exclude<GrantState, 'live'>, now: number): Promise<boolean> {
  const settled = await tx.updateTable('grants').set({ state, ended_at: now }).where('id', '=', grant.id).where('state', '=', 'live').returning('spent').executeTakeFirst();
  if (settled === undefined) return false;
  const became = state === 'ended' ? (settled.spent > 0 ? 'used' : 'cancelled') : state;
  await tx.updateTable('requests').set({ state: became }).where('id', '=', grant.request_id).where('state', '=', 'approved').execute();
  return true;
}

/** What a device's manifest says of grants: those that live, and the ids of those that were taken back and would live. */
export async function grantsFor(tx: Db, device: string, now: number): Promise<{ readonly grants: readonly Uint8Array[]; readonly revocations: readonly string[] }> {
  const rows = await tx.selectFrom('grants').select(['id', 'state', 'envelope']).where('device_id', '=', device).where('expires_at', '>', now).where('state', 'in', ['live', 'revoked']).orderBy('id').execute();
  return { grants: rows.filter(({ state }) => state === 'live').map(({ envelope }) => envelope), revocations: rows.filter(({ state }) => state === 'revoked').map(({ id }) => id) };
}
