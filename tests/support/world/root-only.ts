import type { describe as jestDescribe } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { debianTree } from './channel.ts';

/** Why no world can be made here, or undefined when one can. */
export function obstacle(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root';
  const namespaces = spawnSync('unshare', ['-m', '-u', '-i', '-n', '-p', '--fork', '--mount-proc', '--propagation', 'private', 'true'], { encoding: 'utf8' });
  if (namespaces.status !== 0) return `needs leave to make namespaces: ${(namespaces.stderr || namespaces.error?.message || '').trim()}`;
  try {
    debianTree();
    return undefined;
  } catch (error) {
    return `needs Debian's sudo: ${(error as Error).message.split('\n')[0]}`;
  }
}

let found: { readonly reason: string | undefined } | undefined;

/** `describe` for tests that need a world. Where none can be made they are counted as skipped, with the reason in the name. */
export function describeRoot(name: string, tests: () => void): void {
  // Not imported: benches and the demo load this file without jest.
  const { describe } = globalThis as unknown as { readonly describe: typeof jestDescribe };
  found ??= { reason: obstacle() };
  if (found.reason === undefined) describe(name, tests);
  else describe.skip(`${name} (skipped: ${found.reason})`, tests);
}
