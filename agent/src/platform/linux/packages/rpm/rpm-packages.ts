import type { PackageFact } from '@belay/core/policy';
import type { DigestName, Digests } from '../digests.ts';
import { namesOf } from '../merged-folders.ts';
import { readArmor } from '../openpgp/armor.ts';
import { readKeyRing, type SigningKey } from '../openpgp/keys.ts';
import { SIGNATURE_TYPE } from '../openpgp/signature.ts';
import { fingerprintsOf, signersOf } from '../openpgp/signers.ts';
import type { PackageManager } from '../package-manager.ts';
import { RPM_TAG, type RpmHeader } from './header.ts';
import { type FilePlace, openRpmDatabase, rpmFolder, rpmStamp, type RpmDatabase } from './rpm-database.ts';

/** What the database says of one path. */
type Located = Omit<PackageFact, 'unmodified'> & { readonly packed: Packed | undefined };
type Packed = { readonly algorithm: DigestName; readonly digest: string };

/** RFC 9580, section 9.5; a header without the tag has MD5. */
const ALGORITHMS: Readonly<Record<number, DigestName>> = { 1: 'md5', 8: 'sha256', 9: 'sha384', 10: 'sha512' };
const GHOST = 1 << 6;
const STATE_NORMAL = 0;
const MAX_CACHED = 256;

/**
 * What rpm knows of a file, from a SQLite database (rpm 4.16 and later). Berkeley DB and ndb are not read: there it cannot be told. Keys are
 * those in the database itself (`gpg-pubkey`); rpm 6 may keep them in files, which are not read: then nothing counts as signed.
 */
export function createRpmPackages(root: string, digests: Digests, nowMs: () => number): PackageManager {
  const located = new Map<string, Located | 'none' | undefined>();
  let keys: readonly SigningKey[] | undefined;
  let stamp = '';

  function lookUp(folder: string, path: string): Located | 'none' | undefined {
    if (stamp === rpmStamp(folder) && located.has(path)) return located.get(path);
    const database = openRpmDatabase(folder);
    if (database === undefined) return undefined;
    try {
      if (database.stamp !== stamp) keys = undefined;
      if (database.stamp !== stamp || located.size >= MAX_CACHED) located.clear();
      stamp = database.stamp;
      keys ??= readKeys(database);
      const found = locate(database, namesOf(path, root), keys, nowMs() / 1000);
      located.set(path, found);
      return found;
    } finally {
      database.close();
    }
  }

  return {
    isPresent: () => rpmFolder(root) !== 'absent',
    ownerOf(path, fd) {
      try {
        const folder = rpmFolder(root);
        const found = folder === undefined || folder === 'absent' ? undefined : lookUp(folder, path);
        if (found === undefined || found === 'none') return found;
        const { packed, ...fact } = found;
        const actual = packed === undefined ? undefined : digests.of(fd, packed.algorithm);
        return { ...fact, unmodified: actual === undefined ? undefined : actual === packed?.digest };
      } catch {
        // Locked by a transaction, or damaged.
        return undefined;
      }
    },
    // Nothing is read ahead: each path is looked up in the database's own index.
    isStale: () => false,
    refresh: () => Promise.resolve(),
    watched: [],
  };
}

function locate(database: RpmDatabase, names: readonly string[], keys: readonly SigningKey[], nowSeconds: number): Located | 'none' | undefined {
  const owners = names.flatMap((name) => placesOf(database, name)).map((place) => describe(place, keys, nowSeconds));
  const [first, ...others] = owners;
  if (first === undefined) return owners.length === 0 ? 'none' : undefined;
  // Architectures of one version may share a file; any other file with two owners is nobody's for certain.
  const same = others.every((other) => other?.name === first.name && other.version === first.version && other.packed?.digest === first.packed?.digest && String(other.signedBy) === String(first.signedBy));
  return same ? first : undefined;
}

/** The packages that have the file and have it on disk, not replaced by another one's or left out. */
function placesOf(database: RpmDatabase, path: string): readonly FilePlace[] {
  const slash = path.lastIndexOf('/') + 1;
  const [folder, baseName] = [path.slice(0, slash), path.slice(slash)];
  return database.placesOf(folder, baseName).filter(({ header, at }) => {
    const { signed, added } = header;
    const directory = signed.numberAt(RPM_TAG.dirIndexes, at);
    const isIt = signed.textAt(RPM_TAG.baseNames, at) === baseName && directory !== undefined && signed.textAt(RPM_TAG.dirNames, directory) === folder;
    return isIt && added.numberAt(RPM_TAG.fileStates, at) === STATE_NORMAL;
  });
}

function describe({ header, at }: FilePlace, keys: readonly SigningKey[], nowSeconds: number): Located | undefined {
  const { signed } = header;
  const [name, version, release] = [RPM_TAG.name, RPM_TAG.version, RPM_TAG.release].map((tag) => signed.text(tag));
  if (name === undefined || version === undefined || release === undefined) return undefined;
  const epoch = signed.number(RPM_TAG.epoch);
  return {
    manager: 'rpm',
    name,
    version: `${epoch === undefined ? '' : `${epoch}:`}${version}-${release}`,
    repositories: [],
    signedBy: fingerprintsOf(signersOfHeader(header, keys, nowSeconds)),
    packed: packedOf(header, at),
  };
}

function packedOf({ signed }: RpmHeader, at: number): Packed | undefined {
  const algorithm = ALGORITHMS[signed.number(RPM_TAG.fileDigestAlgorithm) ?? 1];
  const digest = signed.textAt(RPM_TAG.fileDigests, at);
  const isGhost = ((signed.numberAt(RPM_TAG.fileFlags, at) ?? GHOST) & GHOST) !== 0;
  return algorithm === undefined || isGhost || digest === undefined || !/^[0-9a-f]{32,128}$/.test(digest) ? undefined : { algorithm, digest };
}

/** SECURITY(T-16): the signature is verified over the very bytes that the names and digests were read from. */
function signersOfHeader({ added, signedBytes }: RpmHeader, keys: readonly SigningKey[], nowSeconds: number): readonly SigningKey[] {
  const inText = Array.from({ length: Math.min(added.countOf(RPM_TAG.openPgp), 8) }, (_, at) => Buffer.from(added.textAt(RPM_TAG.openPgp, at) ?? '', 'base64'));
  const inBytes = [RPM_TAG.rsaHeader, RPM_TAG.dsaHeader].map((tag) => added.bytes(tag)).filter((bytes) => bytes !== undefined);
  return [...inText, ...inBytes].flatMap((signature) => signersOf(signature, keys, ({ type }) => (type === SIGNATURE_TYPE.binary ? signedBytes : undefined), nowSeconds));
}

function readKeys(database: RpmDatabase): readonly SigningKey[] {
  return database.headersNamed('gpg-pubkey').filter(({ signed }) => signed.countOf(RPM_TAG.baseNames) === 0).flatMap(({ signed }) => {
    const armor = readArmor(signed.text(RPM_TAG.description) ?? '', 'PUBLIC KEY BLOCK');
    return armor === undefined ? [] : readKeyRing(armor);
  });
}
