// The newest 50 of a filtered query over millions of events, asked over HTTPS of a server in this process, on either database.
import { performance } from 'node:perf_hooks';
import { decodeEvent, type EventDraft } from '@belay/core/evidence';
import { generateEd25519, randomBytes, sha256 } from '@belay/core/node-crypto';
import { sql } from 'kysely';
import { eventRow } from '../../policy-server/src/features/events/event-row.ts';
import type { EventRow } from '../../policy-server/src/store/index.ts';
import { startTestApi, type TestApi } from '../../tests/support/api.ts';
import { createChain } from '../../tests/support/fleet.ts';
import { quantile } from './statistics.ts';

export type EventSearchResult = { readonly p50: number; readonly p95: number; /** The three queries with the slowest medians. */ readonly slowest: readonly { readonly query: string; readonly ms: number }[]; readonly fillSeconds: number };

const DEVICES = 2000;
const USERS = 5000;
const SAMPLE = 2000;
const BATCH = 5000;
const STEP_MS = 2000;
const ROUNDS = 8;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
/** As in a fleet: some commands, users and devices are common and some hardly ever seen. */
const skewed = (at: number, count: number): number => Math.floor(count * ((at * 0.618_033_988_75) % 1) ** 3);

const COMMANDS = [
  ['/usr/bin/apt-get', 'install', 'vim'], ['/usr/bin/apt-get', 'update'], ['/usr/bin/systemctl', 'restart', 'nginx'], ['/usr/bin/cat', '/var/log/syslog'],
  ['/usr/bin/docker', 'ps', '-a'], ['/usr/sbin/ip', 'addr'], ['/usr/bin/journalctl', '-u', 'sshd'], ['/usr/bin/dmesg'], ['/usr/bin/fdisk', '/dev/sdb'],
] as const;

function draft(at: number): EventDraft {
  const [command, ...args] = COMMANDS[skewed(at, COMMANDS.length)] as readonly [string, ...string[]];
  const act = {
    request: at, door: 'sudo', uid: 2000, user: `user${skewed(at * 3, USERS)}`, runAsUid: 0, runAsGid: 0, rules: [`policy${at % 20}/rule ${at % 50}`], manifest: 1,
    command: bytes(command), argv: [...args, `ticket-${at % 1000}`].map(bytes), cwd: bytes('/home/user'), terminal: 34_816, sessionId: 4711,
  };
  if (at % 20 === 0) return { type: 'elevation.denied', fields: { ...act, why: at % 40 === 0 ? 'no-rule' : 'denied-by-rule' } };
  if (at % 1000 === 7) return { type: 'agent.started', fields: { version: '1.0.0', lost: 0 } };
  if (at % 2 === 0) return { type: 'elevation.outcome', fields: { request: at, uid: 2000, user: act.user, end: 'exited', value: 0, durationMs: 100 } };
  return { type: 'elevation.intent', fields: { ...act, digest: new Uint8Array(32), reason: `ticket ${at % 1000}`, reauthenticated: false, outsideRules: false, environment: [] } };
}

/** Real, signed events; each stands for many, in a place of its own. */
function sample(): readonly EventRow[] {
  const key = generateEd25519();
  const chain = createChain({ id: 'd-bench', key, serverId: randomBytes(32) });
  return chain.write(...Array.from({ length: SAMPLE }, (_, at) => draft(at))).map((encoded) => {
    const record = decodeEvent(encoded, sha256);
    if (!record.ok) throw new Error(record.error.message);
    return eventRow(record.value, encoded, 'd-bench', 0);
  });
}

const deviceName = (at: number): string => `d-${String(at).padStart(5, '0')}`;

async function fill({ context }: TestApi, count: number, startMs: number): Promise<void> {
  const rows = sample();
  const { store } = context;
  const chain = randomBytes(32);
  for (let from = 0; from < count; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - from) }, (_, index): EventRow => {
      const at = from + index;
      return { ...(rows[at % SAMPLE] as EventRow), chain, seq: at + 1, device_id: deviceName(skewed(at * 7, DEVICES)), server_time: startMs + at * STEP_MS, device_time: startMs + at * STEP_MS };
    });
    await store.transaction((tx) => store.insertEvents(tx, batch));
  }
  if (store.kind === 'postgresql') {
    await sql`vacuum analyze events`.execute(store.db);
  }
}

/** Common and rare of everything, alone and together, recent and long ago. */
function queries(count: number, startMs: number): readonly string[] {
  const [middle, later] = [startMs + (count / 2) * STEP_MS, startMs + (count / 2 + 5000) * STEP_MS];
  const common = { device: deviceName(0), user: 'user0' };
  const rare = { device: deviceName(DEVICES - 5), user: `user${USERS - 8}` };
  return [
    '', 'type=elevation', 'type=elevation.denied', 'type=agent.started', 'type=policy.applied', 'type=elevation.denied,agent',
    `user=${common.user}`, `user=${rare.user}`, `user=${common.user}&type=agent.started`, `user=${rare.user}&type=elevation.denied`,
    `device=${common.device}`, `device=${rare.device}`, `device=${rare.device}&user=${common.user}`, `device=${common.device}&user=${rare.user}`, `device=${common.device}&type=elevation.denied`,
    `since=${middle}&until=${later}`, `since=${middle}&until=${later}&type=elevation.denied`, `since=${later}&user=${common.user}`, `until=${middle}&user=${rare.user}&type=elevation`,
    'text=apt-get', 'text=fdisk', 'text=ticket-777', 'text=apt-get+install&type=elevation.denied', `text=nginx&user=${common.user}`, `text=sshd&since=${middle}&until=${later}`, 'text=neverseen', 'request=1234',
  ];
}

/** Fills a database of its own and asks. `databaseUrl`: sqlite, or an empty PostgreSQL. */
export async function measureEventSearch(databaseUrl: string, count: number): Promise<EventSearchResult> {
  const api = await startTestApi({ databaseUrl, config: 'limits: { uploadsAtOnce: 64 }' });
  try {
    await api.account('viewer', 'viewer');
    const token = await api.signIn('viewer');
    for (const at of [0, DEVICES - 5]) await addDevice(api, deviceName(at));
    const startMs = Date.now() - count * STEP_MS;
    const began = performance.now();
    await fill(api, count, startMs);
    const fillSeconds = Math.round((performance.now() - began) / 1000);
    const all: number[] = [];
    const medians: { readonly query: string; readonly ms: number }[] = [];
    for (const query of queries(count, startMs)) {
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const at = performance.now();
        const answer = await api.ask('GET', `/api/v1/events?limit=50&${query}`, { token });
        times.push(performance.now() - at);
        if (answer.status !== 200) throw new Error(`${query}: ${answer.text}`);
      }
      all.push(...times);
      medians.push({ query, ms: Math.round(quantile(times, 0.5)) });
    }
    return { p50: quantile(all, 0.5), p95: quantile(all, 0.95), slowest: medians.sort((a, b) => b.ms - a.ms).slice(0, Number(process.env['BELAY_BENCH_SLOWEST'] ?? 3)), fillSeconds };
  } finally {
    await api.close();
  }
}

async function addDevice({ context }: TestApi, id: string): Promise<void> {
  await context.store.db.insertInto('devices').values({
    id, name: id, hostname: id, state: 'active', evidence_key: new Uint8Array(32), enrolled_at: 0, enroll_token_id: '', certificate_serial: id, certificate_expires_at: 0,
    last_seen_at: null, silent_since: null, manifest_number: 0, manifest_epoch: 0, agent_version: '', inventory: '{}', problems: '[]', issued_number: 0,
  }).execute();
}
