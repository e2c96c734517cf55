import { closeSync } from 'node:fs';
import Database from 'better-sqlite3';
import { type Maybe, namesIn, openRootFile, rootFolder, stampOfPaths } from '../root-files.ts';
import { readRpmHeader, type RpmHeader } from './header.ts';

/** A place of a file in a package: its index in the header's file arrays. */
export type FilePlace = { readonly header: RpmHeader; readonly at: number };

/** rpm's database where it is SQLite. Methods may throw: SQLite's errors, when it is locked or damaged. */
export interface RpmDatabase {
  readonly stamp: string;
  placesOf(folder: string, baseName: string): readonly FilePlace[];
  headersNamed(name: string): readonly RpmHeader[];
  close(): void;
}

const FOLDERS = ['/usr/lib/sysimage/rpm', '/var/lib/rpm'];
const FILE = 'rpmdb.sqlite';
/** What rpm's other kinds of database are named: Berkeley DB, and its own `ndb`. They are not read. */
const OTHER_KINDS: ReadonlySet<string> = new Set(['Packages', 'Packages.db']);
const MAX_HEADER_BYTES = 64 * 1024 * 1024;
const MAX_PLACES = 16;
const MAX_KEYS = 256;
const BUSY_MS = 20;

/** The folder of rpm's database; undefined where it is of another kind, or not root's alone. */
export function rpmFolder(root: string): Maybe<string> {
  for (const place of FOLDERS) {
    const folder = rootFolder(root + place);
    if (folder === 'absent') continue;
    const names = folder === undefined ? undefined : namesIn(folder);
    if (names === undefined || names.includes(FILE)) return names === undefined ? undefined : folder;
    if (names.some((name) => OTHER_KINDS.has(name))) return undefined;
  }
  return 'absent';
}

/** Rows that a transaction has written lie in the write-ahead log first. */
export function rpmStamp(folder: string): string {
  return stampOfPaths([`${folder}/${FILE}`, `${folder}/${FILE}-wal`]);
}

export function openRpmDatabase(folder: string): RpmDatabase | undefined {
  const stamp = rpmStamp(folder);
  const checked = openRootFile(folder, FILE);
  if (typeof checked !== 'object') return undefined;
  closeSync(checked.fd);
  const database = new Database(`${folder}/${FILE}`, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
  try {
    database.pragma('cache_size = -256');
    return createRpmDatabase(database, stamp);
  } catch (error) {
    database.close();
    throw error;
  }
}

function createRpmDatabase(database: Database.Database, stamp: string): RpmDatabase {
  const blob = database.prepare<[number, number], { blob: Buffer }>('select blob from Packages where hnum = ? and length(blob) <= ?');
  // A path is bytes, and a text in the database is too.
  const places = database.prepare<[Buffer, Buffer, number], { hnum: number; idx: number }>(
    'select hnum, idx from Basenames where key = cast(? as text) and hnum in (select hnum from Dirnames where key = cast(? as text)) limit ?',
  );
  const named = database.prepare<[string, number], { hnum: number }>('select hnum from Name where key = ? limit ?');

  function header(hnum: number): RpmHeader {
    const row = blob.get(hnum, MAX_HEADER_BYTES);
    const read = Buffer.isBuffer(row?.blob) ? readRpmHeader(row.blob) : undefined;
    if (read === undefined) throw new Error('a header of the rpm database cannot be read');
    return read;
  }

  return {
    stamp,
    placesOf(folder, baseName) {
      const rows = places.all(Buffer.from(baseName, 'latin1'), Buffer.from(folder, 'latin1'), MAX_PLACES + 1);
      if (rows.length > MAX_PLACES) throw new Error('too many packages have that file');
      return rows.map(({ hnum, idx }) => ({ header: header(hnum), at: idx }));
    },
    headersNamed: (name) => named.all(name, MAX_KEYS).map(({ hnum }) => header(hnum)),
    close: () => database.close(),
  };
}
