// `npm run demo [-- --once]`: a server and an enrolled machine in namespaces of their own, a standard user who elevates, and the
// proof. With --once it does not wait for a person; it ends with 0 only if each step gave the expected result.
// Needs Debian (or a descendant) and root; leaves the machine as it found it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureDebian } from './debian.mjs';
import { buildNative } from './native.mjs';
import { nodeBinary, projectRoot, toolEnvironment } from './node26.mjs';

function fail(message) {
  process.stderr.write(`belay: ${message}\n`);
  process.exit(1);
}

if (process.platform !== 'linux') fail('the demo needs Linux: it runs a machine of its own in namespaces');
if (process.getuid() !== 0) {
  fail('the demo needs root, for namespaces and for users that can elevate: run it in a root shell (su -, or docker run --privileged). Your machine stays as it is.');
}
const known = ['--once'];
const unknown = process.argv.slice(2).find((argument) => !known.includes(argument));
if (unknown !== undefined) fail(`unknown argument ${unknown}; known: ${known.join(' ')}`);

process.stderr.write('belay: preparing (Debian packages into a cache, the C programs, the bundles)\n');
let tree;
try {
  tree = ensureDebian();
  if (buildNative() !== 0) fail('the C programs do not build; see above');
} catch (error) {
  fail(error.message);
}
const { build } = await import('./build.mjs');
const { failed, missing } = await build();
if (failed.length + missing.length > 0) fail(`no bundle of ${[...failed, ...missing].join(', ')}`);

const result = spawnSync(nodeBinary(), ['--disable-warning=ExperimentalWarning', join(projectRoot, 'tests', 'support', 'world', 'demo.ts'), ...process.argv.slice(2)], {
  cwd: projectRoot,
  stdio: 'inherit',
  env: toolEnvironment({ BELAY_DEBIAN_ROOT: tree, BELAY_DIST: '1' }),
});
process.exitCode = result.status ?? 1;
