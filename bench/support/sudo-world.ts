// Two sudos on one machine: ours, with belayd from its bundle and its journal on a real disk; and stock sudo, in a mount namespace that
// differs in its sudo.conf, its sudoers and its copy of sudo alone. Both run `sudo -n true` as the same standard user.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { projectRoot } from '../../tools/node26.mjs';
import { installTool } from './native-tool.ts';

process.env['BELAY_DIST'] = '1';
const { createWorld, obstacle, worldRepo } = await import('../../tests/support/world.ts');
const { openOwnFleet } = await import('../../tests/security/attacker/own-fleet.ts');
export type World = Awaited<ReturnType<typeof createWorld>>;
type OwnFleet = Awaited<ReturnType<typeof openOwnFleet>>;

const dist = join(projectRoot, 'dist');

/** Milliseconds of each run. */
export type Measured = { readonly ours: readonly number[]; readonly stock: readonly number[] };

export type SudoWorld = {
  readonly world: World;
  readonly fleet: OwnFleet;
  /** `sudo -n true` as alice, ours and stock sudo with this sudoers in turn. */
  readonly measure: (sudoers: string, samples: number) => Promise<Measured>;
  /** belayd anew, with these local settings. */
  readonly restart: (agentConfig: string) => Promise<void>;
  /** File system that the journal is on. */
  readonly journalOn: string;
  readonly close: () => Promise<void>;
};

export const withoutPam = 'sudo: { pamAccount: false, pamSession: false }\n';

export async function openSudoWorld(policies: Readonly<Record<string, string>>): Promise<SudoWorld> {
  const reason = obstacle();
  if (reason !== undefined) throw new Error(`this bench ${reason}`);
  if (!existsSync(join(dist, 'belayd.mjs'))) throw new Error('there are no bundles: npm run build');
  mkdirSync(dist, { recursive: true });
  const scratch = mkdtempSync(join(dist, 'bench-'));
  const world = await createWorld({ until: 'plugin' });
  const close = async (): Promise<void> => {
    await world.close();
    rmSync(scratch, { recursive: true, force: true });
  };
  try {
    const inside = scratch.replace(projectRoot, worldRepo);
    await installTool(world, worldRepo, 'spawn-timer');
    await world.shell(`mkdir -m 0700 ${inside}/state; mount --bind ${inside}/state /var/lib/belay`);
    const journalOn = (await world.shell('stat -f -c %T /var/lib/belay')).trim();
    if (journalOn === 'tmpfs' || journalOn === 'overlayfs') throw new Error(`the journal would be on ${journalOn}, which makes nothing durable`);
    await world.belayd.start();
    const fleet = await openOwnFleet(world);
    await fleet.publish(policies);
    // Nothing else shall run while sudo does.
    await fleet.attacker.kill();
    return {
      world, fleet, journalOn, close,
      measure: (sudoers, samples) => measure(world, sudoers, samples),
      async restart(agentConfig) {
        await world.writeFile('/etc/belay/agent.yaml', agentConfig);
        await world.belayd.stop();
        await world.belayd.start();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const WARM_UP = 20;
const TOTAL_MS = 15 * 60_000;

const QUIET_MS = 300;

/** What it does once after its start (compiling what runs often) is over, as on a machine that has been up for some seconds. */
async function awaitQuiet(world: World): Promise<void> {
  const pid = await world.belayd.pid();
  const ticks = async (): Promise<number> => {
    const fields = (await world.readFile(`/proc/${pid}/stat`)).split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };
  await world.waitFor(async () => {
    const before = await ticks();
    await setTimeout(QUIET_MS);
    return (await ticks()) - before <= 1;
  }, { what: 'belayd to be quiet', timeoutMs: 60_000 });
}

async function measure(world: World, sudoers: string, samples: number): Promise<Measured> {
  await world.writeFile('/opt/stock/sudoers', sudoers, '0440');
  await world.writeFile('/opt/stock/sudo.conf', '', '0644');
  // belayd hears when its sudo starts: stock sudo is a file of its own, so that it has nothing of that, neither what it costs nor what it brings.
  await world.shell('cp --preserve=all /usr/bin/sudo /usr/bin/sudo-of-stock');
  // A process that stays holds the other namespace.
  const enter = 'mount --bind /opt/stock/sudo.conf /etc/sudo.conf; mount --bind /opt/stock/sudoers /etc/sudoers; mount --bind /usr/bin/sudo-of-stock /usr/bin/sudo; echo ready; exec cat';
  const holder = world.spawn(['unshare', '-m', '--propagation', 'private', 'sh', '-ec', enter]);
  await world.waitFor(() => holder.output().stdout.includes('ready'), { what: 'the namespace of stock sudo' });
  await awaitQuiet(world);
  const command = ['/opt/spawn-timer', String(samples + WARM_UP), 'alice', '/proc/self/ns/mnt', `/proc/${await holder.pid}/ns/mnt`, '/usr/bin/sudo', '-n', 'true'];
  const ran = await world.run(command, { cwd: '/', timeoutMs: TOTAL_MS });
  holder.endInput();
  if (ran.code !== 0) throw new Error(`a sudo did not run: ${ran.stderr.slice(-500)}`);
  const pairs = ran.stdout.trim().split('\n').slice(WARM_UP).map((line) => line.split(' ').map((microseconds) => Number(microseconds) / 1000));
  return { ours: pairs.map(([ours]) => ours as number), stock: pairs.map(([, stock]) => stock as number) };
}
