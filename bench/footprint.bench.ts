// What the agent costs a machine: memory of belayd and the uplink after 10 000 decisions, CPU over an idle minute, and the time from
// the start of belayd to its first decision. A whole fleet of one: server, uplink and belayd from their bundles.
import { installTool } from './support/native-tool.ts';
import { quantile, rounded } from './support/statistics.ts';

process.env['BELAY_DIST'] = '1';
const { commandOf, createWorld, obstacle, worldRepo } = await import('../tests/support/world.ts');
type World = Awaited<ReturnType<typeof createWorld>>;

const DECISIONS = Number(process.env['BELAY_BENCH_DECISIONS'] ?? 10_000);
const IDLE_MS = Number(process.env['BELAY_BENCH_IDLE_MS'] ?? 60_000);
const STARTS = 9;
/** USER_HZ: what /proc counts CPU time in; see proc(5). */
const TICKS_PER_SECOND = 100;

type Memory = { readonly pssMb: number; readonly privateDirtyMb: number };

async function memoryOf(world: World, pid: number): Promise<Memory> {
  const text = await world.readFile(`/proc/${pid}/smaps_rollup`);
  const mb = (label: string): number => Number(new RegExp(`^${label}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024;
  return { pssMb: mb('Pss'), privateDirtyMb: mb('Private_Dirty') };
}

async function cpuTicks(world: World, pid: number): Promise<number> {
  const fields = (await world.readFile(`/proc/${pid}/stat`)).split(') ').at(-1)?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

/** Percent of one CPU while nothing is asked of either. */
async function idleCpu(world: World, pids: readonly number[]): Promise<readonly number[]> {
  const before = await Promise.all(pids.map((pid) => cpuTicks(world, pid)));
  const begun = performance.now();
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const seconds = (performance.now() - begun) / 1000;
  const after = await Promise.all(pids.map((pid) => cpuTicks(world, pid)));
  return after.map((ticks, index) => ((ticks - (before[index] as number)) / TICKS_PER_SECOND / seconds) * 100);
}

async function decideMany(world: World): Promise<void> {
  await installTool(world, worldRepo, 'spawn-timer');
  const here = '/proc/self/ns/mnt';
  const ran = await world.run(['/opt/spawn-timer', String(Math.ceil(DECISIONS / 2)), 'alice', here, here, '/usr/bin/sudo', '-n', 'true'], { timeoutMs: 15 * 60_000 });
  if (ran.code !== 0) throw new Error(`a sudo did not run: ${ran.stderr}`);
}

/** Milliseconds from the start of the process to the end of the first `sudo -n true` that is allowed, asked for as soon as there is a socket. */
async function startToDecision(world: World): Promise<number> {
  await world.belayd.kill();
  const command = ['/opt/start-timer', '/run/belay/belayd.sock', 'alice', '/usr/bin/sudo', '-n', 'true', '--', ...commandOf('belayd')];
  const ran = await world.run(command, { timeoutMs: 60_000 });
  if (ran.code !== 0) throw new Error(`belayd did not answer: ${ran.stderr}`);
  return Number(ran.stdout.trim()) / 1000;
}

const reason = obstacle();
if (reason !== undefined) throw new Error(`this bench ${reason}`);
const world = await createWorld();
try {
  await decideMany(world);
  await world.settled({ timeoutMs: 120_000 });
  const pids = [await world.belayd.pid(), await world.uplink.pid()] as const;
  const [belaydCpu, uplinkCpu] = await idleCpu(world, pids) as [number, number];
  const [belayd, uplink] = [await memoryOf(world, pids[0]), await memoryOf(world, pids[1])];
  await installTool(world, worldRepo, 'start-timer');
  const starts: number[] = [];
  for (let i = 0; i < STARTS; i++) starts.push(await startToDecision(world));
  const startMs = quantile(starts, 0.5);
  console.log(`belayd: ${rounded(belayd.privateDirtyMb, 1)} MB private dirty, ${rounded(belaydCpu, 2)} % CPU idle; uplink: ${rounded(uplink.privateDirtyMb, 1)} MB, ${rounded(uplinkCpu, 2)} %; first decision ${Math.round(startMs)} ms after the start`);
  console.log(JSON.stringify({
    name: 'footprint',
    ours: rounded(belayd.pssMb + uplink.pssMb, 1),
    rival: null,
    ratio: null,
    unit: 'MB',
    belaydPrivateDirty: rounded(belayd.privateDirtyMb, 1),
    uplinkPrivateDirty: rounded(uplink.privateDirtyMb, 1),
    idleCpuPercent: rounded(belaydCpu + uplinkCpu, 3),
    startToFirstDecisionMs: Math.round(startMs),
    decisions: DECISIONS,
    idleSeconds: Math.round(IDLE_MS / 1000),
  }));
} finally {
  await world.close();
}
