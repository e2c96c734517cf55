// `npm run build`: one bundle per program in dist/, and the console in dist/console. A bundle starts in half the time and memory of the `.ts` sources.
// Entry points which nobody has written yet are named and skipped; a bundle that fails to build fails the command.
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { agentFlags } from './agent-flags.mjs';
import { ensureConsole } from './console.mjs';
import { nodeBinary, projectRoot } from './node26.mjs';

/** `cachedFlags`: starts from a code cache, with these flags of Node. */
export const bundles = [
  { entry: 'agent/src/belayd/main.ts', output: 'dist/belayd.mjs', cachedFlags: agentFlags },
  { entry: 'agent/src/uplink/main.ts', output: 'dist/belay-uplink.mjs' },
  { entry: 'agent/cli/main.ts', output: 'dist/belay.mjs' },
  { entry: 'policy-server/src/main.ts', output: 'dist/belay-server.mjs' },
  { entry: 'policy-server/cli/main.ts', output: 'dist/belayctl.mjs' },
  { entry: 'policy-server/cli/verify-main.ts', output: 'dist/belay-verify.mjs' },
];

// CommonJS packages inside an ES module still call require() and read __dirname.
const banner = [
  "import { createRequire as belayCreateRequire } from 'node:module';",
  'const require = belayCreateRequire(import.meta.url);',
  'const __filename = import.meta.filename;',
  'const __dirname = import.meta.dirname;',
].join('\n');

/** Packages with a native binary beside their code, and pg's optional native driver, which we never use. */
const external = ['koffi', 'better-sqlite3', 'pg-native'];

const asModule = (output) => ({ outfile: output, format: 'esm', banner: { js: banner } });

/** One function, as a code cache is kept for a script and not for a module. All ASCII, as esbuild writes it. */
const asScript = (output) => ({
  outfile: output.replace(/\.mjs$/, '.cjs'),
  format: 'cjs',
  banner: { js: '(function (require, __filename, __dirname) { const module = { exports: {} };' },
  footer: { js: '})' },
});

async function buildOne({ entry, output, cachedFlags }) {
  await esbuild.build({
    absWorkingDir: projectRoot,
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    target: 'node26',
    ...(cachedFlags === undefined ? asModule(output) : asScript(output)),
    external,
    // Without comments it is a third smaller and all ASCII, which V8 reads quicker and keeps in half the memory; names and short lines stay for stack traces.
    minifyWhitespace: true,
    lineLimit: 160,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
  });
  if (cachedFlags !== undefined) await cacheCode(output, cachedFlags);
}

/** Elsewhere than on Linux the agent's programs do not run yet: there they have no cache, and would start without. */
async function cacheCode(output, flags) {
  copyFileSync(join(projectRoot, 'tools', 'cached-entry.mjs'), join(projectRoot, output));
  if (process.platform !== 'linux') return;
  const code = join(projectRoot, output.replace(/\.mjs$/, '.cjs'));
  await promisify(execFile)(nodeBinary(), [...flags, join(projectRoot, 'tools', 'code-cache.mjs'), code, '--version']);
}

const consoleEntry = 'policy-server/console';

function hasConsole() {
  try {
    ensureConsole();
    return true;
  } catch (error) {
    process.stderr.write(`belay: ${error.message}\n`);
    return false;
  }
}

/** Builds what exists; answers `{ built, missing, failed }`, each a list of entry points. */
export async function build() {
  const present = bundles.filter(({ entry }) => existsSync(join(projectRoot, entry)));
  const missing = bundles.filter((bundle) => !present.includes(bundle)).map(({ entry }) => entry);
  const settled = await Promise.allSettled(present.map(buildOne));
  const failed = present.filter((_, index) => settled[index].status === 'rejected').map(({ entry }) => entry);
  if (!hasConsole()) failed.push(consoleEntry);
  return { built: present.map(({ entry }) => entry).filter((entry) => !failed.includes(entry)), missing, failed };
}

async function main() {
  const result = await build();
  for (const { entry, output } of [...bundles, { entry: consoleEntry, output: 'dist/console' }]) {
    const state = result.failed.includes(entry) ? 'FAILED' : result.missing.includes(entry) ? 'not written yet' : 'built';
    process.stdout.write(`${state.padEnd(16)} ${output.padEnd(24)} ${entry}\n`);
  }
  process.exitCode = result.failed.length > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
