import koffi from 'koffi';
import { type ByteString, decodeUtf8, encodeUtf8 } from '@belay/core/bytes';
import type { Account, Group } from '../platform.ts';
import { loadLibrary } from './libc.ts';

/**
 * Users and groups as the C library finds them: wherever nsswitch.conf(5) says, a directory in the network included. Each call waits on
 * a thread of its own, of which libuv has four for the whole process: one call at a time, then.
 * `absent`: the name service knows none. Undefined: it failed, or gave what is no account.
 */
export type Found<T> = T | 'absent' | undefined;

const library = loadLibrary();
type LibraryCall = ReturnType<typeof library.func>;
const getpwnam = library.func('int getpwnam_r(void *, void *, void *, size_t, void *)');
const getpwuid = library.func('int getpwuid_r(unsigned int, void *, void *, size_t, void *)');
const getgrnam = library.func('int getgrnam_r(void *, void *, void *, size_t, void *)');
const getgrgid = library.func('int getgrgid_r(unsigned int, void *, void *, size_t, void *)');
const getgrouplist = library.func('int getgrouplist(void *, unsigned int, void *, void *)');

const ERANGE = 34;
const FIRST_BYTES = 4096;
/** A group of tens of thousands. */
const LARGEST_BYTES = 4 * 1024 * 1024;
const RECORD_BYTES = 64;
const MAX_NAME_BYTES = 256;
const FIRST_GROUPS = 64;
const MAX_GROUPS = 65_536;
/** The largest id; (uid_t)-1 means "none" to the kernel and is no account. */
const MAX_ID = 4_294_967_294;

export function findUserByName(name: string): Promise<Found<Account>> {
  return found(getpwnam, nameArgument(name), readUser);
}

export async function findUserById(uid: number): Promise<Found<Account>> {
  const user = await found(getpwuid, idArgument(uid), readUser);
  return typeof user === 'object' && user.uid !== uid ? undefined : user;
}

export function findGroupByName(name: string): Promise<Found<Group>> {
  return found(getgrnam, nameArgument(name), readGroup);
}

export async function findGroupById(gid: number): Promise<Found<Group>> {
  const group = await found(getgrgid, idArgument(gid), readGroup);
  return typeof group === 'object' && group.gid !== gid ? undefined : group;
}

/**
 * The group given and every group that lists the user. A source that fails is left out without a word, so who is not in the list may
 * be a member all the same. Undefined: too many.
 */
export async function findGroupsOf({ name, gid }: Pick<Account, 'name' | 'gid'>): Promise<readonly number[] | undefined> {
  const user = nameArgument(name);
  if (user === undefined || idArgument(gid) === undefined) return undefined;
  for (let room = FIRST_GROUPS; room <= MAX_GROUPS; room *= 4) {
    const [groups, count] = [Buffer.alloc(4 * room), Buffer.alloc(4)];
    count.writeInt32LE(room);
    const total = await call(getgrouplist, user, gid, groups, count);
    if (total === undefined) return undefined;
    if (total >= 0 && total <= room) return [...new Set(Array.from({ length: total }, (_, index) => groups.readUInt32LE(4 * index)))];
  }
  return undefined;
}

function nameArgument(name: string): Buffer | undefined {
  const bytes = encodeUtf8(name);
  return bytes === '' || bytes.length > MAX_NAME_BYTES || bytes.includes('\0') ? undefined : Buffer.from(`${bytes}\0`, 'latin1');
}

function idArgument(id: number): number | undefined {
  return Number.isInteger(id) && id >= 0 && id <= MAX_ID ? id : undefined;
}

type Record = { readonly fixed: Buffer; readonly strings: Buffer; readonly base: bigint };

async function found<T>(lookUp: LibraryCall, wanted: Buffer | number | undefined, read: (record: Record) => T | undefined): Promise<Found<T>> {
  if (wanted === undefined) return 'absent';
  for (let size = FIRST_BYTES; size <= LARGEST_BYTES; size *= 4) {
    const [fixed, strings, result] = [Buffer.alloc(RECORD_BYTES), Buffer.allocUnsafeSlow(size), Buffer.alloc(8)];
    const code = await call(lookUp, wanted, fixed, strings, size, result);
    if (code === ERANGE) continue;
    if (code !== 0) return undefined;
    return result.readBigUInt64LE(0) === 0n ? 'absent' : read({ fixed, strings, base: koffi.address(strings) });
  }
  return undefined;
}

/** What the C library writes to meanwhile must not be collected. */
const inUse = new Set<readonly (Buffer | number)[]>();

function call(lookUp: LibraryCall, ...args: readonly (Buffer | number)[]): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  inUse.add(args);
  lookUp.async(...args, (error: unknown, result: unknown) => {
    inUse.delete(args);
    resolve(error == null && typeof result === 'number' ? result : undefined);
  });
  return promise;
}

/** struct passwd of <pwd.h> on 64 bits. */
function readUser(record: Record): Account | undefined {
  const { fixed } = record;
  const [name, home, shell] = [nameAt(record, 0), bytesAt(record, 32), bytesAt(record, 40)];
  const [uid, gid] = [fixed.readUInt32LE(16), fixed.readUInt32LE(20)];
  if (name === undefined || home === undefined || uid > MAX_ID || gid > MAX_ID) return undefined;
  return { name, uid, gid, home, shell: shell === undefined || shell === '' ? ('/bin/sh' as ByteString) : shell };
}

/** struct group of <grp.h> on 64 bits. */
function readGroup(record: Record): Group | undefined {
  const { fixed, strings } = record;
  const [name, gid] = [nameAt(record, 0), fixed.readUInt32LE(16)];
  const list = offsetOf(record, fixed.readBigUInt64LE(24));
  if (name === undefined || gid > MAX_ID || list === undefined) return undefined;
  const members: string[] = [];
  for (let at = list; at + 8 <= strings.length; at += 8) {
    const pointer = strings.readBigUInt64LE(at);
    if (pointer === 0n) return { name, gid, members };
    const member = stringAt(record, pointer);
    const text = member === undefined ? undefined : decodeUtf8(member);
    if (text === undefined) return undefined;
    members.push(text);
  }
  return undefined;
}

function nameAt(record: Record, at: number): string | undefined {
  const bytes = bytesAt(record, at);
  return bytes === undefined || bytes === '' ? undefined : decodeUtf8(bytes);
}

function bytesAt(record: Record, at: number): ByteString | undefined {
  return stringAt(record, record.fixed.readBigUInt64LE(at));
}

/** Only what lies in the buffer we gave: a pointer that leads elsewhere is not followed. */
function stringAt(record: Record, pointer: bigint): ByteString | undefined {
  const start = offsetOf(record, pointer);
  const end = start === undefined ? -1 : record.strings.indexOf(0, start);
  return end < 0 ? undefined : (record.strings.toString('latin1', start, end) as ByteString);
}

function offsetOf({ strings, base }: Record, pointer: bigint): number | undefined {
  return pointer >= base && pointer < base + BigInt(strings.length) ? Number(pointer - base) : undefined;
}
