import type { Db, Tables } from '../../store/index.ts';
import type { GrantState } from '../../store/schema-requests.ts';

export type GrantRow = Tables['grants'];

/**
 * Ends a grant that lives, and with the last of them the request it answers. False: it is over already. `given back` after a use counts as used.
 */
export async function settleGrant(tx: Db, grant: Pick<GrantRow, 'id' | 'request_id'>, state: Exclude<GrantState, 'live'>, now: number): Promise<boolean> {
  const settled = await tx.updateTable('grants').set({ state, ended_at: now }).where('id', '=', grant.id).where('state', '=', 'live').returning('spent').executeTakeFirst();
  if (settled === undefined) return false;
  const became = state === 'ended' ? (settled.spent > 0 ? 'used' : 'cancelled') : state;
  await tx.updateTable('requests').set({ state: became }).where('id', '=', grant.request_id).where('state', '=', 'approved').where((eb) => eb.not(eb.exists(living(tx, grant.request_id)))).execute();
  return true;
}

/** Takes back what is over and still runs: no further use was left, or its time has ended. */
export async function revokeRunning(tx: Db, grant: Pick<GrantRow, 'id' | 'request_id'>, now: number): Promise<boolean> {
  const revoked = await tx.updateTable('grants').set({ state: 'revoked', ended_at: now }).where('id', '=', grant.id).where('state', '!=', 'revoked').where((eb) => eb.exists(runningUses(tx, grant.id))).executeTakeFirst();
  if (revoked.numUpdatedRows === 0n) return false;
  await tx.updateTable('requests').set({ state: 'revoked' }).where('id', '=', grant.request_id).where('state', 'in', ['approved', 'used']).where((eb) => eb.not(eb.exists(living(tx, grant.request_id)))).execute();
  return true;
}

function living(tx: Db, request: string) {
  return tx.selectFrom('grants').select('id').where('request_id', '=', request).where('state', '=', 'live');
}

function runningUses(tx: Db, id: string) {
  return tx.selectFrom('grant_uses').select('number').where('grant_id', '=', id).where('ended_at', 'is', null);
}

/** What a device's manifest says of grants: those that live, and the ids of those that were taken back and would live, or under which something still runs. */
export async function grantsFor(tx: Db, device: string, now: number): Promise<{ readonly grants: readonly Uint8Array[]; readonly revocations: readonly string[] }> {
  const rows = await tx.selectFrom('grants').select(['id', 'state', 'envelope']).where('device_id', '=', device)
    .where((eb) => eb.or([
      eb.and([eb('expires_at', '>', now), eb('state', 'in', ['live', 'revoked'])]),
      eb.and([eb('state', '=', 'revoked'), eb('id', 'in', tx.selectFrom('grant_uses').select('grant_id').where('device_id', '=', device).where('ended_at', 'is', null))]),
    ])).orderBy('id').execute();
  return { grants: rows.filter(({ state }) => state === 'live').map(({ envelope }) => envelope), revocations: rows.filter(({ state }) => state === 'revoked').map(({ id }) => id) };
}
