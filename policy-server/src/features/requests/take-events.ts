import { type EventRecord, visibleFields } from '@belay/core/evidence';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import { inertText } from '../events/event-row.ts';
import { approversText, askedNow, escalationOf, expiryOf, progressOf } from './demands.ts';
import { type Filed, readFiled } from './filing.ts';
import { settleGrant } from './grants.ts';
import { newId } from './ids.ts';
import { refuseFilings, type Refusal } from './limits.ts';
import { placesOf } from './places.ts';
import { factsOf, type RequestRow, tellAnswer } from './telling.ts';

export type TakeEventsDeps = Pick<ServerContext, 'store' | 'notices' | 'clock' | 'config'>;

const TAKEN = new Set(['request.filed', 'request.cancelled', 'request.answered', 'elevation.intent', 'elevation.outcome', 'grant.ended']);

/** What one upload brings; `waiting`: how many wait of each uid, once it was asked. */
type Taking = { readonly tx: Db; readonly device: string; readonly now: number; readonly refused: Refusal[]; waiting?: Map<number, number>; hasNews: boolean };

/**
 * What a device's events say about requests and grants. In the transaction that stores the events: each is stored once, so each counts
 * once, and a server that dies has done both or neither. Nothing here writes the server's own chain: that is locked before the database.
 */
export async function takeRequestEvents(deps: TakeEventsDeps, tx: Db, device: string, events: readonly EventRecord[]): Promise<void> {
  const mine = events.filter(({ payload }) => TAKEN.has(payload.type));
  if (mine.length === 0) return;
  const taking: Taking = { tx, device, now: deps.clock(), refused: [], hasNews: false };
  const filed: string[] = [];
  for (const record of mine) {
    if (record.payload.type === 'request.filed') filed.push(...(await takeFiled(deps, taking, record)));
    else if (record.payload.type !== 'elevation.outcome') await takeOther(deps, taking, record);
  }
  await takeOutcomes(deps, taking, mine);
  await refuseFilings(deps, taking, taking.refused);
  // Whoever has changed their mind before it arrived has nobody told.
  const rows = filed.length === 0 ? [] : await tx.selectFrom('requests').selectAll().where('id', 'in', filed).where('state', '=', 'pending').execute();
  for (const row of rows) {
    const demands = JSON.parse(row.demands) as Filed['demands'];
    await deps.notices.record(tx, { kind: 'request-filed', request: await factsOf(tx, row), from: askedNow(demands, progressOf(demands, []).open, []) });
    await deps.store.notifyAfter(tx, 'requests', row.id);
  }
  if (rows.length > 0 || taking.hasNews || taking.refused.length > 0) await deps.store.notifyAfter(tx, 'device', device);
}

async function takeFiled({ config }: TakeEventsDeps, taking: Taking, record: EventRecord): Promise<readonly string[]> {
  const { tx, device, now } = taking;
  const filed = readFiled(record);
  const number = visibleFields(record)['request'];
  if (filed === undefined) {
    if (typeof number === 'number') taking.refused.push({ number, words: 'The server does not understand this request: bring agent and server to the same version.' });
    return [];
  }
  const waiting = (taking.waiting ??= await waitingOf(tx, device));
  const ofUser = waiting.get(filed.uid) ?? 0;
  const ofDevice = [...waiting.values()].reduce((sum, each) => sum + each, 0);
  const { pendingOfUser, pendingOfDevice } = config.requests;
  const excess = ofUser >= pendingOfUser ? 'user' : ofDevice >= pendingOfDevice ? 'device' : undefined;
  if (excess !== undefined) {
    const words = excess === 'user' ? `You have ${ofUser} requests waiting already, and no more may wait at once: cancel one, or wait for an answer.`
      : `${ofDevice} requests of this device are waiting already, and no more may wait at once.`;
    taking.refused.push({ number: filed.number, words, excess: { uid: excess === 'user' ? filed.uid : -1, user: filed.user } });
    return [];
  }
  const places = await placesOf(tx, device, filed);
  if (!places.ok) {
    taking.refused.push({ number: filed.number, words: places.error });
    return [];
  }
  const row = await rowOf(tx, filed, device, now);
  const inserted = await tx.insertInto('requests').values(row).onConflict((conflict) => conflict.columns(['device_id', 'number']).doNothing()).executeTakeFirst();
  if (inserted.numInsertedOrUpdatedRows === 0n) return [];
  if (places.value.length > 0) await tx.insertInto('request_devices').values(places.value.map((place) => ({ request_id: row.id, device_id: place.device, user_name: place.user }))).execute();
  waiting.set(filed.uid, ofUser + 1);
  return [row.id];
}

async function waitingOf(tx: Db, device: string): Promise<Map<number, number>> {
  const rows = await tx.selectFrom('requests').select((eb) => ['uid', eb.fn.countAll<number>().as('count')]).where('device_id', '=', device)
    .where('state', '=', 'pending').groupBy('uid').execute();
  return new Map(rows.map(({ uid, count }) => [uid, Number(count)]));
}

async function rowOf(tx: Db, filed: Filed, device: string, now: number): Promise<RequestRow> {
  const { demands, details } = filed;
  const progress = progressOf(demands, []);
  const version = await tx.selectFrom('policy_versions').select((eb) => eb.fn.max('version').as('version')).executeTakeFirst();
  return {
    id: newId('r'), device_id: device, number: filed.number, uid: filed.uid, user_name: filed.user, state: 'pending', stance: filed.stance, emergency: filed.emergency ? 1 : 0,
    filed_at: now, expires_at: expiryOf(demands, progress, now), answered_at: null, stage_at: now, escalates_at: escalationOf(demands, progress.open, [], now),
    demands: JSON.stringify(demands), escalated: '[]', have: 0, need: progress.need, rules: JSON.stringify(filed.rules), policy_version: version?.version ?? 0,
    command: filed.command, run_as: inertText(details.runAs).slice(0, 256), reason: details.reason === null ? null : inertText(details.reason).slice(0, 4000),
    command_key: filed.commandKey, digest: filed.digest, session: filed.session ?? null, details: JSON.stringify(details),
    answer: 'pending', answer_version: 1, answer_acked: 0, answer_words: approversText(demands, progress, []), answer_by: '[]',
  };
}

async function takeOther(deps: TakeEventsDeps, taking: Taking, record: EventRecord): Promise<void> {
  const { request, version, why, grant } = visibleFields(record);
  switch (record.payload.type) {
    case 'request.cancelled':
      return typeof request === 'number' ? takeCancelled(deps, taking, request, why === 'expired' ? 'expired' : 'cancelled') : undefined;
    case 'request.answered':
      return typeof request === 'number' ? takeHeard(taking, request, typeof version === 'number' ? version : 0) : undefined;
    case 'elevation.intent':
      return typeof grant === 'string' && typeof request === 'number' ? takeUse(deps, taking, grant, request) : undefined;
    default:
      return typeof grant === 'string' ? takeEnded(deps, taking, grant, why) : undefined;
  }
}

async function takeCancelled(deps: TakeEventsDeps, taking: Taking, number: number, state: 'cancelled' | 'expired'): Promise<void> {
  const { tx, device, now } = taking;
  await tx.deleteFrom('request_refusals').where('device_id', '=', device).where('number', '=', number).execute();
  const row = await tx.selectFrom('requests').selectAll().where('device_id', '=', device).where('number', '=', number).$if(deps.store.lockRows, (query) => query.forUpdate()).executeTakeFirst();
  if (row?.state === 'approved') {
    // The yes came too late to be wanted: on no device.
    for (const grant of await tx.selectFrom('grants').selectAll().where('request_id', '=', row.id).orderBy('id').execute()) {
      if (!(await settleGrant(tx, grant, 'ended', now))) continue;
      await changed(deps, taking, row.id);
      if (grant.device_id !== device) await deps.store.notifyAfter(tx, 'device', grant.device_id);
    }
    return;
  }
  if (row?.state !== 'pending') return;
  // The device knows: there is nothing to tell it.
  const version = row.answer_version + 1;
  const change = { state, answer: state, answered_at: now, answer_version: version, answer_acked: version, answer_words: '', escalates_at: null };
  await tx.updateTable('requests').set(change).where('id', '=', row.id).execute();
  if (row.filed_at < now) await tellAnswer(deps, tx, { ...row, ...change }, state);
  taking.waiting?.set(row.uid, Math.max(0, (taking.waiting.get(row.uid) ?? 1) - 1));
  await changed(deps, taking, row.id);
}

async function takeHeard({ tx, device }: Taking, number: number, version: number): Promise<void> {
  await tx.deleteFrom('request_refusals').where('device_id', '=', device).where('number', '=', number).execute();
  await tx.updateTable('requests').set((eb) => ({ answer_acked: eb.case().when('answer_version', '<', version).then(eb.ref('answer_version')).else(version).end() }))
    .where('device_id', '=', device).where('number', '=', number).where('answer_acked', '<', version).execute();
}

/** SECURITY(T-18): of this device's own grants only: no device spends another's. */
async function takeUse(deps: TakeEventsDeps, taking: Taking, id: string, number: number): Promise<void> {
  const { tx, device, now } = taking;
  const grant = await tx.updateTable('grants').set((eb) => ({ spent: eb('spent', '+', 1) })).where('id', '=', id).where('device_id', '=', device).returningAll().executeTakeFirst();
  if (grant === undefined) return;
  await tx.insertInto('grant_uses').values({ device_id: device, number, grant_id: id, started_at: now, ended_at: null }).onConflict((conflict) => conflict.columns(['device_id', 'number']).doNothing()).execute();
  if (grant.uses !== null && grant.spent >= grant.uses) await settleGrant(tx, grant, 'used', now);
  await changed(deps, taking, grant.request_id);
}

/** Of most devices nothing runs under a grant: then this is one look. */
async function takeOutcomes(deps: TakeEventsDeps, taking: Taking, events: readonly EventRecord[]): Promise<void> {
  const { tx, device, now } = taking;
  const ended = new Set(events.filter(({ payload }) => payload.type === 'elevation.outcome').map((record) => visibleFields(record)['request']));
  if (ended.size === 0) return;
  const running = await tx.selectFrom('grant_uses').select(['number', 'grant_id']).where('device_id', '=', device).where('ended_at', 'is', null).execute();
  const over = running.filter(({ number }) => ended.has(number));
  if (over.length === 0) return;
  await tx.updateTable('grant_uses').set({ ended_at: now }).where('device_id', '=', device).where('number', 'in', over.map(({ number }) => number)).execute();
  const grants = await tx.selectFrom('grants').select('request_id').where('id', 'in', over.map(({ grant_id: id }) => id)).execute();
  for (const { request_id: request } of grants) await changed(deps, taking, request);
}

async function takeEnded(deps: TakeEventsDeps, taking: Taking, id: string, why: unknown): Promise<void> {
  const { tx, device, now } = taking;
  const grant = await tx.selectFrom('grants').selectAll().where('id', '=', id).where('device_id', '=', device).executeTakeFirst();
  if (grant === undefined) return;
  const state = why === 'used' || why === 'expired' || why === 'revoked' ? why : 'ended';
  if (await settleGrant(tx, grant, state, now)) await changed(deps, taking, grant.request_id);
}

async function changed({ store }: TakeEventsDeps, taking: Taking, request: string): Promise<void> {
  taking.hasNews = true;
  await store.notifyAfter(taking.tx, 'requests', request);
}
