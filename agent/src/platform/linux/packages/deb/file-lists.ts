import { setImmediate as nextTurn } from 'node:timers/promises';
import { namesIn, readRootFile, rootFolder, stampOfPaths } from '../root-files.ts';
import { namesOf } from '../merged-folders.ts';
import { type Listing, listingsOf, readDiversions } from './diversions.ts';

/** Who owns which file, by /var/lib/dpkg/info/*.list and the diversions. */
export interface FileLists {
  /**
   * The packages that have the file at this path, as their lists name it. Nothing: none has. Undefined: it cannot be told now.
   */
  ownersOf(path: string): readonly ListedFile[] | undefined;
  isStale(): boolean;
  refresh(signal: AbortSignal): Promise<void>;
}

export type ListedFile = {
  readonly name: string;
  /** Given for packages of which several architectures may be installed. */
  readonly architecture: string | undefined;
  readonly listedAs: string;
  /** The MD5 digest it was packed with, as the package says. */
  readonly packedMd5: string | undefined;
};

type ListDigest = { readonly stamp: string; readonly hashes: Uint32Array };

const MAX_LIST_BYTES = 32 * 1024 * 1024;
const MAX_FILES = 4_000_000;
const MAX_CANDIDATES = 64;
const TURN_MS = 2;
/** What a request may wait for after packages have changed. */
const INLINE_MS = 20;
const LIST = '.list';
const LINE_FEED = 0x0a;
const HASH_START = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

/**
 * In memory there are four bytes a file: a hash of its path, package by package. They say which lists may name a path, and those are read
 * to see whether they do. dpkg replaces a list by a new file, which shows in the folder: then the lists that changed are read first.
 */
export function createFileLists(root: string, database: string): FileLists {
  const lists = new Map<string, ListDigest>();
  const info = `${database}/info`;
  let complete: string | undefined;

  function candidates(paths: readonly string[]): readonly string[] {
    const hashes = paths.map((path) => hashOf(Buffer.from(path, 'latin1')));
    return Array.from(lists).filter(([, list]) => hashes.some((hash) => list.hashes.includes(hash))).map(([name]) => name);
  }

  function* catchUp(): Generator<undefined, undefined> {
    const before = stampOfPaths([info]);
    complete = undefined;
    if (yield* readLists(info, lists)) complete = before;
  }

  function isStale(): boolean {
    return complete === undefined || complete !== stampOfPaths([info]);
  }

  return {
    isStale,
    ownersOf(path) {
      if (isStale()) runFor(catchUp(), INLINE_MS);
      const [folder, infoFolder] = [rootFolder(database), rootFolder(info)];
      if (isStale() || typeof folder !== 'string' || typeof infoFolder !== 'string' || !formatIsKnown(infoFolder)) return undefined;
      const diversions = readDiversions(folder);
      if (diversions === undefined) return undefined;
      const listings = listingsOf(namesOf(path, root), diversions);
      const named = candidates(listings.map((listing) => listing.path));
      return named.length > MAX_CANDIDATES ? undefined : confirmed(infoFolder, named, listings);
    },
    async refresh(signal) {
      if (!isStale()) return;
      const steps = catchUp();
      while (!signal.aborted && !runFor(steps, TURN_MS)) await nextTurn();
    },
  };
}

/** Whether the steps came to their end. */
function runFor(steps: Generator<undefined, undefined>, milliseconds: number): boolean {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) if (steps.next().done === true) return true;
  return false;
}

/** Brings `lists` up to date, a list a step; whether that could be done. */
function* readLists(info: string, lists: Map<string, ListDigest>): Generator<undefined, boolean> {
  const folder = rootFolder(info);
  const names = typeof folder === 'string' ? namesIn(folder)?.filter((name) => name.endsWith(LIST)) : undefined;
  if (typeof folder !== 'string' || names === undefined) return false;
  const present = new Set(names);
  for (const name of lists.keys()) if (!present.has(name)) lists.delete(name);
  let files = 0;
  for (const name of names) {
    const known = lists.get(name);
    const list = known?.stamp === stampOfPaths([`${folder}/${name}`]) ? known : readList(folder, name);
    if (list === undefined) return false;
    lists.set(name, list);
    files += list.hashes.length;
    if (files > MAX_FILES) return false;
    yield undefined;
  }
  return true;
}

function readList(folder: string, name: string): ListDigest | undefined {
  const file = readRootFile(folder, name, MAX_LIST_BYTES);
  return typeof file === 'object' ? { stamp: file.stamp, hashes: hashLines(file.bytes) } : undefined;
}

/** /var/lib/dpkg/info/format: other numbers than 1 lay the folder out in another way. */
function formatIsKnown(folder: string): boolean {
  const format = readRootFile(folder, 'format', 16);
  return format === 'absent' || format?.bytes.toString('latin1').trim() === '1';
}

function confirmed(folder: string, names: readonly string[], listings: readonly Listing[]): readonly ListedFile[] | undefined {
  const owners: ListedFile[] = [];
  for (const name of names) {
    const [packageName = '', architecture] = name.slice(0, -LIST.length).split(':');
    const list = readRootFile(folder, name, MAX_LIST_BYTES);
    if (list === 'absent') continue;
    if (list === undefined) return undefined;
    const listing = listings.find((one) => one.mayBe(packageName) && hasLine(list.bytes, one.path));
    if (listing === undefined) continue;
    owners.push({ name: packageName, architecture, listedAs: listing.path, packedMd5: packedMd5(folder, name.slice(0, -LIST.length), listing.path) });
  }
  return owners;
}

function packedMd5(folder: string, stem: string, listedAs: string): string | undefined {
  const file = readRootFile(folder, `${stem}.md5sums`, MAX_LIST_BYTES);
  if (typeof file !== 'object') return undefined;
  const bytes = file.bytes;
  const line = Buffer.from(`  ${listedAs.slice(1)}\n`, 'latin1');
  for (let at = bytes.indexOf(line); at !== -1; at = bytes.indexOf(line, at + 1)) {
    const digest = bytes.toString('latin1', Math.max(0, at - 32), at);
    if (/^[0-9a-f]{32}$/.test(digest) && (at === 32 || bytes[at - 33] === LINE_FEED)) return digest;
  }
  return undefined;
}

export function hasLine(bytes: Buffer, line: string): boolean {
  const wanted = Buffer.from(`${line}\n`, 'latin1');
  for (let at = bytes.indexOf(wanted); at !== -1; at = bytes.indexOf(wanted, at + 1)) if (at === 0 || bytes[at - 1] === LINE_FEED) return true;
  return false;
}

/** FNV-1a of each line. It only has to be cheap: a path of the same hash costs the reading of one list more. */
export function hashLines(bytes: Uint8Array): Uint32Array {
  let lines = 0;
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === LINE_FEED) lines++;
  const hashes = new Uint32Array(lines);
  let hash = HASH_START;
  for (let at = 0, line = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === LINE_FEED) {
      hashes[line++] = hash;
      hash = HASH_START;
    } else hash = Math.imul(hash ^ byte, HASH_PRIME);
  }
  return hashes;
}

export function hashOf(path: Uint8Array): number {
  return path.reduce((hash, byte) => Math.imul(hash ^ byte, HASH_PRIME), HASH_START) >>> 0;
}
