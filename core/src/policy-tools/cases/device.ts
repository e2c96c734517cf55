import { encodeUtf8, toHex } from '../../bytes.ts';
import type { Sha256 } from '../../crypto.ts';
import type { FileIdentity, PackageFact } from '../../policy/index.ts';
import type { World, WorldFile } from './schema-world.ts';

/** The device of a world: its accounts and files, as the engine asks for them. */
export type CaseDevice = {
  /** -1: there is none; undefined: not known. */
  userId(name: string): number | undefined;
  groupId(name: string): number | undefined;
  /** The kernel's number, also where the device cannot resolve the name. */
  hiddenUserId(name: string): number;
  hiddenGroupId(name: string): number;
  userName(uid: number): string | undefined;
  primaryGroupOf(user: string): string;
  /** Every link on the way and the file at its end; nothing where the path is no link. */
  wayTo(path: string): readonly string[];
  /** Where that way ends. */
  resolve(path: string): string;
  file(resolved: string): WorldFile | 'absent';
  objectOf(path: string): FileIdentity | undefined;
  ownerOf(resolved: string): PackageFact | 'none' | undefined;
  sha256Of(resolved: string): string | undefined;
};

export const DEVICE_NUMBER = 7n;
const FIRST_FREE_UID = 60_001;
const FIRST_FREE_GID = 70_001;
const MAX_LINKS = 40;

export function createDevice(world: World, sha256: Sha256): CaseDevice {
  const users = createNames(world.users ?? {}, FIRST_FREE_UID);
  const groups = createNames(world.groups ?? {}, FIRST_FREE_GID);
  const files = new Map(Object.entries(world.files ?? {}));
  const links = new Map(Object.entries(world.links ?? {}));
  const primary = new Map(Object.entries(world.primary ?? {}));
  const inodes = new Map<string, bigint>();
  const wayTo = (path: string): readonly string[] => {
    const way: string[] = [];
    for (let next = links.get(path); next !== undefined && way.length < MAX_LINKS; next = links.get(next)) way.push(next);
    return way;
  };
  const file = (resolved: string): WorldFile | 'absent' => files.get(resolved) ?? {};
  const resolve = (path: string): string => wayTo(path).at(-1) ?? path;
  return {
    userId: users.idOf,
    groupId: groups.idOf,
    hiddenUserId: users.hiddenIdOf,
    hiddenGroupId: groups.hiddenIdOf,
    userName: users.nameOf,
    primaryGroupOf: (user) => primary.get(user) ?? user,
    wayTo,
    resolve,
    file,
    objectOf: (path) => {
      const resolved = resolve(path);
      const found = file(resolved);
      return found === 'absent' ? undefined : { resolved: encodeUtf8(resolved), device: DEVICE_NUMBER, inode: inodeOf(found.hardLinkOf ?? resolved, inodes) };
    },
    ownerOf: (resolved) => ownerOf(file(resolved)),
    sha256Of: (resolved) => contentHash(file(resolved), resolved, sha256),
  };
}

type Names = { idOf(name: string): number | undefined; hiddenIdOf(name: string): number; nameOf(id: number): string | undefined };

/** Names that are not listed get the next free number when they are first asked for. */
function createNames(listed: Readonly<Record<string, number | 'absent' | 'unknown'>>, firstFree: number): Names {
  const ids = new Map<string, number | 'absent' | 'unknown'>([['root', 0], ...Object.entries(listed)]);
  const hidden = new Map<string, number>();
  const taken = new Set(ids.values());
  let free = firstFree;
  const next = (): number => {
    while (taken.has(free)) free++;
    return free++;
  };
  const hiddenIdOf = (name: string): number => {
    const known = ids.get(name);
    if (typeof known === 'number') return known;
    const id = hidden.get(name) ?? next();
    hidden.set(name, id);
    return id;
  };
  return {
    hiddenIdOf,
    idOf: (name) => {
      const known = ids.get(name);
      return known === 'absent' ? -1 : known === 'unknown' ? undefined : hiddenIdOf(name);
    },
    nameOf: (id) => [...ids].find(([, each]) => each === id)?.[0] ?? [...hidden].find(([, each]) => each === id)?.[0],
  };
}

function inodeOf(path: string, inodes: Map<string, bigint>): bigint {
  const inode = inodes.get(path) ?? BigInt(1000 + inodes.size);
  inodes.set(path, inode);
  return inode;
}

const PLAIN_PACKAGE: PackageFact = { manager: 'deb', name: 'plain', version: '1.0', repositories: [], signedBy: [], unmodified: true };

function ownerOf(file: WorldFile | 'absent'): PackageFact | 'none' | undefined {
  const owner = file === 'absent' ? undefined : file.package;
  if (owner === undefined || owner === 'none') return owner;
  if (typeof owner === 'string') return { ...PLAIN_PACKAGE, name: owner };
  const { name, version, manager, repositories, signedBy, unmodified = true } = owner;
  return {
    name: name ?? PLAIN_PACKAGE.name,
    version: version ?? PLAIN_PACKAGE.version,
    manager: manager ?? PLAIN_PACKAGE.manager,
    repositories: repositories ?? [],
    signedBy: (signedBy ?? []).map((key) => key.replaceAll(' ', '').toUpperCase()),
    unmodified: unmodified === 'unknown' ? undefined : unmodified,
  };
}

function contentHash(file: WorldFile | 'absent', resolved: string, sha256: Sha256): string | undefined {
  if (file === 'absent' || file.content === null) return undefined;
  return file.sha256?.toLowerCase() ?? toHex(sha256(new TextEncoder().encode(file.content ?? resolved)));
}
