import { openPlace, type Place, type Ran, type RunOptions, waitFor, type WaitOptions, worldRepo } from './place.ts';
import { testPolicies } from './policies.ts';
import { startPostgres, worldPostgresUrl } from './postgres.ts';
import { commandOf } from './programs.ts';
import type { Program } from '../programs.ts';
import { adminPassword, prepareServer, serverFolder } from './server.ts';
import { createService, logFolder, type Service } from './service.ts';

export type WorldOptions = {
  readonly database?: 'sqlite' | 'postgres';
  /** False: the world shares the machine's network. */
  readonly ownNetwork?: boolean;
  /** How far to go: people and plugin only; the agent, not enrolled; or a server with the device enrolled and policy applied. */
  readonly until?: 'plugin' | 'agent' | 'enrolled' | 'policy';
  /** File name → YAML; `testPolicies` when left out. */
  readonly policies?: Readonly<Record<string, string>>;
  /** More lines of the server's configuration. */
  readonly serverConfig?: string;
  /** Content of /etc/belay/agent.yaml. */
  readonly agentConfig?: string;
};

export type EventRow = Readonly<Record<string, unknown>>;

export type World = Place & {
  readonly server: Service;
  readonly belayd: Service;
  readonly uplink: Service;
  readonly database: Service | undefined;
  readonly program: (program: Program, args: readonly string[], options?: RunOptions) => Promise<Ran>;
  /** As the first administrator. */
  readonly belayctl: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
  /** The same, with --json; throws unless it ends with 0. */
  readonly ask: <T = unknown>(args: readonly string[]) => Promise<T>;
  readonly belay: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
  readonly status: () => Promise<Status>;
  readonly enrol: () => Promise<void>;
  /** Applies and waits until the device has it in force. */
  readonly applyPolicies: (policies: Readonly<Record<string, string>>) => Promise<void>;
  readonly events: (filters?: readonly string[]) => Promise<readonly EventRow[]>;
  /** Waits until every event of the device is receipted. */
  readonly settled: (options?: WaitOptions) => Promise<void>;
};

export type Status = {
  readonly enrolled: boolean;
  readonly device: string;
  readonly serverConnected: boolean;
  readonly manifest: { readonly number: number; readonly epoch: number; readonly ageMs: number } | null;
  readonly eventsUnreceipted: number;
  readonly problems: readonly string[];
};

const stages = ['plugin', 'agent', 'enrolled', 'policy'] as const;

/** A world up to the wanted stage. Whoever made it closes it; if they crash, the kernel does. */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const place = await openPlace({ ownNetwork: options.ownNetwork ?? true });
  try {
    await settleFiles(place, options);
    const reaches = (stage: (typeof stages)[number]): boolean => stages.indexOf(options.until ?? 'policy') >= stages.indexOf(stage);
    const database = reaches('enrolled') && options.database === 'postgres' ? await startPostgres(place) : undefined;
    const server = reaches('enrolled')
      ? await prepareServer(place, { ...(database === undefined ? {} : { databaseUrl: worldPostgresUrl }), ...(options.serverConfig === undefined ? {} : { config: options.serverConfig }) })
      : undefined;
    const world = furnish(place, server, database);
    if (reaches('agent')) await Promise.all([world.belayd.start().then(world.uplink.start), server?.start()]);
    if (reaches('enrolled')) {
      await logIn(world);
      await world.enrol();
    }
    if (reaches('policy')) await world.applyPolicies(options.policies ?? testPolicies);
    return world;
  } catch (error) {
    const logs = await place.run(['sh', '-c', `tail -n 15 ${logFolder}/*.log`]).catch(() => undefined);
    await place.close();
    throw new Error(`${(error as Error).message}\n${logs?.stdout ?? ''}`, { cause: error });
  }
}

/** By their names on everybody's PATH. */
const programs = ['belay', 'belayctl', 'belay-verify', 'belay-server'] as const;
const plugin = '/opt/belay/lib/belay_sudo.so';

async function settleFiles(place: Place, options: WorldOptions): Promise<void> {
  await place.shell(`
    install -d -m 1777 ${logFolder}
    install -d -m 0755 /opt/belay/lib /run/belay /etc/belay
    install -d -m 0700 -o belay -g belay /var/lib/belay-uplink
    install -d -m 0700 /var/lib/belay
    [ -f ${worldRepo}/agent/native/build/belay_sudo.so ] || { echo "the plugin is not built: npm run build:native" >&2; exit 1; }
    install -m 0644 ${worldRepo}/agent/native/build/belay_sudo.so ${plugin}
    install -m 0644 ${worldRepo}/agent/native/sudo-plugin/sudo.conf /etc/sudo.conf
    ${programs.map((name) => `printf '#!/bin/sh\\nexec ${commandOf(name).join(' ')} "$@"\\n' >/usr/local/bin/${name}; chmod 0755 /usr/local/bin/${name}`).join('\n    ')}`);
  if (options.agentConfig !== undefined) await place.writeFile('/etc/belay/agent.yaml', options.agentConfig);
}

/** Not by the files: those of one that was killed are still there. The columns are of proc_pid_net(5), with __SO_ACCEPTCON set. */
function listensOn(sockets: string, paths: readonly string[]): boolean {
  const listening = new Set(sockets.split('\n').map((line) => line.trim().split(/\s+/)).filter(([, , , flags]) => flags === '00010000').map((columns) => columns[7]));
  return paths.every((path) => listening.has(path));
}

function furnish(place: Place, server: Service | undefined, database: Service | undefined): World {
  const program: World['program'] = (name, args, options) => place.run(commandOf(name, args), options);
  const belayctl: World['belayctl'] = (args, options) => program('belayctl', args, options);
  const belay: World['belay'] = (args, options) => program('belay', args, options);
  const ask = async <T>(args: readonly string[]): Promise<T> => {
    const ran = await belayctl([...args, '--json']);
    if (ran.code !== 0) throw new Error(`belayctl ${args.join(' ')} failed (${ran.code}): ${ran.stderr}${ran.stdout}`);
    return JSON.parse(ran.stdout) as T;
  };
  const status = async (): Promise<Status> => {
    const ran = await belay(['status', '--json']);
    if (ran.stdout === '') throw new Error(`no status: ${ran.stderr}`);
    return JSON.parse(ran.stdout) as Status;
  };
  const settled: World['settled'] = async (options = {}) => {
    await waitFor(async () => {
      const now = await status().catch(() => undefined);
      return now?.enrolled === true && now.eventsUnreceipted === 0;
    }, { what: 'every event to be receipted', ...options });
  };
  const belayd = createService(place, {
    name: 'belayd', user: 'root', command: commandOf('belayd'),
    isReady: async () => listensOn(await place.readFile('/proc/net/unix'), ['/run/belay/belayd.sock', '/run/belay/uplink.sock']),
  });
  const uplink = createService(place, {
    name: 'belay-uplink', user: 'belay', command: commandOf('belay-uplink', ['--retry-max', '1']), isReady: () => Promise.resolve(true),
  });
  return {
    ...place, belayd, uplink, database, program, belayctl, belay, ask, status, settled,
    get server() {
      if (server === undefined) throw new Error('this world has no server');
      return server;
    },
    enrol: async () => {
      const token = (await ask<{ token: string }>(['enroll-token', 'create'])).token;
      const ran = await belay(['enroll', '-'], { input: `${token}\n`, timeoutMs: 60_000 });
      if (ran.code !== 0) throw new Error(`belay enroll failed (${ran.code}): ${ran.stderr}${ran.stdout}`);
    },
    applyPolicies: async (policies) => await applyPolicies(place, belayctl, policies, status),
    events: async (filters = []) => await ask<readonly EventRow[]>(['event', 'list', ...filters]),
  };
}

async function logIn(world: World): Promise<void> {
  const ran = await world.belayctl(['login', '--server', 'https://belay-world:7445', '--user', 'admin', '--ca', `${serverFolder}/pki/ca.pem`], { input: `${adminPassword}\n` });
  if (ran.code !== 0) throw new Error(`belayctl login failed (${ran.code}): ${ran.stderr}${ran.stdout}`);
}

let applied = 0;

async function applyPolicies(place: Place, belayctl: World['belayctl'], policies: Readonly<Record<string, string>>, status: World['status']): Promise<void> {
  const folder = `/root/policies-${++applied}`;
  for (const [name, content] of Object.entries(policies)) await place.writeFile(`${folder}/${name}`, content);
  // A server has a policy from its first day: the manifest with that one must not be taken for this one's.
  const before = await waitFor(async () => (await status()).manifest?.number, { what: 'the first manifest' });
  const ran = await belayctl(['policy', 'apply', '-f', folder]);
  if (ran.code !== 0) throw new Error(`belayctl policy apply failed (${ran.code}): ${ran.stderr}${ran.stdout}`);
  await waitFor(async () => ((await status()).manifest?.number ?? 0) > before, { what: 'the policy to be in force on the device' });
}
