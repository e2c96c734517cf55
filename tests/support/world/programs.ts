import { worldNode, worldRepo } from './place.ts';

const sources = {
  belayd: 'agent/src/belayd/main.ts',
  'belay-uplink': 'agent/src/uplink/main.ts',
  belay: 'agent/cli/main.ts',
  'belay-server': 'policy-server/src/main.ts',
  belayctl: 'policy-server/cli/main.ts',
  'belay-verify': 'policy-server/cli/verify-main.ts',
} as const;
export type Program = keyof typeof sources;

/** BELAY_DIST=1 runs the bundles (`npm run build`), which start in half the time; else the sources as they are. */
export const runsBundles = process.env.BELAY_DIST === '1';

// SECURITY(T-35): as the unit files start them. A small nursery and one helper thread halve what an agent keeps (ADR 0001).
const agentFlags = ['--disable-sigusr1', '--max-semi-space-size=2', '--v8-pool-size=1'];
const flags: Readonly<Partial<Record<Program, readonly string[]>>> = { belayd: agentFlags, 'belay-uplink': agentFlags };

/** The command line that runs one of our programs in a world. */
export function commandOf(program: Program, args: readonly string[] = []): readonly string[] {
  const file = runsBundles ? `dist/${program}.mjs` : sources[program];
  return [worldNode, '--disable-warning=ExperimentalWarning', ...(flags[program] ?? []), `${worldRepo}/${file}`, ...args];
}
