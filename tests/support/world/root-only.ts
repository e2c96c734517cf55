import type { describe as jestDescribe } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { debianTree } from './channel.ts';

/** CAP_SYS_ADMIN: a bit of the effective capabilities in proc_pid_status(5). */
const SYS_ADMIN = 1n << 21n;

/**
 * Why no world can be made here, or undefined when one can. Read from the kernel: trying it with a child that is waited for has kept
 * Node waiting for ever, about once in a hundred times.
 */
export function obstacle(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root';
  if (!mayMakeNamespaces()) return 'needs leave to make namespaces (CAP_SYS_ADMIN, outside of a user namespace)';
  try {
    debianTree();
    return undefined;
  } catch (error) {
    return `needs Debian's sudo: ${(error as Error).message.split('\n')[0]}`;
  }
}

function mayMakeNamespaces(): boolean {
  const [, capabilities = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  const isFirstUserNamespace = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'latin1'));
  return isFirstUserNamespace && (BigInt(`0x${capabilities}`) & SYS_ADMIN) !== 0n;
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
