import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { exitNow } from '../platform/linux/libc.ts';
import { createLinuxPlatform } from '../platform/linux/linux-platform.ts';
import { fixEnvironment, readStartFacts, startRefusals } from '../platform/linux/start-checks.ts';
import { type AgentConfig, DEFAULT_CONFIG, readConfig, watchConfig } from './config.ts';
import { PLACES, startDaemon } from './daemon.ts';
import { AGENT_VERSION } from './version.ts';

const CONFIG_FILE = '/etc/belay/agent.yaml';
const HELP = `belayd: decides what sudo may run on this device, by policy, and keeps the evidence.

Usage: node --disable-sigusr1 belayd [--config FILE]

  --config FILE  local settings (default ${CONFIG_FILE})
  --version      print the version
  --help         print this

Must run as root. Logs to standard error as JSON. SIGTERM stops it cleanly.
`;

/** Exit codes: 0 stopped, 1 failed, 2 wrong use, 78 refused to start (sysexits.h EX_CONFIG). */
const REFUSED = 78;

type Options = { readonly config: string; readonly help: boolean; readonly version: boolean };

function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({ options: { config: { type: 'string', default: CONFIG_FILE }, help: { type: 'boolean', default: false }, version: { type: 'boolean', default: false } }, allowPositionals: false });
    return values;
  } catch (error) {
    process.stderr.write(`belayd: ${Error.isError(error) ? error.message : 'wrong use'}\n${HELP}`);
    return undefined;
  }
}

async function main(): Promise<number | undefined> {
  const options = readOptions();
  if (options === undefined) return 2;
  if (options.help || options.version) {
    process.stdout.write(options.help ? HELP : `belayd ${AGENT_VERSION}\n`);
    return 0;
  }
  const refusals = startRefusals(readStartFacts());
  for (const refusal of refusals) process.stderr.write(`belayd: ${refusal}\n`);
  if (refusals.length > 0) return REFUSED;
  fixEnvironment(process.env);
  await run(options.config);
  return undefined;
}

async function run(configFile: string): Promise<void> {
  const log = pino({ name: 'belayd', base: { pid: process.pid } }, pino.destination({ fd: 2, sync: true }));
  const settings = createSettings(configFile, (problem) => log.error({ problem }, 'the configuration is not used'));
  log.level = settings.config().log.level;
  const daemon = await startDaemon({ platform: createLinuxPlatform(), places: PLACES, log, config: settings.config, configProblem: settings.problem });
  const watcher = watchConfig(configFile, () => {
    settings.reload();
    log.level = settings.config().log.level;
    daemon.configChanged();
  });
  log.info({ version: AGENT_VERSION }, 'ready');
  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping');
    Promise.all([watcher.close(), daemon.close()])
      // A directory that hangs keeps a thread, and Node would wait for it.
      .then(() => exitNow(0))
      .catch((error: unknown) => {
        log.fatal({ cause: Error.isError(error) ? error.stack : 'fault' }, 'could not stop cleanly');
        process.exit(1);
      });
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // SECURITY(T-35): a fault in a callback must not end the one process that decides. The request it belongs to gets no answer, which is a no.
  process.on('uncaughtException', (error) => log.error({ cause: error.stack }, 'an unexpected fault'));
  process.on('unhandledRejection', (reason) => log.error({ cause: Error.isError(reason) ? reason.stack : 'fault' }, 'an unexpected fault'));
}

type Settings = { config(): AgentConfig; problem(): string | undefined; reload(): void };

/** The last good settings stay in force while the file has a fault. */
function createSettings(file: string, report: (problem: string) => void): Settings {
  let config: AgentConfig = DEFAULT_CONFIG;
  let problem: string | undefined;
  function reload(): void {
    const read = readConfig(file);
    problem = read.ok ? undefined : read.error;
    if (read.ok) config = read.value;
    else report(read.error);
  }
  reload();
  return { config: () => config, problem: () => problem, reload };
}

main()
  .then((code) => {
    if (code !== undefined) process.exitCode = code;
  })
  .catch((error: unknown) => {
    const busy = (error as { code?: string }).code === 'SQLITE_BUSY';
    const cause = busy ? 'another belayd is running' : Error.isError(error) ? error.message : 'fault';
    process.stderr.write(`belayd: cannot start: ${cause}\n`);
    process.exit(1);
  });
