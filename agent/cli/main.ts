// `belay`: what a person says to the agent on this machine.
import { Argument, Command } from 'commander';
import { agentVersion } from '../src/uplink/version.ts';
import { Unreachable } from './client.ts';
import { completionFor, type Shell, shells } from './completion.ts';
import { enroll, unenroll } from './enroll.ts';
import { type ExitCode, exitCodes, exitCodesHelp } from './exit-codes.ts';
import { status } from './status.ts';

const defaultSocket = '/run/belay/belayd.sock';

/** Runs an act and ends the program with its code; a belayd that is not there is explained once, here. */
function ending<A extends readonly unknown[]>(act: (...args: A) => Promise<ExitCode>): (...args: A) => Promise<void> {
  return async (...args) => {
    try {
      process.exitCode = await act(...args);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      process.stderr.write(`belay: belayd does not answer (${error.message}).\nIs it running? \`systemctl status belayd\` says; \`journalctl -u belayd\` says why not.\n`);
      process.exitCode = exitCodes.unreachable;
    }
  };
}

function build(): Command {
  const program = new Command('belay')
    .description('Elevates one privileged act at a time, when policy allows it. Type `sudo COMMAND` as ever; this command shows and sets up the agent behind it.')
    .version(agentVersion, '-V, --version')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : exitCodes.usage))
    .addHelpText('after', `
First steps:
  belay enroll -        as root: join a fleet; paste the token that \`belayctl enroll-token create\` printed
  belay status          is this device connected, and which policy is in force?
  sudo -l               what may I run?

${exitCodesHelp}`);
  const socketOption = ['--socket <file>', "belayd's socket", defaultSocket] as const;
  program.command('enroll').summary('join a fleet (root)')
    .description('Joins the fleet of the server that made TOKEN. The token names the server and pins its root key, so that nobody in between can pose as it.')
    .argument('[TOKEN]', 'the enrolment token; "-" or nothing reads it from stdin, which keeps it out of `ps` and of the history')
    .option('--token-file <file>', 'read the token from a file')
    .option('--replace', 'leave the present fleet for the new one; look first that `belay status` says every event is receipted', false)
    .option(...socketOption)
    .addHelpText('after', '\nExamples:\n  belay enroll - < token.txt\n  belay enroll --replace belay1.…')
    .action(ending(async (token: string | undefined, options: { socket: string; replace: boolean; tokenFile?: string }) => await enroll(token, options)));
  program.command('unenroll').summary('leave the fleet (root)')
    .description('Leaves the fleet: policy and keys are erased. The server learns of it by silence; an administrator removes the device with `belayctl device decommission`.')
    .option(...socketOption)
    .action(ending(async (options: { socket: string }) => await unenroll(options)));
  program.command('status').summary('enrolment, connection, policy, problems')
    .description('Shows whether this device is enrolled and connected, the policy in force and its age, and what is wrong.')
    .option('--json', 'one JSON object, for scripts', false)
    .option(...socketOption)
    .action(ending(async (options: { socket: string; json: boolean }) => await status(options)));
  program.command('version').summary('the version').description('Prints the version.').action(() => { process.stdout.write(`${agentVersion}\n`); });
  program.command('completion').summary('completion script for a shell')
    .description('Prints a completion script: `belay completion bash > /etc/bash_completion.d/belay`.')
    .addArgument(new Argument('<shell>').choices(shells))
    .action((shell: Shell) => { process.stdout.write(completionFor(shell, program)); });
  return program;
}

await build().parseAsync();
