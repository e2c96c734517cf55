#!/usr/bin/env node
import { Command } from 'commander';
import { exitCodesHelp } from './exit-codes.ts';
import { asVerifyCommand } from './verify.ts';

const program = asVerifyCommand(new Command('belay-verify'))
  .description('Verify an export of events offline. Each edit, deletion and reorder is named with its line, device and event.')
  .option('--json', 'print the whole report as JSON')
  .addHelpText('after', `\n${exitCodesHelp()}`)
  .exitOverride((error) => {
    // Commander's own codes mean other things; wrong usage is 2 here as everywhere.
    process.exit(error.exitCode === 0 ? 0 : 2);
  });

await program.parseAsync();
