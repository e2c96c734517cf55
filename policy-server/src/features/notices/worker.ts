import { randomInt, randomUUID } from 'node:crypto';
import { Counter } from 'prom-client';
import type { ServerContext } from '../../context.ts';
import { spread } from './addressees.ts';
import type { Audience } from './audience.ts';
import type { Deliver, Outcome } from './delivery.ts';
import type { NoticeKind } from './notice.ts';
import { claim, finish, forgetOld, LEASE_MS, type OutboxRow, postpone, release, renew } from './outbox.ts';

export type NoticeWorkerDeps = Pick<ServerContext, 'store' | 'clock' | 'log' | 'serverEvents' | 'metrics'> & {
  /** Undefined: no letters are written. */
  readonly audience: Audience | undefined;
  readonly deliver: Readonly<Record<'email' | 'webhook', Deliver>>;
};

export interface NoticeWorker {
  /** Gives back what it has not finished. */
  close(): Promise<void>;
}

const AT_ONCE = 24;
const IN_CLAIM = 4;
/** A receiver that hangs keeps its own notices waiting, not everybody's. */
const TO_ONE_TARGET = 4;
const LETTERS_AT_ONCE = 8;
const LOOK_AGAIN_MS = 2000;
const FORGET_MS = 3_600_000;
const GIVE_UP_MS = 24 * 3_600_000;
const FIRST_RETRY_MS = 5000;
const LONGEST_RETRY_MS = 3_600_000;

/** Unix ms of the next attempt after `attempts` failed ones: doubling up to an hour, spread so that not all come at once. */
export function retryAt(now: number, attempts: number): number {
  const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 20));
  return now + randomInt(Math.round(longest / 2), longest + 1);
}

/** Works off the outbox: woken by every notice, and looking on its own for what is due or was left behind by a dead server. */
export function createNoticeWorker(deps: NoticeWorkerDeps): NoticeWorker {
  const { store, clock, log, metrics } = deps;
  const me = randomUUID();
  const ending = new AbortController();
  const working = new Map<OutboxRow, Promise<void>>();
  const done = new Counter({ name: 'belay_notices_total', help: 'Letters and webhook calls, by what became of them', labelNames: ['channel', 'outcome'], registers: [metrics] });
  let looking: Promise<void> | undefined;
  let isLookingAgain = false;

  const start = (row: OutboxRow): void => {
    const work = workOff(deps, row, me, ending.signal)
      .then((outcome) => done.inc({ channel: row.channel, outcome }))
      .catch((error: unknown) => log.error({ err: error, notice: row.id }, 'a notice could not be worked off'))
      .finally(() => {
        working.delete(row);
        look();
      });
    working.set(row, work);
  };
  const takeDue = async (): Promise<void> => {
    while (!ending.signal.aborted && working.size < AT_ONCE) {
      const rows = await claim(store, { by: me, now: clock(), most: Math.min(IN_CLAIM, AT_ONCE - working.size), ...exceptions([...working.keys()]) });
      // The end came while they were being claimed.
      if (ending.signal.aborted) await Promise.all(rows.map(({ id }) => release(store.db, id, me)));
      else for (const row of rows) start(row);
      if (rows.length === 0) return;
    }
  };
  function look(): void {
    if (ending.signal.aborted) return;
    isLookingAgain = true;
    if (looking !== undefined) return;
    const lookOn = async (): Promise<void> => {
      while (isLookingAgain) {
        isLookingAgain = false;
        await takeDue();
      }
    };
    looking = lookOn().catch((error: unknown) => log.warn({ err: error }, 'cannot look for notices')).finally(() => {
      looking = undefined;
    });
  }
  const quietly = (what: () => Promise<void>) => (): void => {
    what().catch((error: unknown) => log.warn({ err: error }, 'the outbox does not answer'));
  };
  const timers = [
    setInterval(look, LOOK_AGAIN_MS),
    setInterval(quietly(async () => (working.size === 0 ? undefined : renew(store.db, me, clock()))), LEASE_MS / 3),
    setInterval(quietly(() => forgetOld(store.db, clock())), FORGET_MS),
  ];
  for (const timer of timers) timer.unref();
  const endListening = store.onChange('notices', look);
  look();
  return {
    async close() {
      ending.abort();
      endListening();
      for (const timer of timers) clearInterval(timer);
      await looking;
      await Promise.all(working.values());
    },
  };
}

function exceptions(working: readonly OutboxRow[]): { readonly exceptTargets: readonly string[]; readonly exceptChannels: readonly OutboxRow['channel'][] } {
  const targets = Map.groupBy(working.filter(({ channel }) => channel !== 'notice'), ({ target }) => target);
  const letters = working.filter(({ channel }) => channel === 'email').length;
  return { exceptTargets: [...targets].filter(([, rows]) => rows.length >= TO_ONE_TARGET).map(([target]) => target), exceptChannels: letters >= LETTERS_AT_ONCE ? ['email'] : [] };
}

type Ended = 'delivered' | 'dropped' | 'failed' | 'retried' | 'spread' | 'released';

async function workOff(deps: NoticeWorkerDeps, row: OutboxRow, me: string, signal: AbortSignal): Promise<Ended> {
  const { store, clock } = deps;
  if (row.channel === 'notice') return spreadOut(deps, row);
  const outcome = await attempt(deps, row, row.channel, signal);
  if (signal.aborted && outcome.kind === 'failed') {
    await release(store.db, row.id, me);
    return 'released';
  }
  if (!('why' in outcome)) {
    await finish(store.db, row.id, { outcome: outcome.kind, now: clock(), why: null });
    return outcome.kind;
  }
  return outcome.kind === 'refused' ? giveUp(deps, row, outcome.why) : tryLater(deps, row, outcome.why);
}

async function spreadOut(deps: NoticeWorkerDeps, row: OutboxRow): Promise<Ended> {
  const { store, clock, audience, log } = deps;
  try {
    await store.transaction(async (tx) => {
      const now = clock();
      // Whoever ends the notice makes its letters: nobody makes them twice.
      if (!(await finish(tx, row.id, { outcome: 'delivered', now, why: null }))) return;
      if ((await spread(tx, row, audience, now)) > 0) await store.notifyAfter(tx, 'notices');
    });
    return 'spread';
  } catch (error) {
    log.error({ err: error, notice: row.id }, 'a notice could not be addressed');
    return tryLater(deps, row, 'it could not be addressed');
  }
}

async function attempt({ deliver, log }: NoticeWorkerDeps, row: OutboxRow, channel: 'email' | 'webhook', signal: AbortSignal): Promise<Outcome> {
  try {
    return await deliver[channel]({ id: row.id, kind: row.kind as NoticeKind, channel, target: row.target, payload: row.payload, createdAt: row.created_at }, signal);
  } catch (error) {
    log.error({ err: error, notice: row.id }, 'a fault while delivering a notice');
    return { kind: 'failed', why: 'a fault of the server' };
  }
}

async function tryLater(deps: NoticeWorkerDeps, row: OutboxRow, why: string): Promise<Ended> {
  const now = deps.clock();
  const nextAt = retryAt(now, row.attempts);
  if (nextAt - row.created_at >= GIVE_UP_MS) return giveUp(deps, row, why);
  deps.log.warn({ notice: row.id, channel: row.channel, target: row.target, attempts: row.attempts + 1, why }, 'a notice could not be delivered yet');
  await postpone(deps.store.db, row, nextAt, why);
  return 'retried';
}

async function giveUp({ serverEvents, clock, log }: NoticeWorkerDeps, row: OutboxRow, why: string): Promise<Ended> {
  log.error({ notice: row.id, channel: row.channel, target: row.target, attempts: row.attempts + 1, why }, 'a notice is given up');
  await serverEvents.transact(async (tx, record) => {
    if (!(await finish(tx, row.id, { outcome: 'failed', now: clock(), why }))) return;
    record({ type: 'notice.failed', fields: { to: await targetName(tx, row), about: `${row.kind}: ${why}` } });
  });
  return 'failed';
}

async function targetName(tx: Parameters<typeof finish>[0], { channel, target }: OutboxRow): Promise<string> {
  if (channel !== 'webhook') return channel === 'email' ? `e-mail ${target}` : 'everybody';
  const webhook = await tx.selectFrom('webhooks').select('name').where('id', '=', target).executeTakeFirst();
  return `webhook ${webhook?.name ?? target}`;
}
