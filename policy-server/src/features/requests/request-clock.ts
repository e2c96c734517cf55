import type { EventDraft } from '@belay/core/evidence';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import { approversText, type Demand, escalationOf } from './demands.ts';
import { settleGrant } from './grants.ts';
import { forgetExcesses, noteExcesses } from './limits.ts';
import { caseProgress, readCase } from './standing.ts';
import { factsOf, hint, type RequestRow, tellAnswer } from './telling.ts';

export type RequestClockDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'notices' | 'clock' | 'config' | 'log'>;

export interface RequestClock {
  /** Does all that is due. Runs by itself too, when the next is due and from time to time. */
  reconcile(): Promise<void>;
  close(): Promise<void>;
}

/** What another server put down is seen at the latest then, should its hint be lost. */
const LOOK_MS = 30_000;
const AT_ONCE = 100;
const RETRY_MS = 1000;

/**
 * Expiry and escalation, from the database alone: whatever was due while no server ran is done at the start, and of several servers the
 * one whose update changes the row does it.
 */
export function createRequestClock(deps: RequestClockDeps): RequestClock {
  const { store, log, clock } = deps;
  let running: Promise<void> = Promise.resolve();
  let isWanted = false;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const once = async (): Promise<void> => {
    isWanted = false;
    let waitMs = RETRY_MS;
    try {
      while (await doDue(deps));
      const next = await nextDue(store.db);
      waitMs = next === undefined ? LOOK_MS : Math.min(LOOK_MS, Math.max(0, next - clock()));
    } catch (error) {
      if (!isClosed) log.error({ err: error }, 'requests that are due could not be seen to');
      throw error;
    } finally {
      clearTimeout(timer);
      if (!isClosed) timer = setTimeout(look, waitMs).unref();
    }
  };
  const reconcile = (): Promise<void> => {
    running = running.catch(() => undefined).then(once);
    return running;
  };
  const look = (): void => {
    // However many changes there were meanwhile, one more look sees them all.
    if (isWanted || isClosed) return;
    isWanted = true;
    reconcile().catch(() => undefined);
  };
  const endListening = store.onChange('requests', look);
  look();
  return {
    reconcile,
    async close() {
      isClosed = true;
      endListening();
      clearTimeout(timer);
      await running.catch(() => undefined);
    },
  };
}

async function nextDue(db: Db): Promise<number | undefined> {
  const expiry = await db.selectFrom('requests').select((eb) => eb.fn.min('expires_at').as('at')).where('state', '=', 'pending').executeTakeFirst();
  const escalation = await db.selectFrom('requests').select((eb) => eb.fn.min('escalates_at').as('at')).where('state', '=', 'pending').executeTakeFirst();
  const grant = await db.selectFrom('grants').select((eb) => eb.fn.min('expires_at').as('at')).where('state', '=', 'live').executeTakeFirst();
  const times = [expiry?.at, escalation?.at, grant?.at].filter((at) => typeof at === 'number');
  return times.length === 0 ? undefined : Math.min(...times);
}

/** True: there may be more. */
async function doDue(deps: RequestClockDeps): Promise<boolean> {
  const { store, clock } = deps;
  await noteExcesses(deps);
  await forgetExcesses(deps);
  const now = clock();
  const grants = await store.db.selectFrom('grants').select('id').where('state', '=', 'live').where('expires_at', '<=', now).limit(AT_ONCE).execute();
  if (grants.length > 0) await expireGrants(deps, grants.map(({ id }) => id), now);
  const due = await store.db.selectFrom('requests').select('id').where('state', '=', 'pending')
    .where((eb) => eb.or([eb('expires_at', '<=', now), eb('escalates_at', '<=', now)])).orderBy('id').limit(AT_ONCE).execute();
  if (due.length > 0) await seeToRequests(deps, due.map(({ id }) => id), now);
  return grants.length === AT_ONCE || due.length === AT_ONCE;
}

/** Its device ends it by its own clock; this is for the lists, and for the manifest, which lists it no more. */
async function expireGrants({ store }: RequestClockDeps, ids: readonly string[], now: number): Promise<void> {
  await store.transaction(async (tx) => {
    const rows = await tx.selectFrom('grants').select(['id', 'request_id', 'device_id']).where('id', 'in', [...ids]).execute();
    for (const row of rows) if (await settleGrant(tx, row, 'expired', now)) await hint({ store }, tx, { id: row.request_id, device_id: row.device_id });
  });
}

async function seeToRequests(deps: RequestClockDeps, ids: readonly string[], now: number): Promise<void> {
  await deps.serverEvents.transact(async (tx, record) => {
    // Whom another server holds, it sees to.
    const rows = await tx.selectFrom('requests').selectAll().where('id', 'in', [...ids]).where('state', '=', 'pending').orderBy('id')
      .$if(deps.store.lockRows, (query) => query.forUpdate().skipLocked()).execute();
    for (const row of rows) {
      if (row.expires_at <= now) await expire(deps, tx, record, row);
      else if (row.escalates_at !== null && row.escalates_at <= now) await escalate(deps, { tx, record, now }, row);
    }
  });
}

type Recorder = (draft: EventDraft) => void;

async function expire(deps: RequestClockDeps, tx: Db, record: Recorder, row: RequestRow): Promise<void> {
  const change = {
    state: 'expired', answer: 'expired', answered_at: row.expires_at, escalates_at: null, answer_version: row.answer_version + 1, answer_words: 'Nobody answered in time.', answer_by: '[]',
  } as const;
  await tx.updateTable('requests').set(change).where('id', '=', row.id).execute();
  record({ type: 'request.expired', fields: { device: row.device_id, asked: row.id, request: row.number } });
  await tellAnswer(deps, tx, { ...row, ...change }, 'expired');
  await hint(deps, tx, row);
}

async function escalate(deps: RequestClockDeps, { tx, record, now }: { readonly tx: Db; readonly record: Recorder; readonly now: number }, row: RequestRow): Promise<void> {
  const asked = await readCase(tx, row, now);
  const { demands } = asked;
  const progress = caseProgress(asked);
  const due = progress.open.filter((at) => !asked.escalated.includes(at) && row.stage_at + ((demands[at] as Demand).demand.escalate?.afterMs ?? Number.POSITIVE_INFINITY) <= now);
  const escalated = [...asked.escalated, ...due];
  await tx.updateTable('requests').set({
    escalated: JSON.stringify(escalated), escalates_at: escalationOf(demands, progress.open, escalated, row.stage_at),
    answer_version: row.answer_version + 1, answer_words: approversText(demands, progress, escalated),
  }).where('id', '=', row.id).execute();
  const to = [...new Set(due.flatMap((at) => (demands[at] as Demand).demand.escalate?.to ?? []))];
  if (to.length === 0) return;
  record({ type: 'request.escalated', fields: { device: row.device_id, asked: row.id, request: row.number, to } });
  await deps.notices.record(tx, { kind: 'request-escalated', request: await factsOf(tx, row), from: to });
  await hint(deps, tx, row);
}
