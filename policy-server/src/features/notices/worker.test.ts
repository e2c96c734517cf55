import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { eventually, startTestServer, type TestServer } from '../../../../tests/support/fleet.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../../tests/support/postgres.ts';
import { quickestMs } from '../../../../tests/support/quickest.ts';
import { openStore, type Store } from '../../store/index.ts';
import type { Audience } from './audience.ts';
import type { Delivery, Outcome } from './delivery.ts';
import type { Notice, RequestFacts } from './notice.ts';
import { claim, LEASE_MS } from './outbox.ts';
import { createNoticeWorker, type NoticeWorker, retryAt } from './worker.ts';

const HOUR = 3_600_000;
const request: RequestFacts = {
  id: 'r-1', number: 1, device: { id: 'd-1', name: 'laptop' }, user: 'alice', uid: 1000, person: null, command: '/usr/bin/id', runAs: 'root:root', alsoOn: [], reason: null,
  stance: 'waiting', emergency: false, rules: ['p/r'], filedAt: 1, expiresAt: 2,
};
const filed: Notice = { kind: 'request-filed', request, from: ['role:approver'] };
const audience: Audience = {
  approversOf: async () => [{ name: 'carol', email: 'carol@example.org' }, { name: 'carola', email: 'Carol@Example.org' }, { name: 'dave', email: 'dave@example.org' }],
  requesterOf: async () => [{ name: 'alice', email: 'alice@example.org' }],
  everybody: async () => [],
};

const missing = postgresMissing();
const databases = missing === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);

test('attempts lie further and further apart, never more than an hour, and not all at one moment', () => {
  const waits = (attempts: number) => Array.from({ length: 50 }, () => retryAt(0, attempts));
  for (const [attempts, longest] of [[0, 5000], [1, 10_000], [5, 160_000], [12, HOUR], [1000, HOUR]] as const) {
    expect(Math.min(...waits(attempts))).toBeGreaterThanOrEqual(longest / 2);
    expect(Math.max(...waits(attempts))).toBeLessThanOrEqual(longest);
    expect(new Set(waits(attempts)).size).toBeGreaterThan(1);
  }
});

describe.each(databases)('the outbox on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let databaseUrl: string | undefined;
  let server: TestServer;
  let offset = 0;
  let frozen: number | undefined;
  const workers: NoticeWorker[] = [];
  const clock = () => frozen ?? Date.now() + offset;

  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    databaseUrl = postgres?.createDatabase();
    server = await startTestServer({ clock, ...(databaseUrl === undefined ? {} : { databaseUrl }) });
  });
  afterEach(async () => {
    frozen = undefined;
    await Promise.all(workers.splice(0).map((worker) => worker.close()));
    await server.context.store.db.deleteFrom('outbox').execute();
  });
  afterAll(async () => {
    await server.close();
    await postgres?.close();
  });

  function start(deliver: (delivery: Delivery, signal: AbortSignal) => Promise<Outcome>, store: Store = server.context.store): NoticeWorker {
    const worker = createNoticeWorker({ ...server.context, store, metrics: new Registry(), audience, deliver: { email: deliver, webhook: deliver } });
    workers.push(worker);
    return worker;
  }
  const record = (...notices: readonly Notice[]) => server.context.store.transaction(async (tx) => {
    for (const notice of notices) await server.context.notices.record(tx, notice);
  });
  const rows = () => server.context.store.db.selectFrom('outbox').selectAll().orderBy('target').execute();
  const untilDone = () => eventually(async () => {
    const all = await rows();
    return all.length > 0 && all.every(({ done_at: doneAt }) => doneAt !== null) && all;
  });
  const delivered = async (): Promise<Outcome> => ({ kind: 'delivered' });

  test('what is committed is told at once, each address once; what is rolled back never', async () => {
    const told: Delivery[] = [];
    start(async (delivery) => {
      told.push(delivery);
      return { kind: 'delivered' };
    });
    await expect(server.context.store.transaction(async (tx) => {
      await server.context.notices.record(tx, { ...filed, from: ['nobody'] });
      throw new Error('undone');
    })).rejects.toThrow('undone');
    const took = await quickestMs(1500, async () => {
      await server.context.store.db.deleteFrom('outbox').execute();
      told.length = 0;
      await record(filed);
      await untilDone();
    });
    // Woken by the commit: it does not wait for the next look, two seconds apart.
    expect(took).toBeLessThan(1500);
    expect(told.map(({ target }) => target.toLowerCase()).toSorted()).toEqual(['carol@example.org', 'dave@example.org']);
    expect(told.map(({ payload }) => JSON.parse(payload) as Notice)).toEqual([filed, filed]);
    expect(new Set(told.map(({ id }) => id)).size).toBe(2);
    expect((await rows()).map(({ channel, outcome }) => `${channel} ${outcome}`).toSorted()).toEqual(['email delivered', 'email delivered', 'notice delivered']);
  });

  test('a failure is tried again later under the same id, and what was delivered is not', async () => {
    frozen = clock();
    const told: string[] = [];
    start(async ({ id, target }) => {
      told.push(`${target} ${id}`);
      return target.startsWith('dave') && told.filter((each) => each.startsWith('dave')).length < 3 ? { kind: 'failed', why: 'not now' } : { kind: 'delivered' };
    });
    await record(filed);
    const dave = () => told.filter((each) => each.startsWith('dave'));
    await eventually(async () => (await rows()).some(({ last_error: why }) => why === 'not now'));
    expect(dave()).toHaveLength(1);
    const waiting = (await rows()).find(({ last_error: why }) => why === 'not now');
    expect(waiting).toMatchObject({ attempts: 1, claimed_by: null });
    frozen += 6000;
    await eventually(async () => {
      await server.context.store.notify('notices');
      return dave().length === 2;
    });
    frozen += 11_000;
    await eventually(async () => {
      await server.context.store.notify('notices');
      return dave().length === 3;
    });
    await untilDone();
    expect(new Set(dave()).size).toBe(1);
    expect(told.filter((each) => each.toLowerCase().startsWith('carol'))).toHaveLength(1);
  });

  test('after a day it is given up, which is on record; what is refused for good is given up at once', async () => {
    const events = async () => (await server.context.store.db.selectFrom('events').select('summary').where('type', '=', 'notice.failed').orderBy('id').execute()).map(({ summary }) => summary);
    start(async ({ target }) => (target.startsWith('dave') ? { kind: 'refused', why: 'no such user' } : { kind: 'failed', why: 'down' }));
    await record(filed);
    await eventually(async () => (await events()).length === 1);
    offset += 23 * HOUR;
    await server.context.store.notify('notices');
    await eventually(async () => (await rows()).some(({ attempts, done_at: doneAt }) => attempts === 2 && doneAt === null) || (await events()).length === 2);
    offset += 2 * HOUR;
    await server.context.store.notify('notices');
    await untilDone();
    expect(await events()).toEqual([expect.stringMatching(/e-mail dave@example\.org.*request-filed: no such user/), expect.stringMatching(/e-mail carol@example\.org.*request-filed: down/i)]);
  });

  test('several servers tell each thing once', async () => {
    const other = databaseUrl === undefined ? undefined : await openStore({ kind: 'postgresql', url: databaseUrl, connections: 5 }, pino({ level: 'silent' }));
    const told = new Map<string, number>();
    const count = async ({ id }: Delivery): Promise<Outcome> => {
      told.set(id, (told.get(id) ?? 0) + 1);
      await new Promise((resolve) => setImmediate(resolve));
      return { kind: 'delivered' };
    };
    start(count);
    start(count, other);
    await Promise.all(Array.from({ length: 10 }, () => record(...Array.from({ length: 10 }, () => filed))));
    await untilDone();
    expect([told.size, Math.max(...told.values())]).toEqual([200, 1]);
    await Promise.all(workers.splice(0).map((worker) => worker.close()));
    await other?.close();
  });

  test('what a dead server had taken is told by another once it is believed dead, not before', async () => {
    await record(filed);
    const { store } = server.context;
    const taken = await claim(store, { by: 'the dead', now: clock(), most: 10, exceptTargets: [], exceptChannels: [] });
    expect(taken).toHaveLength(1);
    expect(await claim(store, { by: 'another', now: clock(), most: 10, exceptTargets: [], exceptChannels: [] })).toEqual([]);
    offset += LEASE_MS + 1000;
    start(delivered);
    await eventually(async () => (await rows()).length === 3);
    await untilDone();
  });

  test('who stops gives back what it has not finished; nothing is lost and nothing counts as failed', async () => {
    let begun = 0;
    const worker = start((_delivery, signal) => new Promise((resolve) => {
      begun++;
      signal.addEventListener('abort', () => resolve({ kind: 'failed', why: 'stopped' }));
    }));
    await record(filed);
    await eventually(async () => begun === 2);
    await worker.close();
    expect((await rows()).filter(({ channel }) => channel === 'email')).toEqual([1, 2].map(() => expect.objectContaining({ attempts: 0, claimed_by: null, done_at: null })));
    start(delivered);
    await untilDone();
  });

  test('who stops while it is looking takes nothing', async () => {
    let begun = 0;
    await record(filed);
    for (let round = 0; round < 10; round++) await start(async () => {
      begun++;
      return { kind: 'delivered' };
    }).close();
    expect([begun, await rows()]).toEqual([0, [expect.objectContaining({ channel: 'notice', claimed_by: null, done_at: null })]]);
    start(delivered);
    await untilDone();
  });

  test('a receiver that hangs keeps nobody else waiting, and a fault is one failure', async () => {
    const told = new Set<string>();
    start(async ({ id, target }, signal) => {
      if (target.toLowerCase().startsWith('carol')) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return { kind: 'failed', why: 'stopped' };
      }
      if (told.size === 0 && !told.has(id)) {
        told.add(id);
        throw new Error('a fault of ours');
      }
      told.add(id);
      return { kind: 'delivered' };
    });
    await record(...Array.from({ length: 40 }, () => filed));
    await eventually(async () => told.size === 40);
    // Tried again when its time comes, which on a slow machine may have been.
    await eventually(async () => (await rows()).filter(({ last_error: why, attempts }) => why === 'a fault of the server' || attempts === 2).length === 1);
  });

  test('an audience that cannot be asked is asked again', async () => {
    let asked = 0;
    const worker = createNoticeWorker({
      ...server.context, metrics: new Registry(), deliver: { email: delivered, webhook: delivered },
      audience: { ...audience, requesterOf: async () => (asked++ === 0 ? Promise.reject(new Error('no')) : [{ name: 'a', email: 'alice@example.org' }]) },
    });
    workers.push(worker);
    await record({ kind: 'request-answered', request, state: 'approved', by: ['carol'], words: null, at: 1 });
    await eventually(async () => (await rows())[0]?.attempts === 1);
    offset += 6000;
    await server.context.store.notify('notices');
    expect((await untilDone()).map(({ channel, outcome }) => `${channel} ${outcome}`).toSorted()).toEqual(['email delivered', 'notice delivered']);
  });
});
