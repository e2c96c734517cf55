import { readFileSync, type Stats, statSync } from 'node:fs';
import { type ByteString, decodeUtf8 } from '@belay/core/bytes';
import type { Account, Accounts, Group } from '../platform.ts';

const PASSWD = '/etc/passwd';
const GROUP = '/etc/group';
/** The largest id; (uid_t)-1 means "none" to the kernel and is no account. */
const MAX_ID = 4_294_967_294;

type Index<T> = { readonly byName: ReadonlyMap<string, T>; readonly byId: ReadonlyMap<number, T> };

/**
 * passwd(5) and group(5), read again when a file has been replaced or written. Two stat calls a question, no name service:
 * a directory server that hangs must not hang elevation.
 */
export function createAccounts(passwd: string = PASSWD, group: string = GROUP): Accounts {
  const users = createIndex(passwd, parseUser);
  const groups = createIndex(group, parseGroup);
  let listedIn: { readonly of: Index<Group> | undefined; readonly byMember: ReadonlyMap<string, readonly number[]> } = { of: undefined, byMember: new Map() };
  return {
    userByName: (name) => users().byName.get(name),
    userById: (uid) => users().byId.get(uid),
    groupByName: (name) => groups().byName.get(name),
    groupById: (gid) => groups().byId.get(gid),
    groupsOf(account) {
      const index = groups();
      if (index !== listedIn.of) listedIn = { of: index, byMember: indexMembers(index) };
      return [...new Set([account.gid, ...(listedIn.byMember.get(account.name) ?? [])])];
    },
  };
}

function indexMembers(groups: Index<Group>): ReadonlyMap<string, readonly number[]> {
  const byMember = new Map<string, number[]>();
  for (const { gid, members } of groups.byName.values()) {
    for (const member of members) {
      const known = byMember.get(member);
      if (known === undefined) byMember.set(member, [gid]);
      else known.push(gid);
    }
  }
  return byMember;
}

function createIndex<T extends { readonly name: string }>(path: string, parse: (fields: readonly string[]) => (T & { id: number }) | undefined): () => Index<T> {
  let version: Version = ABSENT;
  let index: Index<T> = { byName: new Map(), byId: new Map() };
  let isFresh = false;
  return () => {
    if (isFresh) return index;
    // SECURITY(T-18): one look serves one turn, so one question, and never the next one's answer.
    isFresh = true;
    queueMicrotask(() => {
      isFresh = false;
    });
    const now = versionOf(path);
    if (!isSameVersion(now, version)) {
      index = build(path, parse);
      version = now;
    }
    return index;
  };
}

type Version = Pick<Stats, 'dev' | 'ino' | 'size' | 'mtimeMs' | 'ctimeMs'>;
const ABSENT: Version = { dev: -1, ino: -1, size: -1, mtimeMs: -1, ctimeMs: -1 };

function versionOf(path: string): Version {
  return statSync(path, { throwIfNoEntry: false }) ?? ABSENT;
}

function isSameVersion(a: Version, b: Version): boolean {
  return a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.size === b.size && a.ino === b.ino && a.dev === b.dev;
}

function build<T extends { readonly name: string }>(path: string, parse: (fields: readonly string[]) => (T & { id: number }) | undefined): Index<T> {
  const byName = new Map<string, T>();
  const byId = new Map<number, T>();
  for (const line of readLines(path)) {
    const entry = parse(line.split(':'));
    if (entry === undefined) continue;
    // The first entry counts, as in the C library.
    if (!byName.has(entry.name)) byName.set(entry.name, entry);
    if (!byId.has(entry.id)) byId.set(entry.id, entry);
  }
  return { byName, byId };
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'latin1').split('\n');
  } catch {
    return [];
  }
}

function idOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}

function parseUser(fields: readonly string[]): (Account & { id: number }) | undefined {
  const [rawName = '', , rawUid, rawGid, , home = '', shell = ''] = fields;
  const [name, uid, gid] = [decodeUtf8(rawName as ByteString), idOf(rawUid), idOf(rawGid)];
  if (fields.length !== 7 || name === undefined || name === '' || uid === undefined || gid === undefined) return undefined;
  return { id: uid, name, uid, gid, home: home as ByteString, shell: (shell === '' ? '/bin/sh' : shell) as ByteString };
}

function parseGroup(fields: readonly string[]): (Group & { id: number }) | undefined {
  const [rawName = '', , rawGid, rawMembers = ''] = fields;
  const [name, gid, members] = [decodeUtf8(rawName as ByteString), idOf(rawGid), decodeUtf8(rawMembers as ByteString)];
  if (fields.length !== 4 || name === undefined || name === '' || gid === undefined || members === undefined) return undefined;
  return { id: gid, name, gid, members: members.split(',').filter((member) => member !== '') };
}
