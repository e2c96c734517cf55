import { Command, CommanderError, InvalidArgumentError } from 'commander';
import type { InitOptions } from './commands/init.ts';
import { EXIT, UserError } from './commands/output.ts';
import type { RootOptions } from './commands/role-keys.ts';
import { VERSION } from './version.ts';

function port(text: string): number {
  const number = Number(text);
  if (!/^[0-9]+$/.test(text) || number > 65_535) throw new InvalidArgumentError('expected a port number');
  return number;
}

type Exit = (code: number) => void;

// Each command loads its own code, so that help and complaints come at once.

function build(exit: Exit): Command {
  const program = new Command('belay-server')
    .description('Belay\'s server: keeps policy, devices and events, and signs what devices believe.')
    .version(VERSION)
    .showHelpAfterError('(belay-server COMMAND --help says more)')
    .exitOverride();
  addInit(program, exit);
  program.command('serve')
    .description('Serve devices and administrators until told to stop (SIGTERM). SIGHUP: take new role keys and a new certificate.')
    .requiredOption('--config <FILE>', 'configuration, as written by init; any key can be overridden by a variable BELAY_SERVER_…')
    .addHelpText('after', '\nLogs are JSON on stderr; the line "ready" names the addresses.\nExample:\n  belay-server serve --config /var/lib/belay-server/server.yaml\n')
    .action(async (options: { config: string }) => exit(await (await import('./commands/serve.ts')).serve(options)));
  addKeyCommands(program, exit);
  return program.addHelpText('after', [
    '',
    'A first server:',
    '  belay-server init --data /var/lib/belay-server --address belay.example.org',
    '  belay-server serve --config /var/lib/belay-server/server.yaml',
    '',
    'Exit codes: 0 done, 1 failed, 2 wrong usage or configuration. docs/operations.md has the rest.',
  ].join('\n'));
}

function addInit(program: Command, exit: Exit): void {
  program.command('init')
    .description('Make a server: root and role keys, certificate authority, configuration, database, first administrator.')
    .requiredOption('--data <DIR>', 'folder to make; must be empty or not exist')
    .option('--admin <NAME>', 'name of the first administrator', 'admin')
    .option('--admin-password-file <FILE>', 'first line: the administrator\'s password (else one is made and shown once)')
    .option('--root-passphrase-file <FILE>', 'first line: the passphrase of the root key (else one is made and shown once)')
    .option('--address <HOST>', 'name or address by which devices reach this server (default: the host\'s name)')
    .option('--listen <ADDRESS>', 'address to listen on', '0.0.0.0')
    .option('--fleet-port <PORT>', 'port of enrolled devices', port, 7443)
    .option('--enrollment-port <PORT>', 'port of enrolment', port, 7444)
    .option('--api-port <PORT>', 'port of the API', port, 7445)
    .option('--database <URL>', '"sqlite", or postgresql://…', 'sqlite')
    .addHelpText('after', '\nExample:\n  belay-server init --data /var/lib/belay-server --admin alice --address belay.example.org\n')
    .action(async (options: InitOptions) => exit(await (await import('./commands/init.ts')).init(options)));
}

function addKeyCommands(program: Command, exit: Exit): void {
  const withRoot = (command: Command): Command => command
    .requiredOption('--data <DIR>', 'the server\'s data folder')
    .option('--root-key <FILE>', 'the encrypted root key (default: root.key in the data folder)')
    .requiredOption('--root-passphrase-file <FILE>', 'first line: its passphrase');
  withRoot(program.command('rotate-role-keys').description('Make new role keys, signed by the root key. Touches no device.'))
    .option('--revoke-old', 'also revoke all older keys: after one was stolen')
    .action(async (options: RootOptions & { revokeOld?: boolean }) => exit((await import('./commands/role-keys.ts')).rotateRoleKeys(options)));
  withRoot(program.command('restore-epoch').description('Raise the epoch, signed by the root key: after the database was restored from a backup.'))
    .action(async (options: RootOptions) => exit((await import('./commands/role-keys.ts')).restoreEpoch(options)));
}

/** The message and what caused it; a stack is for bugs, and bugs are TypeErrors and the like. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name !== 'Error') return error.stack ?? error.message;
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

async function main(): Promise<void> {
  try {
    await build((code) => {
      process.exitCode = code;
    }).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
      return;
    }
    process.stderr.write(`belay-server: ${reasonOf(error)}\n`);
    process.exitCode = error instanceof UserError ? error.exitCode : EXIT.failed;
  }
}

await main();
