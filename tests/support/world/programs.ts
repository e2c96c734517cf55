import { type Program, programFile } from '../programs.ts';
import { worldNode, worldRepo } from './place.ts';

// SECURITY(T-35): as the unit files start them. A small nursery and one helper thread halve what an agent keeps (ADR 0001).
const agentFlags = ['--disable-sigusr1', '--max-semi-space-size=2', '--v8-pool-size=1'];
const flags: Readonly<Partial<Record<Program, readonly string[]>>> = { belayd: agentFlags, 'belay-uplink': agentFlags };

/** The command line that runs one of our programs in a world. */
export function commandOf(program: Program, args: readonly string[] = []): readonly string[] {
  return [worldNode, '--disable-warning=ExperimentalWarning', ...(flags[program] ?? []), `${worldRepo}/${programFile(program)}`, ...args];
}
