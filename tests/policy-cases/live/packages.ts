// A dpkg database with the packages of the suites and nothing else, and a signed repository that offers some of them.
import { createHash } from 'node:crypto';
import type { CaseSuite } from '../../../core/src/policy-tools/index.ts';
import type { WorldFile } from '../../../core/src/policy-tools/cases/schema-world.ts';
import { LIVE } from './machine.ts';

export type Package = { readonly path: string; readonly name: string; readonly version: string; readonly isModified: boolean | 'unknown'; /** By the repository. */ readonly isOffered: boolean };
/** `contested`: of a file that two packages claim nobody can say whose it is. */
export type Packages = { readonly owned: readonly Package[]; readonly contested: readonly string[] };

/** Of the test's own: once it is known, all are. */
export const WARM: Package = { path: `${LIVE}/warm`, name: 'belay-live-warm', version: '1', isModified: false, isOffered: false };

export const REPOSITORY = 'Debian/stable';

/** Every package of dpkg's that a suite knows, each once: a device has one version of it. */
export function packagesOf(suites: readonly CaseSuite[]): Packages {
  const found = new Map<string, Package>();
  const known = new Map<string, { readonly version: string; readonly isOffered: boolean }>();
  for (const [path, file] of suites.flatMap(({ world }) => Object.entries(world.files ?? {}))) {
    const owner = file === 'absent' ? undefined : file.package;
    if (owner === undefined || owner === 'none' || found.has(path)) continue;
    const { name = 'plain', version = '1.0', manager = 'deb', unmodified = true, repositories = [] } = typeof owner === 'string' ? { name: owner } : owner;
    const { isOffered, ...first } = known.get(name) ?? { version, isOffered: repositories.includes(REPOSITORY) };
    if (manager !== 'deb' || first.version !== version) continue;
    known.set(name, { version, isOffered });
    found.set(path, { path, name, version, isModified: unmodified === 'unknown' ? unmodified : !unmodified, isOffered });
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

/** What is so of a path's file: undefined: it is contested. `fingerprint`: of the repository's key. */
export function ownerIn({ owned, contested }: Packages, path: string, fingerprint: string): WorldFile['package'] {
  if (contested.includes(path)) return undefined;
  const found = owned.find((each) => each.path === path);
  if (found === undefined) return 'none';
  const { name, version, isModified, isOffered } = found;
  return { name, version, unmodified: isModified === 'unknown' ? isModified : !isModified, ...(isOffered ? { repositories: [REPOSITORY], signedBy: [fingerprint] } : {}) };
}

const PATCHED_DAYS = 30;
const CONTESTED = ['belay-live-one', 'belay-live-other'] as const;

/** A shell script. The database was last changed a month ago. `keyHome`: of the repository's key, for gpg. */
export function packageScript({ owned, contested }: Packages, programMd5: string, keyHome: string): string {
  const all = [...owned, ...CONTESTED.flatMap((name) => contested.map((path): Package => ({ path, name, version: '1', isModified: name === CONTESTED[0], isOffered: false })))];
  const names = [...new Set(all.map(({ name }) => name))];
  const of = (name: string): readonly Package[] => all.filter((each) => each.name === name);
  const stanza = (name: string): string => `Package: ${name}\nArchitecture: amd64\nVersion: ${of(name)[0]?.version}\n`;
  const sum = ({ path, isModified }: Package): string => `${isModified === true ? createHash('md5').update(path).digest('hex') : programMd5}  ${path.slice(1)}`;
  const put = (file: string, text: string): string => `cat >/var/lib/dpkg/${file} <<'END-OF-LIVE'\n${text}END-OF-LIVE`;
  return [
    'rm -rf /var/lib/dpkg /var/lib/apt/lists /var/lib/rpm /usr/lib/sysimage/rpm; mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates /var/lib/apt/lists',
    put('status', names.map((name) => `${stanza(name)}Status: install ok installed\n`).join('\n')),
    offered(names.filter((name) => of(name)[0]?.isOffered === true).map(stanza), keyHome),
    ...names.flatMap((name) => [
      put(`info/${name}.list`, `/.\n${of(name).map(({ path }) => `${path}\n`).join('')}`),
      put(`info/${name}.md5sums`, of(name).filter(({ isModified }) => isModified !== 'unknown').map((each) => `${sum(each)}\n`).join('')),
    ]),
    `touch -d '-${PATCHED_DAYS} days -1 hour' /var/lib/dpkg/info/*`,
  ].join('\n');
}

/** The lists of the repository as apt leaves them. */
function offered(stanzas: readonly string[], keyHome: string): string {
  const [list, release] = ['Packages', 'InRelease'].map((name) => `/var/lib/apt/lists/repository.test_dists_stable_${name === 'Packages' ? 'main_binary-amd64_' : ''}${name}`);
  const [origin, suite] = REPOSITORY.split('/');
  return `cat >${list} <<'END-OF-LIVE'\n${stanzas.map((stanza) => `${stanza}Filename: pool/a.deb\n`).join('\n')}END-OF-LIVE
    { printf 'Origin: ${origin}\\nSuite: ${suite}\\nDate: %s\\nSHA256:\\n' "$(date -Ru)"; echo " $(sha256sum ${list} | cut -d' ' -f1) $(stat -c %s ${list}) main/binary-amd64/Packages"; } >/root/Release
    gpg --homedir ${keyHome} --batch --quiet --clearsign --output ${release} /root/Release; chmod 0644 ${list} ${release}`;
}
