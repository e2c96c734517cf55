// Builds the console into dist/console when its sources have changed since: Vite, then each file compressed beforehand (br, gzip).
// Plain JavaScript; Vite itself runs on the project's own Node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { withLock } from './lock.mjs';
import { nodeBinary, projectRoot, toolEnvironment } from './node26.mjs';

export const consoleSource = join(projectRoot, 'policy-server', 'console');
export const consoleOutput = join(projectRoot, 'dist', 'console');
const stampFile = join(projectRoot, 'dist', 'console.stamp');
const lockTimeoutMs = 5 * 60_000;
const buildTimeoutMs = 3 * 60_000;
/** Smaller ones are not worth a second header. */
const compressFromBytes = 512;
const compressible = new Set(['.html', '.js', '.css', '.svg', '.webmanifest', '.txt']);

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Everything the result depends on: its own sources, core's, the locked packages, this file. */
function wantedStamp() {
  const hash = createHash('sha256');
  const core = filesIn(join(projectRoot, 'core', 'src')).filter((file) => !file.endsWith('.test.ts'));
  const roles = join(projectRoot, 'policy-server', 'src', 'features', 'accounts', 'permissions.ts');
  for (const file of [...filesIn(consoleSource), ...core, roles, join(projectRoot, 'package-lock.json'), join(projectRoot, 'tools', 'console.mjs')]) {
    if (!existsSync(file)) continue;
    hash.update(`${relative(projectRoot, file)}\0`).update(readFileSync(file)).update('\0');
  }
  return `${hash.digest('hex')}\n`;
}

function isCurrent(stamp) {
  return existsSync(join(consoleOutput, 'index.html')) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
}

function compress(folder) {
  for (const file of filesIn(folder)) {
    if (!compressible.has(extname(file))) continue;
    const content = readFileSync(file);
    if (content.length < compressFromBytes) continue;
    writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
    writeFileSync(`${file}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }));
  }
}

function buildNow(stamp) {
  const partial = `${consoleOutput}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(dirname(partial), { recursive: true });
  const vite = join(projectRoot, 'node_modules', 'vite', 'bin', 'vite.js');
  const args = [vite, 'build', '--outDir', partial, '--emptyOutDir', '--logLevel', 'warn'];
  // Whoever asks may be a test, whose NODE_ENV would choose React's slow half.
  const result = spawnSync(nodeBinary(), args, { cwd: consoleSource, stdio: ['ignore', 2, 2], timeout: buildTimeoutMs, env: toolEnvironment({ NODE_ENV: 'production' }) });
  if (result.status !== 0) throw new Error(`the console does not build (${result.error?.message ?? `exit code ${result.status}`})`);
  compress(partial);
  rmSync(stampFile, { force: true });
  rmSync(consoleOutput, { recursive: true, force: true });
  renameSync(partial, consoleOutput);
  writeFileSync(stampFile, stamp);
}

/** Answers the folder; throws when the console does not build. Nothing is done when nothing has changed. */
export function ensureConsole() {
  const stamp = wantedStamp();
  if (!isCurrent(stamp)) {
    mkdirSync(join(projectRoot, 'dist'), { recursive: true });
    withLock(join(projectRoot, 'dist', '.console.lock'), lockTimeoutMs, () => {
      if (!isCurrent(stamp)) buildNow(stamp);
    });
  }
  return consoleOutput;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    process.stdout.write(`${ensureConsole()}\n`);
  } catch (error) {
    process.stderr.write(`belay: ${error.message}\n`);
    process.exitCode = 1;
  }
}
