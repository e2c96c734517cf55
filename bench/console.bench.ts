// The console: what its first load weighs (`ours`, KB as gzip; budget 300), and how long it takes from signing in to a filled table of
// requests (`signInMs`, median; budget 1000); and the newest 50 of a filtered query over five million events, on SQLite and PostgreSQL
// (`eventsP95Ms`, `eventsPostgresP95Ms`; budget 300). Filling the databases takes some minutes. `npm run bench -- console`
import { firstLoadBytes, signInToRequests } from './support/console-load.ts';
import { type EventSearchResult, measureEventSearch } from './support/event-search.ts';
import { postgresMissing, startPostgres } from '../tests/support/postgres.ts';
import { quantile, rounded } from './support/statistics.ts';

const SAMPLES = 9;
const KB = 1024;

const { gzip, brotli } = firstLoadBytes();
const times = await signInToRequests(SAMPLES);
const signInMs = quantile(times, 0.5);
console.log(`first load ${rounded(gzip / KB)} KB gzip, ${rounded(brotli / KB)} KB Brotli; signed in and requests on the page after ${rounded(signInMs)} ms`);
const EVENTS = Number(process.env['BELAY_BENCH_EVENTS'] ?? 5_000_000);

function report(on: string, { p50, p95, slowest, fillSeconds }: EventSearchResult): void {
  console.error(`${EVENTS} events on ${on}, filled in ${fillSeconds} s: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms; slowest ${slowest.map(({ query, ms }) => `${query === '' ? '(no filter)' : query} ${ms} ms`).join(', ')}`);
}

async function onPostgres(): Promise<EventSearchResult | undefined> {
  const missing = postgresMissing();
  if (missing !== undefined) {
    console.error(`PostgreSQL is not measured: ${missing}`);
    return undefined;
  }
  const postgres = await startPostgres();
  try {
    return await measureEventSearch(postgres.createDatabase(), EVENTS);
  } finally {
    await postgres.close();
  }
}

const sqlite = await measureEventSearch('sqlite', EVENTS);
report('SQLite', sqlite);
const postgres = await onPostgres();
if (postgres !== undefined) report('PostgreSQL', postgres);
console.log(JSON.stringify({ name: 'console', ours: rounded(gzip / KB), rival: null, ratio: null, unit: 'KB', brotliKb: rounded(brotli / KB), signInMs: rounded(signInMs), signInP95Ms: rounded(quantile(times, 0.95)), events: EVENTS, eventsP95Ms: rounded(sqlite.p95), eventsPostgresP95Ms: postgres === undefined ? null : rounded(postgres.p95), samples: SAMPLES }));
