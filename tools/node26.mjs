// Where the project's own Node is. npm scripts find it on the PATH; a tool started by hand with an older Node asks here.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));
const wantedMajor = 26;

/** Absolute path of a Node 26 (or later) binary; throws when there is none. */
export function nodeBinary() {
  if (Number(process.versions.node.split('.')[0]) >= wantedMajor) return process.execPath;
  const names = process.platform === 'win32' ? ['node.exe', 'node.cmd'] : ['node'];
  const found = names.map((name) => join(projectRoot, 'node_modules', '.bin', name)).find((file) => existsSync(file));
  if (!found) throw new Error('Node 26 is missing: run `node tools/bootstrap.mjs`');
  return found;
}

/** The environment for a child: node_modules/.bin comes first, so that `#!/usr/bin/env node` means Node 26. */
export function toolEnvironment(extra = {}) {
  const separator = process.platform === 'win32' ? ';' : ':';
  const bin = join(projectRoot, 'node_modules', '.bin');
  return { ...process.env, PATH: `${bin}${separator}${process.env.PATH ?? ''}`, ...extra };
}
