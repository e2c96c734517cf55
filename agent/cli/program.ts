import { Argument, Command } from 'commander';
import { agentVersion } from '../src/uplink/version.ts';
import { Unreachable } from './client.ts';
import { completionFor, type Shell, shells } from './completion.ts';
import { enroll, unenroll } from './enroll.ts';
import { type ExitCode, exitCodes, exitCodesHelp } from './exit-codes.ts';
import { list } from './list.ts';
import { listRecordings, type ListOptions as RecordingOptions, reading, replayRecording, type ReplayOptions, verifyRecording, type VerifyOptions } from './recording.ts';
import { end, type EndOptions, request, type RequestOptions } from './request.ts';
import { status, type StatusOptions } from './status.ts';
import { why } from './why.ts';

const defaultSocket = '/run/belay/belayd.sock';
const socketOption = ['--socket <file>', "belayd's socket", defaultSocket] as const;
const jsonOption = ['--json', 'one JSON object, for scripts', false] as const;

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

/** `belay` as people type it. */
export function createProgram(): Command {
  const program = new Command('belay')
    .description('Elevates one privileged act at a time, when policy allows it. Type `sudo COMMAND` as ever; this command explains the answers, and shows and sets up the agent behind them.')
    .version(agentVersion, '-V, --version')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : exitCodes.usage))
    .addHelpText('after', `
First steps:
  belay enroll -        as root: join a fleet; paste the token that \`belayctl enroll-token create\` printed
  belay status          is this device connected, and which policy is in force?
  belay list            what may I run?
  belay why             my last sudo was refused: by what, and what now?
  belay request -- ...  somebody has to approve it: ask ahead

${exitCodesHelp}`);
  addQuestions(program);
  addApprovals(program);
  addRecordings(program);
  addEnrolment(program);
  program.command('version').summary('the version').description('Prints the version.').action(() => { process.stdout.write(`${agentVersion}\n`); });
  program.command('completion').summary('completion script for a shell')
    .description('Prints a completion script: `belay completion bash > /etc/bash_completion.d/belay`.')
    .addArgument(new Argument('<shell>').choices(shells))
    .action((shell: Shell) => { process.stdout.write(completionFor(shell, program)); });
  return program;
}

function addQuestions(program: Command): void {
  program.command('why').summary('why something was refused or allowed, or what would be')
    .usage('[options] [REQUEST | -- COMMAND [ARGS...]]')
    .description('Explains a request: the answer, the rule that gave it, the policy in force then. REQUEST is the number that sudo shows (`Belay #217: …`); without one it is your last request. After `--` it is a command that you have not run: what would be decided now? Nothing runs, and nobody is asked for anything.')
    .argument('[WORDS...]', 'the number of a request; or, after `--`, a command with its arguments')
    .option('--as <user[:group]>', 'with a COMMAND: run as this user or group, like `sudo -u USER -g GROUP`')
    .option('--user <name>', 'root: about a request, or a command, of this user')
    .option(...jsonOption)
    .option(...socketOption)
    .addHelpText('after', `
You see of your own requests what sudo told you: the answer, the deciding rules by name, their message. Root sees everything: each
condition of the rules that came nearest, what it wants and what there was instead.

Examples:
  belay why                                   my last request
  belay why 217                               that one
  belay why -- apt-get install curl           may I?
  sudo belay why --user alice                 as root: alice's last request, down to the condition that failed
  sudo belay why --user alice -- systemctl restart nginx`)
    .action(ending(async (words: string[], options: { socket: string; json: boolean; as?: string; user?: string }) => await why(words, { ...options, isCommand: process.argv.includes('--') })));
  program.command('list').summary('what you may run')
    .description('Lists what policy lets you run with sudo, on this device and now: what `sudo -l` shows, by rule. Whether a command is really allowed is decided when it runs; `belay why -- COMMAND` asks ahead.')
    .option('-v, --verbose', 'every detail of every rule', false)
    .option('--user <name>', 'root: what this user may run')
    .option(...jsonOption)
    .option(...socketOption)
    .addHelpText('after', '\nExamples:\n  belay list\n  belay list -v\n  belay list --json | jq -r \'.rules[].command\'')
    .action(ending(async (options: { socket: string; json: boolean; verbose: boolean; user?: string }) => await list(options)));
  program.command('status').summary('enrolment, connection, policy, problems; requests and approvals')
    .description('Shows what you have asked approval for and which approvals you hold, with the time and the uses that are left (root: everybody\'s); and whether this device is enrolled and connected, the policy in force, its age and whether anything is refused because of it, and what is wrong with what to do about it. Root also sees how the device stands (disk encryption, firewall, updates), as policy may ask for it.')
    .option('--watch', 'requests and approvals alone, again at each change; with --json one object a line', false)
    .option(...jsonOption)
    .option(...socketOption)
    .action(ending(async (options: StatusOptions) => await status(options)));
}

function addApprovals(program: Command): void {
  program.command('request').summary('ask for approval ahead, or take that back')
    .usage('[options] -- COMMAND [ARGS...]')
    .description('Asks those who may approve COMMAND, before you want to run it: nothing runs now. Once it is approved, `sudo COMMAND` goes through at once, from the same folder and with the same environment, as often and as long as was approved. sudo alone asks in place, and waits.')
    .argument('[WORDS...]', 'after `--`: the command with its arguments, as you will give them to sudo')
    .option('-u, --user <user>', 'run as this user, like `sudo -u`')
    .option('-g, --group <group>', 'run as this group, like `sudo -g`')
    .option('--reason <text>', 'what it is for: whoever approves reads it')
    .option('--for <time>', 'how long you want it for, from the yes on: 30m, 2h; whoever approves may shorten it')
    .option('--uses <count>', 'how often you want to run it (default once)')
    .option('--any-arguments [patterns...]', 'with other arguments as well: patterns as in a policy, one for each argument, `**` for the rest; without any: whatever they are')
    .option('--also-on <devices>', 'for the same command on these other devices too, with the same arguments and as root: their names, separated by commas. Whoever approves may leave some out', addNames)
    .option('--wait', 'stay until it is answered', false)
    .option('--cancel <number>', 'take a request back')
    .option(...jsonOption)
    .option(...socketOption)
    .addHelpText('after', `
Examples:
  belay request --reason "monthly patches" --for 30m -- apt-get upgrade
  belay request --uses 3 --any-arguments restart "*" -- systemctl restart nginx
  belay request --also-on web-02,web-03 --for 30m -- systemctl restart nginx
  belay request --wait -- whoami && sudo whoami
  belay request --cancel 217`)
    .action(ending(async (words: string[], options: RequestOptions) => await request(words, { ...options, isCommand: process.argv.includes('--') })));
  program.command('end').summary('give an approval back')
    .description('Gives an approval back before it is over: nobody can use it any more. What runs under it goes on.')
    .argument('[APPROVAL]', 'its id, as `belay status` shows it, or as many of its first letters as name one')
    .option('--all', 'every one that you hold (root: that anybody holds)', false)
    .option(...jsonOption)
    .option(...socketOption)
    .action(ending(async (grant: string | undefined, options: EndOptions) => await end(grant, options)));
}

function addNames(list: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), ...list.split(',').map((name) => name.trim())];
}

function addRecordings(program: Command): void {
  const recording = program.command('recording').summary('recorded sessions (root)')
    .description('Shows the sessions that rules with `record: session` had recorded on this device. Recordings are root\'s alone and are kept as long as receipted events.');
  const folderOption = ['--folder <folder>', 'where they are', '/var/lib/belay/recordings'] as const;
  const fileArgument = ['<FILE>', 'a file, or the number of a request'] as const;
  recording.command('list').summary('what is recorded')
    .description('Lists the recordings on this device, and whether each is whole.')
    .option(...jsonOption)
    .option(...folderOption)
    .action(ending(async (options: RecordingOptions) => await reading(() => listRecordings(options))));
  recording.command('verify').summary('whether one is untouched')
    .description('Verifies the chain of a recording and names the places where it was changed or cut. What the server has receipted is its hash, in the event `elevation.outcome`: with --hash and --bytes the file is held against that. Exits with 1 when it does not hold.')
    .argument(...fileArgument)
    .option('--hash <hash>', 'recordingHash of the event, hexadecimal or base64')
    .option('--bytes <count>', 'recordingBytes of the event')
    .option(...jsonOption)
    .option(...folderOption)
    .action(ending(async (file: string, options: VerifyOptions) => await reading(() => verifyRecording(file, options))));
  recording.command('replay').summary('what was shown')
    .description('Shows what a session showed, at its own pace in a terminal. Text only: control sequences are left out, since they could do to your terminal what they did to theirs.')
    .argument(...fileArgument)
    .option('--raw', 'with every control sequence: only in a terminal that may be acted on', false)
    .option('--instant', 'without waiting', false)
    .option('--max-wait <seconds>', 'the longest pause', '2')
    .option('--input', 'what was typed too', false)
    .option('--json', 'every frame as a JSON line, for scripts', false)
    .option(...folderOption)
    .addHelpText('after', '\nExamples:\n  sudo belay recording replay 217\n  sudo belay recording replay --instant --input 217 | less')
    .action(ending(async (file: string, options: ReplayOptions) => await reading(() => replayRecording(file, options))));
}

function addEnrolment(program: Command): void {
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
}
