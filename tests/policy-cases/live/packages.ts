// A dpkg database with the packages of the suites and nothing else.
import { createHash } from 'node:crypto';
import type { CaseSuite } from '../../../core/src/policy-tools/index.ts';
import type { WorldFile } from '../../../core/src/policy-tools/cases/schema-world.ts';
import { LIVE } from './machine.ts';

export type Package = { readonly path: string; readonly name: string; readonly version: string; readonly isModified: boolean | 'unknown' };
/** `contested`: of a file that two packages claim nobody can say whose it is. */
export type Packages = { readonly owned: readonly Package[]; readonly contested: readonly string[] };

/** Of the test's own: once it is known, all are. */
export const WARM: Package = { path: `${LIVE}/warm`, name: 'belay-live-warm', version: '1', isModified: false };

/** Every package of dpkg's that a suite knows, each once: a device has one version of it. */
export function packagesOf(suites: readonly CaseSuite[]): Packages {
  const found = new Map<string, Package>();
  const versions = new Map<string, string>();
  for (const [path, file] of suites.flatMap(({ world }) => Object.entries(world.files ?? {}))) {
    const owner = file === 'absent' ? undefined : file.package;
    if (owner === undefined || owner === 'none' || found.has(path)) continue;
    const { name = 'plain', version = '1.0', manager = 'deb', unmodified = true } = typeof owner === 'string' ? { name: owner } : owner;
    if (manager !== 'deb' || (versions.get(name) ?? version) !== version) continue;
    versions.set(name, version);
    found.set(path, { path, name, version, isModified: unmodified === 'unknown' ? unmodified : !unmodified });
  }
  return { owned: [WARM, ...found.values()], contested: contestedIn(suites).filter((path) => !found.has(path)) };
}

/** Of what is owned by an unknown package in a suite that knows packages. */
function contestedIn(suites: readonly CaseSuite[]): readonly string[] {
  const knowing = suites.filter(({ world }) => Object.values(world.files ?? {}).some((file) => file !== 'absent' && file.package !== undefined));
  return [...new Set(knowing.flatMap(({ world, cases }) => cases.map(({ run }) => run[0] as string).filter((path) => {
    const file = world.files?.[path];
    return !path.includes('\\x') && world.links?.[path] === undefined && (file === undefined || (file !== 'absent' && file.package === undefined));
  })))];
}

/** What is so of a path's file: undefined: it is contested. */
export function ownerIn({ owned, contested }: Packages, path: string): WorldFile['package'] {
  if (contested.includes(path)) return undefined;
  const found = owned.find((each) => each.path === path);
  if (found === undefined) return 'none';
  const { name, version, isModified } = found;
  return { name, version, unmodified: isModified === 'unknown' ? isModified : !isModified };
}

const PATCHED_DAYS = 30;
const CONTESTED = ['belay-live-one', 'belay-live-other'] as const;

/** A shell script. The database was last changed a month ago, and no repository offers any of it. */
export function packageScript({ owned, contested }: Packages, programMd5: string): string {
  const all = [...owned, ...CONTESTED.flatMap((name) => contested.map((path): Package => ({ path, name, version: '1', isModified: name === CONTESTED[0] })))];
  const names = [...new Set(all.map(({ name }) => name))];
  const of = (name: string): readonly Package[] => all.filter((each) => each.name === name);
  const stanza = (name: string): string => `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${of(name)[0]?.version}\n`;
  const sum = ({ path, isModified }: Package): string => `${isModified === true ? createHash('md5').update(path).digest('hex') : programMd5}  ${path.slice(1)}`;
  const put = (file: string, text: string): string => `cat >/var/lib/dpkg/${file} <<'END-OF-LIVE'\n${text}END-OF-LIVE`;
  return [
    'rm -rf /var/lib/dpkg /var/lib/apt/lists /var/lib/rpm /usr/lib/sysimage/rpm; mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates /var/lib/apt/lists',
    put('status', names.map(stanza).join('\n')),
    ...names.flatMap((name) => [
      put(`info/${name}.list`, `/.\n${of(name).map(({ path }) => `${path}\n`).join('')}`),
      put(`info/${name}.md5sums`, of(name).filter(({ isModified }) => isModified !== 'unknown').map((each) => `${sum(each)}\n`).join('')),
    ]),
    `touch -d '-${PATCHED_DAYS} days -1 hour' /var/lib/dpkg/info/*`,
  ].join('\n');
}
