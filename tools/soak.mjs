// `npm run soak`: the same suite with BELAY_SOAK=1, where tests take their full-length settings (10 000 swaps, hours of
// reconnects) instead of the short ones of a normal run. Arguments go to the suite.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { nodeBinary, projectRoot, toolEnvironment } from './node26.mjs';

const result = spawnSync(nodeBinary(), [join(projectRoot, 'tools', 'test.mjs'), ...process.argv.slice(2)], {
  cwd: projectRoot,
  stdio: 'inherit',
  env: toolEnvironment({ BELAY_SOAK: '1' }),
});
process.exitCode = result.status ?? 1;
