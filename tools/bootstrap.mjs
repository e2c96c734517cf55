// Brings node_modules up to date with package-lock.json. Plain JavaScript without dependencies: it runs on whatever
// Node the machine has (20 or later), before Node 26 exists in node_modules/.bin. Everything it says goes to stderr,
// because the last line of `npm test` on stdout belongs to the result.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.belay-bootstrap');
const lockFolder = join(root, '.belay-bootstrap.lock');
const installTimeoutMs = 10 * 60_000;

function wantedStamp() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}\n`;
}

function isCurrent() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wantedStamp();
}

/** The npm that is running us, or the one on the PATH. */
function npmCommand() {
  const npmCli = process.env.npm_execpath;
  if (npmCli && existsSync(npmCli)) return { file: process.execPath, before: [npmCli], shell: false };
  return { file: process.platform === 'win32' ? 'npm.cmd' : 'npm', before: [], shell: process.platform === 'win32' };
}

function install() {
  const { file, before, shell } = npmCommand();
  // `ci` takes the lock file as it is, so an old Node does not lead to older releases; install scripts are not needed,
  // every native package carries its binaries.
  const args = [...before, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  process.stderr.write('belay: installing the locked packages (once per lock file)\n');
  const result = spawnSync(file, args, { cwd: root, stdio: ['ignore', 2, 2], shell });
  if (result.status !== 0) {
    process.stderr.write(`belay: npm ci failed (${result.error?.message ?? `exit code ${result.status}`})\n`);
    return 1;
  }
  writeFileSync(stampFile, wantedStamp());
  return 0;
}

// Two scripts started together must not both empty node_modules.
process.exitCode = isCurrent() ? 0 : withLock(lockFolder, installTimeoutMs, () => (isCurrent() ? 0 : install()));
