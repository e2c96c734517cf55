import { existsSync, renameSync } from 'node:fs';
import Database from 'better-sqlite3';

export type StateKey = 'enrolment' | 'role-keys' | 'mark' | 'manifest' | 'pending' | 'orders';
/** Of these there are many, each by a name of its own. */
export type ItemKind = 'grant' | 'over' | 'session' | 'request';
/** `content` undefined: it goes. */
export type Item = { readonly kind: ItemKind; readonly name: string; readonly content: Uint8Array | undefined };

/** What belayd knows, as signed by others: nothing here is believed without verifying it again. */
export interface StateStore {
  get(key: StateKey): Uint8Array | undefined;
  /** All or nothing, durable. `undefined` removes. */
  put(values: Partial<Record<StateKey, Uint8Array | undefined>>, items?: readonly Item[]): void;
  items(kind: ItemKind): readonly { readonly name: string; readonly content: Uint8Array }[];
  /** All or nothing, durable. */
  putItems(items: readonly Item[]): void;
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
create table if not exists item (kind text not null, name text not null, content blob not null, primary key (kind, name)) strict, without rowid;
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
  const listItems = database.prepare<[string], { name: string; content: Buffer }>('select name, content from item where kind = ? order by name');
  const setItem = database.prepare('insert or replace into item values (?, ?, ?)');
  const removeItem = database.prepare('delete from item where kind = ? and name = ?');
  const writeItems = (items: readonly Item[]): void => {
    for (const { kind, name, content } of items) {
      if (content === undefined) removeItem.run(kind, name);
      else setItem.run(kind, name, content);
    }
  };
  return {
    get: (key) => get.get(key)?.content,
    put: database.transaction((values: Partial<Record<StateKey, Uint8Array | undefined>>, items: readonly Item[] = []) => {
      for (const [name, content] of Object.entries(values)) {
        if (content === undefined) remove.run(name);
        else set.run(name, content);
      }
      writeItems(items);
    }),
    items: (kind) => listItems.all(kind),
    putItems: database.transaction(writeItems),
    bundle: (digest) => getBundle.get(digest)?.content,
    putBundle: (digest, content) => void putBundle.run(digest, content),
    keepBundles: database.transaction((kept: readonly Uint8Array[]) => {
      for (const { digest } of digests.all()) if (!kept.some((one) => digest.equals(one))) removeBundle.run(digest);
    }),
    clear: database.transaction(() => void database.exec('delete from value; delete from bundle; delete from item;')),
    close: () => database.close(),
  };
}
