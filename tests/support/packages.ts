// Packages and signed repositories of a test's own, in a world: made with dpkg-deb and gpg, installed with dpkg, and fetched as apt
// would leave them.
import type { Place } from './world/place.ts';

export type SigningKey = {
  /** As a rule names it. */
  readonly fingerprint: string;
  readonly home: string;
};

export async function makeKey(place: Place, name: string): Promise<SigningKey> {
  const home = `/root/keys-${name}`;
  const fingerprint = await place.shell(`
    mkdir -m 0700 ${home}
    gpg --homedir ${home} --batch --quiet --pinentry-mode loopback --passphrase '' --quick-gen-key '${name}' rsa2048 sign never 2>/dev/null
    gpg --homedir ${home} --list-keys --with-colons | awk -F: '/^fpr/ { print $10; exit }'`);
  return { fingerprint: fingerprint.trim(), home };
}

/** The machine's apt believes it from now on. */
export async function trustKey(place: Place, name: string, { home }: SigningKey): Promise<void> {
  await place.shell(`gpg --homedir ${home} --export >/etc/apt/trusted.gpg.d/${name}.gpg; chmod 0644 /etc/apt/trusted.gpg.d/${name}.gpg`);
}

export type Deb = { readonly file: string; readonly name: string; readonly version: string };

/** A package with one program, a shell script that prints `says`, at `path`. */
export async function buildDeb(place: Place, { name, version, path, says }: { readonly name: string; readonly version: string; readonly path: string; readonly says: string }): Promise<Deb> {
  const tree = `/root/debs/${name}-${version}-${says}`;
  await place.writeFile(`${tree}/DEBIAN/control`, `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: prints ${says}\n`);
  await place.writeFile(`${tree}${path}`, `#!/bin/sh\necho ${says}\n`, '0755');
  await place.shell(`cd ${tree}; find . -type f ! -path './DEBIAN/*' -printf '%P\\0' | xargs -0 md5sum >DEBIAN/md5sums; dpkg-deb --root-owner-group --build . ${tree}.deb >/dev/null`);
  return { file: `${tree}.deb`, name, version };
}

export async function installDeb(place: Place, { file }: Deb): Promise<void> {
  await place.shell(`dpkg --force-all -i ${file} >/dev/null 2>&1`);
}

export type RepositoryOptions = { readonly host: string; readonly origin: string; readonly debs: readonly Deb[]; readonly key: SigningKey };

/** The lists of a repository as `apt-get update` leaves them. */
export async function fetchRepository(place: Place, { host, origin, debs, key }: RepositoryOptions): Promise<{ readonly list: string; readonly release: string }> {
  const prefix = `/var/lib/apt/lists/${host}_dists_stable_`;
  const [list, release] = [`${prefix}main_binary-all_Packages`, `${prefix}InRelease`];
  await place.shell(`
    mkdir -p /var/lib/apt/lists; work=$(mktemp -d); cd $work
    for deb in ${debs.map(({ file }) => file).join(' ')}; do
      dpkg-deb -f $deb; echo "Filename: pool/$(basename $deb)"; echo "Size: $(stat -c %s $deb)"; echo "SHA256: $(sha256sum $deb | cut -d' ' -f1)"; echo
    done >Packages
    { printf 'Origin: ${origin}\\nSuite: stable\\nCodename: stable\\nDate: %s\\nSHA256:\\n' "$(date -Ru)"; echo " $(sha256sum Packages | cut -d' ' -f1) $(stat -c %s Packages) main/binary-all/Packages"; } >Release
    gpg --homedir ${key.home} --batch --quiet --clearsign --output InRelease Release
    install -m 0644 Packages ${list}; install -m 0644 InRelease ${release}`);
  return { list, release };
}
