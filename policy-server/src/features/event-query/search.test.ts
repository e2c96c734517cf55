import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../../tests/support/postgres.ts';
import { openStore, type Store, wordsOf } from '../../store/index.ts';
import { findEvents, type Range } from './search.ts';
import type { EventFilter } from './event-filter.ts';

const folder = mkdtempSync(join(tmpdir(), 'belay-search-'));
const missing = postgresMissing();
let postgres: TestPostgres | undefined;
beforeAll(async () => {
  if (missing === undefined) postgres = await startPostgres();
});
afterAll(async () => {
  await postgres?.close();
  rmSync(folder, { recursive: true, force: true });
});

const TYPES = ['elevation.intent', 'elevation.denied', 'elevation.outcome', 'agent.started', 'policy.applied'];
const SUMMARIES = ['/usr/bin/apt-get install vim · developers/packages', '/usr/bin/cat /var/log/syslog · ops/logs', 'ÜBUNG über alles', 'id=4711 O\'Brien "quoted" [x]', ''];
const START = 1_790_000_000_000;
const STEP = 60_000;
const COUNT = 400;

/** Arrival and time differ by what two servers' clocks may. */
function rowOf(at: number) {
  const jitter = at % 7 === 0 ? -4 * STEP : 0;
  return {
    chain: new Uint8Array(32).fill(1), seq: at + 1, device_id: `d-${at % 3}`, type: TYPES[(at * 7) % 5] as string, device_time: START, server_time: START + at * STEP + jitter,
    user_name: at % 4 === 0 ? null : `user${at % 2}`, uid: null, request: at % 5 === 0 ? at % 20 : null, rule: null, summary: SUMMARIES[(at * 3) % 5] as string, record: new Uint8Array([1]),
  };
}
type Row = ReturnType<typeof rowOf> & { readonly id: number };

/** d-0 and d-1 are of one group each. */
const GROUPS = [['d-0', 'a'], ['d-1', 'b']] as const;

function takes(row: Row, { scope, types = [], device, user, request, words, since, until }: EventFilter): boolean {
  const found = row.summary.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return (types.length === 0 || types.some((type) => row.type === type || row.type.startsWith(`${type}.`)))
    && (scope === 'all' || GROUPS.some(([device_id, group]) => device_id === row.device_id && scope.includes(group)))
    && (device === undefined || row.device_id === device) && (user === undefined || row.user_name === user) && (request === undefined || row.request === request)
    && (since === undefined || row.server_time >= since) && (until === undefined || row.server_time < until)
    && (words ?? []).every((word) => found.some((each) => (word.endsWith('*') ? each.startsWith(word.slice(0, -1)) : each === word)));
}

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const time = fc.integer({ min: -20, max: COUNT + 20 }).map((at) => START + at * STEP);
const filters: fc.Arbitrary<EventFilter> = fc.record({
  scope: fc.constantFrom<EventFilter['scope']>('all', ['a'], ['a', 'b'], []),
  types: maybe(fc.subarray(['elevation', 'agent', 'elevation.denied', 'policy.applied', 'server'])),
  device: maybe(fc.constantFrom('d-0', 'd-1', 'd-none')), user: maybe(fc.constantFrom('user0', 'user1', 'nobody')), request: maybe(fc.integer({ min: 0, max: 20 })),
  words: maybe(fc.constantFrom('apt-get', 'install vim', 'bin usr', 'inst*', 'übung', 'o\'brien', '4711', '47* id', 'nothing', 'NEAR or and').map(wordsOf)),
  since: maybe(time), until: maybe(time),
});
const ranges: fc.Arbitrary<Range> = fc.record({ order: fc.constantFrom('newest', 'oldest' as const), limit: fc.integer({ min: 1, max: 60 }), after: maybe(fc.integer({ min: 0, max: COUNT })), before: maybe(fc.integer({ min: 0, max: COUNT })) });

const kinds = [['SQLite', undefined], ['PostgreSQL', missing]] as const;

describe.each(kinds)('a search on %s', (kind, skip) => {
  const it = skip === undefined ? test : test.skip;
  let store: Store;
  let rows: readonly Row[];
  beforeAll(async () => {
    if (skip !== undefined) return;
    const config = kind === 'SQLite' ? ({ kind: 'sqlite', file: join(folder, 'search.db') } as const) : ({ kind: 'postgresql', url: (postgres as TestPostgres).createDatabase(), connections: 3 } as const);
    store = await openStore(config, { warn: () => undefined });
    await store.transaction((tx) => store.insertEvents(tx, Array.from({ length: COUNT }, (_, at) => rowOf(at))));
    await store.db.insertInto('device_groups').values(GROUPS.map(([device_id, group_name]) => ({ device_id, group_name }))).execute();
    const stored = await store.db.selectFrom('events').select(['id', 'seq']).orderBy('id').execute();
    rows = stored.map(({ id, seq }) => ({ ...rowOf(seq - 1), id }));
  });
  afterAll(async () => {
    if (skip === undefined) await store.close();
  });

  it('finds what looking at every event finds, in order and cut', async () => {
    await fc.assert(fc.asyncProperty(filters, ranges, async (filter, range) => {
      const wanted = rows.filter((row) => takes(row, filter) && row.id > (range.after ?? 0) && row.id < (range.before ?? Infinity)).map(({ id }) => id);
      if (range.order === 'newest') wanted.reverse();
      expect((await findEvents(store, filter, range)).map(({ id }) => id)).toEqual(wanted.slice(0, range.limit));
    }), { numRuns: 300 });
  });
});

test('words are letters and digits; a star stands for beginnings', () => {
  expect(wordsOf('  /usr/bin/Apt-get "inst*" ÜBER* * ')).toEqual(['usr', 'bin', 'apt', 'get', 'inst*', 'über*']);
  expect(wordsOf('" OR 1=1 --')).toEqual(['or', '1', '1']);
  expect(wordsOf('-- ; %_')).toEqual([]);
  expect(wordsOf('a '.repeat(50))).toHaveLength(10);
});
