import tls from 'node:tls';
import { type Logger, pino } from 'pino';
import { loadConfig } from '../config/load.ts';
import type { ServerConfig } from '../config/schema.ts';
import { type RunningServer, startServer } from '../run.ts';
import { EXIT, UserError } from './output.ts';

/** Reads the configuration or says everything that is wrong with it. */
export function readConfig(file: string): { readonly config: ServerConfig; readonly log: Logger } {
  const loaded = loadConfig(file, process.env);
  if (!loaded.ok) throw new UserError(loaded.error.map(({ place, message }) => `${place}: ${message}`).join('\n'), EXIT.usage);
  const { config, unknownVariables } = loaded.value;
  const log = pino({ name: 'belay-server', level: config.log.level }, pino.destination({ dest: 2, sync: true }));
  if (unknownVariables.length > 0) log.warn({ variables: unknownVariables }, 'variables that name no key of the configuration are ignored');
  return { config, log };
}

/** Runs until it is told to stop. */
export async function serve(options: { readonly config: string }): Promise<number> {
  // grpc-js has no option of its own for it; everything that talks to this server speaks TLS 1.3.
  tls.DEFAULT_MIN_VERSION = 'TLSv1.3';
  const { config, log } = readConfig(options.config);
  const stopped = stopSignal();
  const starting = startServer(config, log);
  // From the first: unheard, it would end the process.
  process.on('SIGHUP', () => void starting.then((server) => server.reload(), () => undefined));
  const server = await starting;
  const { fleet, apiAddress } = server;
  log.info({ fleet: fleet.fleetAddress, enrollment: fleet.enrollmentAddress, api: apiAddress, database: server.context.store.kind, version: server.context.version }, 'ready');
  const signal = await stopped;
  log.info({ signal }, 'stopping');
  await closeInTime(server, log);
  log.info('stopped');
  return EXIT.done;
}

const STOP_MS = 10_000;

async function closeInTime(server: RunningServer, log: Logger): Promise<void> {
  const timer = setTimeout(() => {
    log.error('not everything could be closed in time');
    process.exit(EXIT.failed);
  }, STOP_MS);
  await server.close();
  clearTimeout(timer);
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}
