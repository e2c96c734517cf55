// belay-uplink: the device's only program on the network. It carries signed things between the server and belayd; it can delay
// or drop them, never forge them. Composition root.
import { Command, InvalidArgumentError } from 'commander';
import pino from 'pino';
import { createIdentityStore } from './identity.ts';
import { createInventory } from './inventory.ts';
import { runUplink } from './uplink.ts';
import { agentVersion } from './version.ts';

type Options = { readonly socket: string; readonly state: string; readonly retryMax: number };

const program = new Command('belay-uplink')
  .description('Carries policy to belayd and evidence to the server. Runs as the system user "belay"; belayd must be running.')
  .version(agentVersion)
  .option('--socket <file>', "belayd's uplink socket", '/run/belay/uplink.sock')
  .option('--state <folder>', 'where key and certificate are kept', '/var/lib/belay-uplink')
  .option('--retry-max <seconds>', 'longest wait between two attempts to reach the server', seconds, 30)
  .addHelpText('after', '\nExit codes: 0 asked to stop; 1 a fault; 2 wrong usage, or started as root.\nWhat it does and knows: `belay status`.')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 3600)) throw new InvalidArgumentError('a number of seconds, above 0 and up to 3600');
  return value;
}

async function main(): Promise<number> {
  const { socket, state, retryMax } = program.parse().opts<Options>();
  if (process.getuid?.() === 0) {
    // SECURITY(T-36): what parses bytes from the network must not be root.
    process.stderr.write('belay-uplink: must not run as root: start it as the system user "belay" (systemctl start belay-uplink)\n');
    return 2;
  }
  process.umask(0o077);
  const log = pino({ name: 'belay-uplink' }, pino.destination({ dest: 2, sync: true }));
  const ended = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => ended.abort());
  log.info({ version: agentVersion }, 'started');
  const inventory = createInventory(state, agentVersion);
  await runUplink({ socketPath: socket, identities: createIdentityStore(state), inventory, log, retryMaxMs: retryMax * 1000, signal: ended.signal });
  log.info('stopped');
  return 0;
}

process.exitCode = await main();
// Half-open channels must not keep a stopped process alive.
process.exit();
