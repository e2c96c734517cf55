// `npm run bench -- NAME [args]`: runs bench/NAME.bench.ts on Node 26 with the collector exposed; without a name, lists them.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { buildNative, hasNativeSources } from './native.mjs';
import { nodeBinary, projectRoot, toolEnvironment } from './node26.mjs';

const folder = join(projectRoot, 'bench');
const suffix = '.bench.ts';
const names = existsSync(folder)
  ? readdirSync(folder).filter((file) => file.endsWith(suffix)).map((file) => file.slice(0, -suffix.length)).sort()
  : [];
const [name, ...args] = process.argv.slice(2);

if (name !== undefined && names.includes(name)) {
  // What is measured are the bundles and the plugin of this very tree.
  const { failed } = await build();
  if (failed.length > 0) throw new Error(`no bundle of ${failed.join(', ')}`);
  if (hasNativeSources() && buildNative() !== 0) throw new Error('the sudo plugin does not build');
  const file = join(folder, `${name}${suffix}`);
  const result = spawnSync(nodeBinary(), ['--expose-gc', file, ...args], { cwd: projectRoot, stdio: 'inherit', env: toolEnvironment() });
  process.exitCode = result.status ?? 1;
} else {
  const listing = names.length > 0 ? names.map((each) => `  ${each}\n`).join('') : '  (none yet)\n';
  const complaint = name === undefined ? '' : `no benchmark is called ${name}\n`;
  (name === undefined ? process.stdout : process.stderr).write(`${complaint}npm run bench -- NAME, where NAME is one of\n${listing}`);
  process.exitCode = name === undefined ? 0 : 1;
}
