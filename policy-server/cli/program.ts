import { Command } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { addAccounts } from './commands/account.ts';
import { addDevices } from './commands/device.ts';
import { addEvents } from './commands/event.ts';
import { addGrants } from './commands/grant.ts';
import { addLogin } from './commands/login.ts';
import { addPersons } from './commands/person.ts';
import { addPolicies } from './commands/policy.ts';
import { addRequests } from './commands/request.ts';
import { addEnrollTokens, addTokens } from './commands/token.ts';
import { addWebhooks } from './commands/webhook.ts';
import { addCompletion } from './completion.ts';
import { exitCodesHelp } from './exit-codes.ts';

/** Every command of `belayctl`. Run by main.ts; read by the reference's generator. */
export function createProgram(): Command {
  const program = new Command('belayctl')
    .description('Runs a fleet: policy, devices, people, tokens and evidence, over the server\'s API.')
    .version(manifest.version, '-V, --version')
    .helpCommand(false)
    // Else `policy show NAME --version 3` would tell the program's own.
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for what is possible)')
    .addHelpText('after', `
First steps:
  belayctl login --server https://belay.example.org:7445 --user admin --ca ca.pem
  belayctl enroll-token create                     then, on a device, as root: belay enroll -
  belayctl policy apply -f policies/ --dry-run     what would change?
  belayctl policy apply -f policies/               in force on every connected device within a second
  belayctl event tail                              who runs what, as it happens
  belayctl request list --state pending            who waits for a yes

Every command has --help with examples, and --json for scripts.
For programs: BELAY_SERVER and BELAY_TOKEN (belayctl token create), BELAY_CA (a file).

${exitCodesHelp()}`);
  addLogin(program);
  addPolicies(program);
  addDevices(program);
  addEvents(program);
  addRequests(program);
  addGrants(program);
  addEnrollTokens(program);
  addTokens(program);
  addWebhooks(program);
  addPersons(program);
  addAccounts(program);
  addCompletion(program);
  return program;
}
