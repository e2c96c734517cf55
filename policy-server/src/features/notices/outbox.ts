import { randomBytes } from 'node:crypto';
import type { Db, Store, Tables } from '../../store/index.ts';
import type { NoticeKind } from './notice.ts';

export type OutboxRow = Tables['outbox'];
type NewRow = { readonly id: string; readonly kind: NoticeKind; readonly payload: string; readonly channel: OutboxRow['channel']; readonly target: string; readonly createdAt: number; readonly nextAt: number };

/** A server that has died is believed to be dead after this; one that lives says so more often. */
export const LEASE_MS = 15_000;
const KEPT_MS = 7 * 86_400_000;

export async function putInto(db: Db, { id, kind, payload, channel, target, createdAt, nextAt }: NewRow): Promise<void> {
  await db.insertInto('outbox').values({
    id, kind, payload, channel, target, created_at: createdAt, attempts: 0, next_at: nextAt, claimed_until: null, claimed_by: null, done_at: null, outcome: null, last_error: null,
  }).execute();
}

/** What receivers know repetitions by. */
export function newId(prefix: 'n' | 'msg' | 'mail'): string {
  return `${prefix}_${randomBytes(15).toString('base64url')}`;
}

export type Claim = { readonly by: string; readonly now: number; readonly most: number; readonly exceptTargets: readonly string[]; readonly exceptChannels: readonly OutboxRow['channel'][] };

/** Takes rows that are due and that nobody has. One statement: of several servers one gets each row. */
export async function claim(store: Store, { by, now, most, exceptTargets, exceptChannels }: Claim): Promise<readonly OutboxRow[]> {
  return store.db
    .with('due', (db) => db.selectFrom('outbox').select('id').where('done_at', 'is', null).where('next_at', '<=', now)
      .where((eb) => eb.or([eb('claimed_until', 'is', null), eb('claimed_until', '<', now)]))
      .$if(exceptTargets.length > 0, (query) => query.where('target', 'not in', [...exceptTargets]))
      .$if(exceptChannels.length > 0, (query) => query.where('channel', 'not in', [...exceptChannels]))
      .orderBy('next_at').limit(most)
      .$if(store.lockRows, (query) => query.forUpdate().skipLocked()))
    .updateTable('outbox').set({ claimed_by: by, claimed_until: now + LEASE_MS })
    .where('id', 'in', (eb) => eb.selectFrom('due').select('due.id')).returningAll().execute();
}

export async function renew(db: Db, by: string, now: number): Promise<void> {
  await db.updateTable('outbox').set({ claimed_until: now + LEASE_MS }).where('claimed_by', '=', by).where('done_at', 'is', null).execute();
}

/** Back to whoever takes it first, at once; the attempt does not count. */
export async function release(db: Db, id: string, by: string): Promise<void> {
  await db.updateTable('outbox').set({ claimed_by: null, claimed_until: null }).where('id', '=', id).where('claimed_by', '=', by).where('done_at', 'is', null).execute();
}

export type Ending = { readonly outcome: NonNullable<OutboxRow['outcome']>; readonly now: number; readonly why: string | null };

/** Whether this call ended it: two servers may have worked on it when one was believed dead. */
export async function finish(db: Db, id: string, { outcome, now, why }: Ending): Promise<boolean> {
  const ended = await db.updateTable('outbox').set((eb) => ({ done_at: now, outcome, last_error: why, claimed_by: null, claimed_until: null, attempts: eb('attempts', '+', 1) }))
    .where('id', '=', id).where('done_at', 'is', null).executeTakeFirst();
  return ended.numUpdatedRows > 0n;
}

export async function postpone(db: Db, row: OutboxRow, nextAt: number, why: string): Promise<void> {
  await db.updateTable('outbox').set({ attempts: row.attempts + 1, next_at: nextAt, last_error: why, claimed_by: null, claimed_until: null })
    .where('id', '=', row.id).where('claimed_by', '=', row.claimed_by).where('done_at', 'is', null).execute();
}

/** What is done is kept for a week, for whoever asks what became of it. */
export async function forgetOld(db: Db, now: number): Promise<void> {
  await db.deleteFrom('outbox').where('done_at', '<', now - KEPT_MS).execute();
}
