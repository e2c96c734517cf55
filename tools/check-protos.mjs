// proto/gen is committed, so that nobody needs buf to build: this regenerates it elsewhere and compares.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { projectRoot, toolEnvironment } from './node26.mjs';

const generated = join('proto', 'gen');

function filesBelow(folder) {
  if (!existsSync(folder)) return new Map();
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return new Map(entries.map((entry) => join(entry.parentPath, entry.name)).map((file) => [relative(folder, file), readFileSync(file, 'utf8')]));
}

function differences(wanted, found) {
  const names = [...new Set([...wanted.keys(), ...found.keys()])].sort();
  return names.flatMap((name) => {
    if (!found.has(name)) return [`${join(generated, name)} is missing`];
    if (!wanted.has(name)) return [`${join(generated, name)} comes from no .proto file`];
    return wanted.get(name) === found.get(name) ? [] : [`${join(generated, name)} is out of date`];
  });
}

const folder = mkdtempSync(join(tmpdir(), 'belay-protos-'));
try {
  const result = spawnSync('buf', ['generate', '-o', folder], { cwd: projectRoot, stdio: 'inherit', env: toolEnvironment() });
  const problems = result.status === 0 ? differences(filesBelow(join(folder, generated)), filesBelow(join(projectRoot, generated))) : ['buf generate failed'];
  for (const problem of problems) process.stdout.write(`${problem} (npm run proto:gen)\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
