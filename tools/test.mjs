// `npm test [-- JEST ARGUMENTS]`: prepares what the tests run against (Debian's tree, the C programs, the bundles), runs jest on
// Node 26, and ends stdout with `N passed, N failed, N skipped`. Exit code 1 when something failed or nothing ran.
//
//   BELAY_TEST_ONLY   path patterns, separated by commas or blanks, as if given after `npm test --`
//   BELAY_SOAK=1      full-length settings (`npm run soak`)
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDebian } from './debian.mjs';
import { buildNative, hasNativeSources } from './native.mjs';
import { nodeBinary, projectRoot, toolEnvironment } from './node26.mjs';

/** A jest that has written its results and still runs has a handle left open somewhere. */
const exitGraceMs = 20_000;
const pollMs = 250;

function say(line) {
  process.stderr.write(`belay: ${line}\n`);
}

function debianTree() {
  if (process.platform !== 'linux' || !existsSync('/var/lib/dpkg/status')) return undefined;
  try {
    return ensureDebian();
  } catch (error) {
    say(`no Debian packages, tests that need them are skipped: ${error.message}`);
    return undefined;
  }
}

/** Answers the names of what did not build; each counts as a failed test. */
async function buildAll() {
  const failed = [];
  try {
    if (hasNativeSources() && buildNative() !== 0) failed.push('agent/native');
  } catch (error) {
    say(`the C programs are not built: ${error.message}`);
    failed.push('agent/native');
  }
  // Imported late: esbuild needs Node 18 and node_modules, this file should explain itself without either.
  const { build } = await import('./build.mjs');
  failed.push(...(await build()).failed);
  return failed;
}

function jestArguments(resultFile) {
  const only = (process.env.BELAY_TEST_ONLY ?? '').split(/[\s,]+/).filter(Boolean);
  return [
    '--experimental-vm-modules', '--disable-warning=ExperimentalWarning', join(projectRoot, 'node_modules', 'jest', 'bin', 'jest.js'),
    '--json', `--outputFile=${resultFile}`, ...process.argv.slice(2), ...only,
  ];
}

function runJest(resultFile, environment) {
  return new Promise((resolve) => {
    const child = spawn(nodeBinary(), jestArguments(resultFile), {
      cwd: projectRoot,
      stdio: ['ignore', 2, 2],
      env: toolEnvironment(environment),
    });
    let writtenAt;
    const watch = setInterval(() => {
      if (!existsSync(resultFile)) return;
      writtenAt ??= Date.now();
      if (Date.now() - writtenAt < exitGraceMs) return;
      say('jest did not exit after its last test: a handle was left open (npm test -- --detectOpenHandles)');
      child.kill('SIGKILL');
    }, pollMs);
    const finish = (code) => {
      clearInterval(watch);
      resolve({ code, wasStopped: writtenAt !== undefined && Date.now() - writtenAt >= exitGraceMs });
    };
    child.once('error', (error) => {
      say(error.message);
      finish(1);
    });
    child.once('exit', (code) => finish(code ?? 1));
  });
}

/** A file that does not load has no tests to count: it counts as one failed test. */
function count(resultFile, unbuilt) {
  if (!existsSync(resultFile)) return { passed: 0, failed: Math.max(1, unbuilt), skipped: 0, success: false };
  const results = JSON.parse(readFileSync(resultFile, 'utf8'));
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + results.numRuntimeErrorTestSuites + unbuilt,
    skipped: results.numPendingTests + results.numTodoTests,
    success: results.success,
  };
}

async function main() {
  const tree = debianTree();
  const unbuilt = await buildAll();
  for (const name of unbuilt) say(`${name} does not build`);
  const folder = mkdtempSync(join(tmpdir(), 'belay-test-'));
  const resultFile = join(folder, 'results.json');
  try {
    const jest = await runJest(resultFile, { BELAY_TEST_FOLDER: folder, BELAY_DIST: process.env.BELAY_DIST ?? '1', ...(tree === undefined ? {} : { BELAY_DEBIAN_ROOT: tree }) });
    const { passed, failed, skipped, success } = count(resultFile, unbuilt.length);
    const isGood = failed === 0 && passed > 0 && success && (jest.code === 0 || jest.wasStopped);
    if (passed + failed === 0) say('no test ran');
    process.exitCode = isGood ? 0 : 1;
    process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
