/** Our programs, as tests start them. */
import { join } from 'node:path';
import { projectRoot } from '../../tools/node26.mjs';

const sources = {
  belayd: 'agent/src/belayd/main.ts',
  'belay-uplink': 'agent/src/uplink/main.ts',
  belay: 'agent/cli/main.ts',
  'belay-server': 'policy-server/src/main.ts',
  belayctl: 'policy-server/cli/main.ts',
  'belay-verify': 'policy-server/cli/verify-main.ts',
} as const;
export type Program = keyof typeof sources;

/** BELAY_DIST=1, as `npm test` sets it, runs the bundles (`npm run build`), which start in a third of the time; else the sources as they are. */
export const runsBundles = process.env['BELAY_DIST'] === '1';

/** From the project's root. */
export function programFile(program: Program): string {
  return runsBundles ? `dist/${program}.mjs` : sources[program];
}

/** What Node is started with. */
export function nodeArguments(program: Program, args: readonly string[] = []): readonly string[] {
  return ['--disable-warning=ExperimentalWarning', join(projectRoot, programFile(program)), ...args];
}
