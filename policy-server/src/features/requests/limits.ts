import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';

/** A request that is not taken. `excess`: because too many wait, of this uid or (-1) of the device. */
export type Refusal = { readonly number: number; readonly words: string; readonly excess?: { readonly uid: number; readonly user: string } };
type Filing = { readonly tx: Db; readonly device: string; readonly now: number };

/** How many refusals a device is told of; of more, those that nobody waits for any more are forgotten. */
const KEPT = 100;

/**
 * Requests beyond the limit leave one row for the device to hear of, the newest hundred of them, and one that counts them: a million
 * cost what their events cost. That it happened is recorded once (`noteExcesses`), until fewer wait.
 */
export async function refuseFilings({ store }: Pick<ServerContext, 'store'>, { tx, device, now }: Filing, refused: readonly Refusal[]): Promise<void> {
  if (refused.length === 0) return;
  const rows = refused.slice(-KEPT).map(({ number, words }) => ({ device_id: device, number, words, at: now }));
  await tx.insertInto('request_refusals').values(rows).onConflict((conflict) => conflict.columns(['device_id', 'number']).doNothing()).execute();
  const oldest = await tx.selectFrom('request_refusals').select('number').where('device_id', '=', device).orderBy('number', 'desc').offset(KEPT - 1).limit(1).executeTakeFirst();
  if (oldest !== undefined) await tx.deleteFrom('request_refusals').where('device_id', '=', device).where('number', '<', oldest.number).execute();
  const byUid = Map.groupBy(refused.filter(({ excess }) => excess !== undefined), ({ excess }) => (excess as { uid: number }).uid);
  for (const [uid, those] of byUid) {
    const first = those[0] as Refusal;
    const row = { device_id: device, uid, user_name: first.excess?.user ?? '', number: first.number, refused: those.length, since: now, noted: 0 };
    await tx.insertInto('request_excesses').values(row)
      .onConflict((conflict) => conflict.columns(['device_id', 'uid']).doUpdateSet((eb) => ({ refused: eb('request_excesses.refused', '+', those.length) }))).execute();
  }
  await store.notifyAfter(tx, 'requests', '');
}

const AT_ONCE = 100;

/** Says that requests were refused, once for as long as too many wait. Several servers may do it at once. */
export async function noteExcesses({ store, serverEvents }: Pick<ServerContext, 'store' | 'serverEvents'>): Promise<void> {
  const unnoted = await store.db.selectFrom('request_excesses').selectAll().where((eb) => eb('noted', '=', eb.lit(0))).limit(AT_ONCE).execute();
  if (unnoted.length === 0) return;
  await serverEvents.transact(async (tx, record) => {
    for (const { device_id: device, uid, user_name: user, number } of unnoted) {
      const noted = await tx.updateTable('request_excesses').set({ noted: 1 }).where('device_id', '=', device).where('uid', '=', uid).where('noted', '=', 0).executeTakeFirst();
      if (noted.numUpdatedRows === 0n) continue;
      record({ type: 'request.refused', fields: { device, request: number, uid: Math.max(0, uid), user, why: uid < 0 ? 'too-many-of-device' : 'too-many-of-user' } });
    }
  });
}

/** When as few wait as may, the next excess is a new one. */
export async function forgetExcesses({ store, config, clock }: Pick<ServerContext, 'store' | 'config' | 'clock'>): Promise<void> {
  const noted = await store.db.selectFrom('request_excesses').select(['device_id', 'uid']).where('noted', '=', 1).where('since', '<', clock() - QUIET_MS).limit(AT_ONCE).execute();
  for (const { device_id: device, uid } of noted) {
    let waiting = store.db.selectFrom('requests').select((eb) => eb.fn.countAll<number>().as('count')).where('device_id', '=', device).where('state', '=', 'pending');
    if (uid >= 0) waiting = waiting.where('uid', '=', uid);
    const { count } = await waiting.executeTakeFirstOrThrow();
    const limit = uid < 0 ? config.requests.pendingOfDevice : config.requests.pendingOfUser;
    if (Number(count) < limit) await store.db.deleteFrom('request_excesses').where('device_id', '=', device).where('uid', '=', uid).execute();
  }
}

/** A user who stays at the limit does not fill the server's chain by going one below it again and again. */
const QUIET_MS = 10 * 60_000;
