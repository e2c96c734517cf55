import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../tools/node26.mjs';
import type { World } from '../../tests/support/world.ts';

const WARNINGS = ['-O2', '-Wall', '-Wextra', '-Werror'];

/** Builds bench/support/NAME.c and puts it into the world as /opt/NAME. `worldRepo` is handed in: who imports a world's module chooses bundles or sources by it. */
export async function installTool(world: World, worldRepo: string, name: string): Promise<void> {
  const scratch = mkdtempSync(join(projectRoot, 'dist', 'bench-'));
  try {
    const output = join(scratch, name);
    const built = spawnSync('cc', [...WARNINGS, '-o', output, join(projectRoot, 'bench', 'support', `${name}.c`)], { encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`cc failed: ${built.stderr}`);
    await world.shell(`install -m 0755 ${output.replace(projectRoot, worldRepo)} /opt/${name}`);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
