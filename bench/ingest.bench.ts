// Events a second that one server process (its bundle) accepts durably and receipts, from 50 agents over mutual TLS; on
// SQLite (synchronous=FULL) and on PostgreSQL (fsync on). The events are chained and signed before the clock starts.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventDraft } from '@belay/core/evidence';
import { EnrollmentService, type FleetService, UploadEventsResponse_Status as Status } from '@belay/proto/fleet';
import { createGrpcClient, type ServiceClient } from '@belay/proto/grpc';
import { ChannelCredentials } from '@grpc/grpc-js';
import { pino } from 'pino';
import { loadConfig } from '../policy-server/src/config/load.ts';
import { createDeviceService } from '../policy-server/src/features/devices/service.ts';
import { openContext } from '../policy-server/src/open.ts';
import { CHECKPOINT, createChain, enrol, fleetClient } from '../tests/support/fleet.ts';
import { postgresMissing, startPostgres } from '../tests/support/postgres.ts';

const AGENTS = 50;
const EVENTS_EACH = Number(process.env['BELAY_BENCH_EVENTS'] ?? 1000);
/** An agent gathers what has happened; after an hour offline this is an ordinary upload. */
const BATCH = 250;
const CALL = { timeoutMs: 60_000 };
const START_MS = 30_000;
const bundle = new URL('../dist/belay-server.mjs', import.meta.url).pathname;

type Agent = { readonly client: ServiceClient<typeof FleetService>; readonly chain: Uint8Array; readonly events: readonly Uint8Array[] };

function freePorts(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, () => new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  })));
}

function elevation(request: number): EventDraft {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  return {
    type: 'elevation.intent',
    fields: {
      request, door: 'sudo', uid: 2001, user: 'alice', runAsUid: 0, runAsGid: 0, rules: ['developers/packages from our repositories'], manifest: 12,
      command: bytes('/usr/bin/apt-get'), argv: ['install', '-y', `package-${request}`].map(bytes), cwd: bytes('/home/alice/work'), terminal: 34_816, sessionId: 4711,
      digest: new Uint8Array(32).fill(request & 255), reason: 'ticket 4711', reauthenticated: false, outsideRules: false, environment: ['PATH', 'TERM', 'LANG'].map(bytes),
    },
  };
}

function draft(index: number): EventDraft {
  if (index % 100 === 99) return CHECKPOINT;
  if (index % 2 === 0) return elevation(index);
  return { type: 'elevation.outcome', fields: { request: index - 1, uid: 2001, user: 'alice', end: 'exited', value: 0, durationMs: 1200 } };
}

async function makeServer(folder: string, databaseUrl: string): Promise<{ readonly config: string; readonly ca: string; readonly fleet: string; readonly enrollment: string }> {
  const [fleet, enrollment, api] = (await freePorts(3)) as [number, number, number];
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'a passphrase of this bench\n');
  const data = join(folder, 'server');
  const made = spawnSync(process.execPath, [
    bundle, 'init', '--data', data, '--admin-password-file', secret, '--root-passphrase-file', secret, '--address', 'localhost', '--listen', '127.0.0.1',
    '--fleet-port', String(fleet), '--enrollment-port', String(enrollment), '--api-port', String(api), '--database', databaseUrl,
  ], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`init failed: ${made.stderr}`);
  return { config: join(data, 'server.yaml'), ca: readFileSync(join(data, 'pki', 'ca.pem'), 'utf8'), fleet: `localhost:${fleet}`, enrollment: `localhost:${enrollment}` };
}

async function makeToken(configFile: string): Promise<string> {
  const loaded = loadConfig(configFile, {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  const { context, close } = await openContext(loaded.value.config, pino({ level: 'silent' }));
  const made = await createDeviceService(context).createToken({ uses: AGENTS, validForMs: 3_600_000, groups: [] }, 'bench');
  await close();
  if (!made.ok) throw new Error(made.error.message);
  return made.value.token;
}

function serve(config: string): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...(process.env['BELAY_BENCH_PROFILE'] === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', process.env['BELAY_BENCH_PROFILE']]), bundle, 'serve', '--config', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    const timer = setTimeout(() => reject(new Error('the server did not become ready')), START_MS);
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (!said.includes('"msg":"ready"')) return;
      clearTimeout(timer);
      resolve(child);
    });
    child.once('exit', () => reject(new Error(`the server ended: ${said}`)));
  });
}

async function upload({ client, chain, events }: Agent): Promise<void> {
  for (let at = 0; at < events.length; at += BATCH) {
    const answer = await client.uploadEvents({ chain, first: BigInt(at + 1), events: events.slice(at, at + BATCH), earliest: 1n }, CALL);
    if (answer.status !== Status.ACCEPTED || answer.receipt.length === 0) throw new Error(`refused: ${answer.message}`);
  }
}

/** Linux counts in hundredths of a second, whatever the kernel's own tick. */
const TICK_US = 10_000;

/** User and system time of a process, all threads (proc_pid_stat(5), fields 14 and 15). */
function cpuTicks(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

async function measure(databaseUrl: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'belay-bench-ingest-'));
  const server = await makeServer(folder, databaseUrl);
  const token = await makeToken(server.config);
  const child = await serve(server.config);
  try {
    const door = { enrollment: () => createGrpcClient(EnrollmentService, server.enrollment, ChannelCredentials.createSsl(Buffer.from(server.ca))) };
    const agents: Agent[] = [];
    for (let index = 0; index < AGENTS; index++) {
      const device = await enrol(door, token);
      const chain = createChain(device);
      const events = chain.write(...Array.from({ length: EVENTS_EACH }, (_, at) => draft(at)));
      agents.push({ client: fleetClient({ ca: server.ca, fleet: { fleetAddress: server.fleet } }, device), chain: chain.chain, events });
    }
    const [startedAt, cpuBefore] = [performance.now(), cpuTicks(child.pid)];
    await Promise.all(agents.map(upload));
    const seconds = (performance.now() - startedAt) / 1000;
    const cpuMicroseconds = ((cpuTicks(child.pid) - cpuBefore) * TICK_US) / (AGENTS * EVENTS_EACH);
    console.error(`the server process used ${Math.round(cpuMicroseconds)} µs of processor time an event`);
    for (const agent of agents) agent.client.close();
    return Math.round((AGENTS * EVENTS_EACH) / seconds);
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measurePostgres(): Promise<number | null> {
  const missing = postgresMissing();
  if (missing !== undefined) {
    console.error(`PostgreSQL is not measured: ${missing}`);
    return null;
  }
  const postgres = await startPostgres({ isDurable: true });
  try {
    return await measure(postgres.createDatabase());
  } finally {
    await postgres.close();
  }
}

const built = spawnSync(process.execPath, [new URL('../tools/build.mjs', import.meta.url).pathname], { stdio: ['ignore', 'ignore', 'inherit'] });
if (built.status !== 0) throw new Error('the bundles could not be built');
const sqlite = await measure('sqlite');
console.error(`SQLite: ${sqlite} events/s (required: 5000)`);
const postgresRate = await measurePostgres();
console.error(`PostgreSQL: ${postgresRate ?? 'not measured'} events/s (required: 3000)`);
console.log(JSON.stringify({ name: 'ingest', ours: sqlite, rival: null, ratio: null, unit: 'events/s', postgres: postgresRate, agents: AGENTS, eventsEach: EVENTS_EACH, batch: BATCH }));
