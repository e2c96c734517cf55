import type { ProgramEntry } from './entry.ts';
import { accounts } from './programs/accounts.ts';
import { archivers } from './programs/archivers.ts';
import { build } from './programs/build.ts';
import { containers } from './programs/containers.ts';
import { databases } from './programs/databases.ts';
import { debuggers } from './programs/debuggers.ts';
import { editors } from './programs/editors.ts';
import { files } from './programs/files.ts';
import { interpreters } from './programs/interpreters.ts';
import { kernel } from './programs/kernel.ts';
import { network } from './programs/network.ts';
import { other } from './programs/other.ts';
import { packages } from './programs/packages.ts';
import { pagers } from './programs/pagers.ts';
import { services } from './programs/services.ts';
import { shells } from './programs/shells.ts';
import { text } from './programs/text.ts';
import { versionControl } from './programs/version-control.ts';
import { wrappers } from './programs/wrappers.ts';

const all: readonly ProgramEntry[] = [
  accounts, archivers, build, containers, databases, debuggers, editors, files, interpreters, kernel, network, other, packages, pagers, services, shells, text,
  versionControl, wrappers,
].flat();

const byName: ReadonlyMap<string, ProgramEntry> = new Map(all.flatMap((entry) => entry.names.map((name) => [name, entry] as const)));

/** Every entry, by its first name; names within an entry as they are written. */
export function escapeTable(): readonly ProgramEntry[] {
  return [...all].sort((a, b) => ((a.names[0] as string) < (b.names[0] as string) ? -1 : 1));
}

const versionSuffix = /-?\d+(?:\.\d+)*$/;
const machinePrefix = /^(?:x86_64|i[3-6]86|aarch64|arm[a-z0-9]*|powerpc[a-z0-9]*|riscv64|s390x|mips[a-z0-9]*)-(?:[a-z0-9_]+-){1,2}/;

/**
 * The entry of the program at a path, by its last component: as it is; else without the machine it is built for
 * (`x86_64-linux-gnu-gcc`); else without a version at its end (`python3.11`, `gcc-12`). A name of the table that ends in
 * a digit itself (`bzip2`) is found as it is.
 */
export function programOf(path: string): ProgramEntry | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name.length > 255) return undefined;
  const plain = name.replace(machinePrefix, '');
  return byName.get(name) ?? byName.get(plain) ?? byName.get(plain.replace(versionSuffix, ''));
}
