import { existsSync, renameSync } from 'node:fs';
import Database from 'better-sqlite3';

export type StateKey = 'enrolment' | 'role-keys' | 'mark' | 'manifest' | 'pending' | 'orders';

/** What belayd knows, as signed by others: nothing here is believed without verifying it again. */
export interface StateStore {
  get(key: StateKey): Uint8Array | undefined;
  /** All or nothing, durable. `undefined` removes. */
  put(values: Partial<Record<StateKey, Uint8Array | undefined>>): void;
  bundle(digest: Uint8Array): Uint8Array | undefined;
  putBundle(digest: Uint8Array, content: Uint8Array): void;
  /** Forgets every bundle but these. */
  keepBundles(digests: readonly Uint8Array[]): void;
  clear(): void;
  close(): void;
}

const SCHEMA = `
create table if not exists value (name text primary key, content blob not null) strict, without rowid;
create table if not exists bundle (digest blob primary key, content blob not null) strict;
`;

export type OpenedState = { readonly store: StateStore; /** The file could not be read and was put aside under this name. */ readonly damaged: string | undefined };

/** A damaged file is put aside, not repaired: what it held comes again from the server, signed. */
export function openStateStore(file: string): OpenedState {
  try {
    return { store: createStore(open(file)), damaged: undefined };
  } catch (error) {
    if ((error as { code?: string }).code === 'SQLITE_BUSY' || !existsSync(file)) throw error;
    const aside = `${file}.damaged-${Date.now()}`;
    for (const suffix of ['', '-wal', '-shm']) if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
    return { store: createStore(open(file)), damaged: aside };
  }
}

function open(file: string): Database.Database {
  const database = new Database(file, { timeout: 0 });
  try {
    database.pragma('locking_mode = exclusive');
    database.pragma('journal_mode = wal');
    database.pragma('synchronous = full');
    database.pragma('cache_size = -500');
    database.exec(SCHEMA);
    if (database.pragma('quick_check', { simple: true }) !== 'ok') throw new Error('the file is damaged');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function createStore(database: Database.Database): StateStore {
  const get = database.prepare<[string], { content: Buffer }>('select content from value where name = ?');
  const set = database.prepare('insert or replace into value values (?, ?)');
  const remove = database.prepare('delete from value where name = ?');
  const getBundle = database.prepare<[Uint8Array], { content: Buffer }>('select content from bundle where digest = ?');
  const putBundle = database.prepare('insert or replace into bundle values (?, ?)');
  const digests = database.prepare<[], { digest: Buffer }>('select digest from bundle');
  const removeBundle = database.prepare('delete from bundle where digest = ?');
  return {
    get: (key) => get.get(key)?.content,
    put: database.transaction((values: Partial<Record<StateKey, Uint8Array | undefined>>) => {
      for (const [name, content] of Object.entries(values)) {
        if (content === undefined) remove.run(name);
        else set.run(name, content);
      }
    }),
    bundle: (digest) => getBundle.get(digest)?.content,
    putBundle: (digest, content) => void putBundle.run(digest, content),
    keepBundles: database.transaction((kept: readonly Uint8Array[]) => {
      for (const { digest } of digests.all()) if (!kept.some((one) => digest.equals(one))) removeBundle.run(digest);
    }),
    clear: database.transaction(() => void database.exec('delete from value; delete from bundle;')),
    close: () => database.close(),
  };
}
