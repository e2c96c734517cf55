// `npm run build:native [-- TARGET …]`: make in agent/native. On a machine without a compiler, make or the headers it runs
// with Debian's unpacked tree laid over /usr.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureDebian, withTree } from './debian.mjs';
import { projectRoot, toolEnvironment } from './node26.mjs';

const nativeFolder = join(projectRoot, 'agent', 'native');
const headers = ['/usr/include/stdio.h', '/usr/include/sudo_plugin.h', '/usr/include/security/pam_appl.h'];

function isOnPath(program) {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder || '.', program)));
}

export function hasNativeSources() {
  return process.platform === 'linux' && existsSync(join(nativeFolder, 'Makefile'));
}

/** Answers make's exit code; its output goes to stderr. Throws when the tools cannot be had. */
export function buildNative(targets = []) {
  const compiler = isOnPath('cc') ? [] : ['CC=gcc'];
  const make = ['make', '--no-print-directory', '-j2', '-C', nativeFolder, ...compiler, ...targets];
  const isComplete = isOnPath('make') && isOnPath('cc') && headers.every((file) => existsSync(file));
  const [file, ...args] = isComplete ? make : withTree(ensureDebian(), make);
  return spawnSync(file, args, { cwd: projectRoot, stdio: ['ignore', 2, 2], env: toolEnvironment() }).status ?? 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (hasNativeSources()) process.exitCode = buildNative(process.argv.slice(2));
  else process.stderr.write('belay: nothing to build in agent/native on this machine\n');
}
