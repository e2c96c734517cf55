import { type Program, programFile } from '../programs.ts';
import { agentFlags } from '../../../tools/agent-flags.mjs';
import { worldNode, worldRepo } from './place.ts';

const flags: Readonly<Partial<Record<Program, readonly string[]>>> = { belayd: agentFlags, 'belay-uplink': agentFlags };

/** The command line that runs one of our programs in a world. */
export function commandOf(program: Program, args: readonly string[] = []): readonly string[] {
  return [worldNode, '--disable-warning=ExperimentalWarning', ...(flags[program] ?? []), `${worldRepo}/${programFile(program)}`, ...args];
}
