import { closeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { keysIn, keysOf } from '../openpgp/key-rings.ts';
import type { SigningKey } from '../openpgp/keys.ts';
import { fingerprintsOf, isValidAt, openClearSigned, openDetached, type Signed } from '../openpgp/signers.ts';
import { namesIn, openRootFile, readRootFile, rootFolder, stampOfFilesIn, stampOfPaths } from '../root-files.ts';
import { LIST_FORMATS, type ListFormat, readPackageList } from './package-list.ts';
import { readRelease } from './release.ts';
import { IDENTITY_BYTES } from './stanzas.ts';

/** Which signed repositories offer which builds, by the lists that apt has fetched: /var/lib/apt/lists. */
export interface Repositories {
  /** Undefined: not known yet, or no longer. */
  offersOf(identity: Buffer): Offers | undefined;
  isStale(): boolean;
  refresh(signal: AbortSignal): Promise<void>;
  /** Where a change makes another answer likely. */
  readonly watched: readonly string[];
}

export type Offers = { readonly repositories: readonly string[]; readonly signedBy: readonly string[] };

type Repository = Offers & { readonly identities: Buffer };
type Fetched = { readonly folder: string; readonly names: ReadonlySet<string>; readonly keys: readonly SigningKey[]; readonly nowMs: number };

const MAX_RELEASE_BYTES = 32 * 1024 * 1024;
const MAX_REPOSITORIES = 1000;
/** Keys expire. */
const GOOD_FOR_MS = 24 * 60 * 60_000;
/** After a change the old answers hold while the lists are read, so that a command right after `apt-get update` is judged too. */
const OLD_ANSWERS_HOLD_MS = 60_000;

/**
 * SECURITY(T-16): a repository counts only when a key of the machine's key rings signed its Release and the Release vouches for the list as
 * it is. Which key it was is part of the answer: any repository may call itself `Debian`, and any key of the machine may have signed it. So
 * a rule that names a repository should name its key.
 */
export function createRepositories(root: string, nowMs: () => number): Repositories {
  const lists = `${root}/var/lib/apt/lists`;
  const rings = ['/etc/apt/trusted.gpg.d', '/etc/apt/keyrings', '/usr/share/keyrings'].map((folder) => root + folder);
  const ownRing = `${root}/etc/apt/trusted.gpg`;
  let repositories: readonly Repository[] | undefined;
  let stamp = '';
  let filesStamp = '';
  let readAtMs = 0;
  let staleSinceMs: number | undefined;
  let doubted = false;

  const stampNow = () => stampOfPaths([lists, ownRing, ...rings]);
  /** Too many files to be looked at for each request: a file that is replaced shows in its folder, one that is written in place only here. */
  const filesStampNow = () => stampOfFilesIn([lists, ...rings]);

  function isOutdated(): boolean {
    const stale = repositories === undefined || stamp !== stampNow() || nowMs() - readAtMs > GOOD_FOR_MS || nowMs() < readAtMs;
    staleSinceMs = stale ? (staleSinceMs ?? nowMs()) : undefined;
    return stale;
  }

  return {
    watched: [lists, ...rings],
    isStale: () => isOutdated() || doubted,
    offersOf(identity) {
      const tooOld = isOutdated() && Math.abs(nowMs() - (staleSinceMs ?? 0)) > OLD_ANSWERS_HOLD_MS;
      if (repositories === undefined || tooOld) return undefined;
      const offering = repositories.filter((one) => offers(one, identity));
      // Perhaps because a list was being written when it was read.
      doubted ||= offering.length === 0;
      return joined(offering);
    },
    async refresh(signal) {
      doubted = false;
      const [before, filesBefore] = [stampNow(), filesStampNow()];
      if (!isOutdated() && filesBefore === filesStamp) return;
      const read = await readAll({ lists, rings, ownRing, nowMs: nowMs() }, signal).catch(() => undefined);
      if (signal.aborted || read === undefined) return;
      [repositories, stamp, filesStamp, readAtMs] = [read, before, filesBefore, nowMs()];
    },
  };
}

type Places = { readonly lists: string; readonly rings: readonly string[]; readonly ownRing: string; readonly nowMs: number };

async function readAll({ lists, rings, ownRing, nowMs }: Places, signal: AbortSignal): Promise<readonly Repository[]> {
  const folder = rootFolder(lists);
  const names = typeof folder === 'string' ? namesIn(folder) : [];
  if (folder === undefined || names === undefined) throw new Error('apt’s lists cannot be read');
  const keys = names.length === 0 ? [] : await readKeys(rings, ownRing, signal);
  return readRepositories({ folder, names: new Set(names), keys, nowMs }, signal);
}

function offers({ identities }: Repository, identity: Buffer): boolean {
  for (let at = identities.indexOf(identity); at !== -1; at = identities.indexOf(identity, at + 1)) if (at % IDENTITY_BYTES === 0) return true;
  return false;
}

function joined(all: readonly Offers[]): Offers {
  const distinct = (lists: readonly (readonly string[])[]) => [...new Set(lists.flat())].sort();
  return { repositories: distinct(all.map((one) => one.repositories)), signedBy: distinct(all.map((one) => one.signedBy)) };
}

async function readKeys(rings: readonly string[], ownRing: string, signal: AbortSignal): Promise<readonly SigningKey[]> {
  const keys = new Map<string, SigningKey>();
  const add = (some: readonly SigningKey[]) => {
    for (const key of some) keys.set(`${key.primary}/${key.fingerprint}/${key.expiresAt ?? ''}`, key);
  };
  add(keysOf(ownRing));
  for (const ring of rings) {
    for (const some of keysIn(ring)) {
      add(some);
      await nextTurn();
      signal.throwIfAborted();
    }
  }
  return [...keys.values()];
}

async function readRepositories(fetched: Fetched, signal: AbortSignal): Promise<readonly Repository[]> {
  const repositories: Repository[] = [];
  for (const name of fetched.names) {
    if (repositories.length > MAX_REPOSITORIES) break;
    const signed = openRelease(fetched, name);
    if (signed !== undefined) repositories.push(...(await readLists(fetched, name.replace(/(In)?Release$/, ''), signed, signal)));
    signal.throwIfAborted();
    await nextTurn();
  }
  return repositories;
}

/** The Release in that file, if somebody whom the machine knows has signed it and could still sign. */
function openRelease({ folder, names, keys, nowMs }: Fetched, name: string): Signed | undefined {
  if (!/(^|_)(In)?Release$/.test(name)) return undefined;
  const file = readRootFile(folder, name, MAX_RELEASE_BYTES);
  if (typeof file !== 'object') return undefined;
  const text = file.bytes.toString('latin1');
  const seconds = nowMs / 1000;
  const signed = name.endsWith('InRelease') ? openClearSigned(text, keys, seconds) : withSignature(text);
  const signers = signed?.signers.filter((key) => isValidAt(key, seconds)) ?? [];
  return signed === undefined || signers.length === 0 ? undefined : { text: signed.text, signers };

  function withSignature(release: string): Signed | undefined {
    const signature = names.has(`${name}.gpg`) ? readRootFile(folder, `${name}.gpg`, MAX_RELEASE_BYTES) : undefined;
    return typeof signature === 'object' ? openDetached(release, signature.bytes, keys, seconds) : undefined;
  }
}

async function readLists(fetched: Fetched, prefix: string, signed: Signed, signal: AbortSignal): Promise<readonly Repository[]> {
  const release = readRelease(signed.text);
  const signedBy = fingerprintsOf(signed.signers);
  const repositories: Repository[] = [];
  for (const [list, sha256] of release?.lists ?? []) {
    const format = LIST_FORMATS.find((ending) => fetched.names.has(prefix + list + ending));
    const identities = format === undefined ? undefined : await readList(fetched.folder, prefix + list, format, { sha256, signal });
    if (identities !== undefined) repositories.push({ repositories: release?.names ?? [], signedBy, identities });
  }
  return repositories;
}

async function readList(folder: string, name: string, format: ListFormat, { sha256, signal }: { readonly sha256: string; readonly signal: AbortSignal }): Promise<Buffer | undefined> {
  const opened = openRootFile(folder, name + format);
  if (typeof opened !== 'object') return undefined;
  try {
    const list = await readPackageList(opened.fd, format, signal);
    return list.sha256 === sha256 ? list.identities : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(opened.fd);
  }
}
