// `belayctl`: what an administrator says to the server.
import type { Command } from 'commander';
import { EXIT_CODES } from './exit-codes.ts';
import { createProgram } from './program.ts';

/** Commander ends with 1 for wrong usage; ours has a number of its own. */
function endLikeOurs(command: Command): void {
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT_CODES.done[0] : EXIT_CODES.usage[0]));
  for (const each of command.commands) endLikeOurs(each);
}

// The reader of a pipe may leave when it has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT_CODES.done[0]);
});
process.on('SIGINT', () => process.exit(130));

const program = createProgram();
endLikeOurs(program);
await program.parseAsync();
