import { type ByteString, byteStringOf, encodeUtf8, toHex } from '../../core/src/bytes.ts';
import { sha256 } from '../../core/node/crypto.ts';
import { type Circumstances, type DecisionContext, type FileIdentity, type LoginOrigin, type PackageFact, type Posture, UNKNOWN_POSTURE } from '../../core/src/policy/index.ts';
import type { Door, ElevationRequest } from '../../core/src/request/index.ts';

/** A device in a few lines: users, groups and files, enough for the engine to decide on. */
export type World = {
  readonly users?: Readonly<Record<string, number>> | undefined;
  readonly groups?: Readonly<Record<string, number>> | undefined;
  /** Primary group by user name; without it the group of the user's name. */
  readonly primary?: Readonly<Record<string, string>> | undefined;
  readonly files?: Readonly<Record<string, WorldFile>> | undefined;
  readonly links?: Readonly<Record<string, string>> | undefined;
  readonly device?: { readonly id?: string; readonly name?: string; readonly groups?: readonly string[]; readonly labels?: Readonly<Record<string, string>>; readonly posture?: Partial<Posture> } | undefined;
};

/** `hardLinkOf`: another name of that file. `content`: what its SHA-256 is of; null: unreadable. */
/** `package`: what owns it; left out: unknown; null: none. */
export type WorldFile = { readonly unsafe?: boolean; readonly content?: string | null; readonly hardLinkOf?: string; readonly package?: Partial<PackageFact> | null };

export type Ask = {
  readonly who: string;
  readonly groups?: readonly string[] | undefined;
  readonly run: readonly string[];
  readonly as?: { readonly user?: string; readonly group?: string; readonly uid?: number; readonly gid?: number } | undefined;
  readonly cwd?: string | undefined;
  readonly env?: readonly string[] | undefined;
  readonly at?: string | undefined;
  readonly terminal?: boolean | undefined;
  readonly door?: Door | undefined;
  readonly expired?: boolean | undefined;
  readonly silentMs?: number | undefined;
  /** Programs above, parent first; `whole: false`: some may have gone. Left out: unknown. */
  readonly above?: readonly string[] | undefined;
  readonly whole?: boolean | undefined;
  readonly login?: LoginOrigin['kind'] | undefined;
  readonly address?: string | undefined;
  /** Paths the agent resolved ahead (`rulePaths`). */
  readonly rulePaths?: readonly ByteString[] | undefined;
};

const DEVICE = 7n;

export function questionIn(world: World, ask: Ask): { readonly request: ElevationRequest; readonly context: DecisionContext } {
  return { request: requestIn(world, ask), context: contextIn(world, ask) };
}

export function requestIn(world: World, ask: Ask): ElevationRequest {
  const uid = userId(world, ask.who) ?? 65_000;
  const typed = ask.run[0] as string;
  const way = wayTo(world, typed);
  const resolved = way.at(-1) ?? typed;
  const groups = (ask.groups ?? []).map((name) => world.groups?.[name] ?? 64_000);
  return {
    door: ask.door ?? 'sudo',
    deviceId: world.device?.id ?? 'd-test',
    requester: { uid, gid: uid, groups: [uid, ...groups], name: ask.who },
    loginSession: { sessionId: 1, leaderStart: 1, terminal: ask.terminal === false ? 0 : 34816 },
    executable: {
      typed: bytes(typed),
      links: way.slice(0, -1).map(bytes),
      resolved: bytes(resolved),
      device: DEVICE,
      inode: inodeOf(world, resolved) ?? 1n,
      rootOnly: world.files?.[resolved]?.unsafe !== true,
      script: false,
    },
    args: ask.run.slice(1).map(bytes),
    cwd: bytes(ask.cwd ?? '/home/user'),
    env: (ask.env ?? []).map(bytes),
    runAs: runAsIn(world, ask),
  };
}

function runAsIn(world: World, { as, who }: Ask): ElevationRequest['runAs'] {
  const user = as?.user ?? (as?.group === undefined && as?.gid === undefined ? 'root' : who);
  const uid = as?.uid ?? userId(world, user) ?? 65_001;
  const primary = as?.group ?? world.primary?.[user] ?? user;
  const gid = as?.gid ?? (primary === 'root' ? 0 : (world.groups?.[primary] ?? uid));
  return { uid, gid, groups: [gid], userName: as?.uid === undefined ? user : undefined, groupName: primary };
}

function contextIn(world: World, ask: Ask): DecisionContext {
  const at = new Date(ask.at ?? '2026-03-04T10:00:00Z');
  return {
    nowMs: at.getTime(),
    utcOffsetMinutes: 0,
    device: { id: world.device?.id ?? 'd-test', name: world.device?.name ?? 'laptop-7', groups: world.device?.groups ?? [], labels: world.device?.labels ?? {} },
    manifestExpired: ask.expired ?? false,
    serverSilentMs: ask.silentMs,
    circumstances: circumstancesIn(world, ask),
    objectOf: (path) => objectOf(world, path),
    pathsOfObject: (_device, inode) => (ask.rulePaths ?? []).filter((path) => objectOf(world, path)?.inode === inode),
    groupId: (name) => (name === 'root' ? 0 : world.groups?.[name]),
    userId: (name) => userId(world, name),
    primaryGroupId: (uid) => primaryGroup(world, uid),
    executableSha256: () => contentHash(world, wayTo(world, ask.run[0] as string).at(-1) ?? (ask.run[0] as string)),
  };
}

function circumstancesIn(world: World, ask: Ask): Circumstances {
  const processes = ask.above?.map((path) => ({ executable: bytes(path), device: DEVICE, inode: inodeOf(world, path) ?? 2n, uid: 0 }));
  return {
    ownerOfExecutable: () => ownerOf(world, ask.run[0] as string),
    lineage: () => (processes === undefined ? undefined : { processes, whole: ask.whole ?? true }),
    origin: () => (ask.login === undefined ? undefined : { kind: ask.login, sourceAddress: ask.address }),
    posture: () => ({ ...UNKNOWN_POSTURE, ...world.device?.posture }),
  };
}

const PLAIN_PACKAGE: PackageFact = { manager: 'deb', name: 'plain', version: '1.0', repositories: [], signedBy: [], unmodified: true };

function ownerOf(world: World, typed: string): PackageFact | 'none' | undefined {
  const owner = world.files?.[wayTo(world, typed).at(-1) ?? typed]?.package;
  return owner === null ? 'none' : owner === undefined ? undefined : { ...PLAIN_PACKAGE, ...owner };
}

function primaryGroup(world: World, uid: number): number | undefined {
  const [name] = Object.entries(world.users ?? {}).find(([, id]) => id === uid) ?? [];
  const group = name === undefined ? undefined : world.primary?.[name];
  return group === undefined ? undefined : world.groups?.[group];
}

function userId(world: World, name: string): number | undefined {
  return name === 'root' ? 0 : world.users?.[name];
}

/** Every link on the way and the file at its end. */
function wayTo(world: World, path: string): readonly string[] {
  const way: string[] = [];
  for (let next = world.links?.[path]; next !== undefined && way.length < 40; next = world.links?.[next]) way.push(next);
  return way;
}

function objectOf(world: World, path: ByteString): FileIdentity | undefined {
  const resolved = wayTo(world, path).at(-1) ?? path;
  const inode = inodeOf(world, resolved);
  return inode === undefined ? undefined : { resolved: bytes(resolved), device: DEVICE, inode };
}

function inodeOf(world: World, path: string): bigint | undefined {
  const names = Object.keys(world.files ?? {});
  const place = names.indexOf(world.files?.[path]?.hardLinkOf ?? path);
  return place < 0 ? undefined : BigInt(1000 + place);
}

function contentHash(world: World, resolved: string): string | undefined {
  const content = world.files?.[resolved]?.content;
  return content === null ? undefined : toHex(sha256(new TextEncoder().encode(content ?? resolved)));
}

/** Text; `\xHH` stands for that byte. */
export function bytes(text: string): ByteString {
  if (!text.includes('\\x')) return encodeUtf8(text);
  const parts = text.split(/\\x([0-9a-fA-F]{2})/);
  return parts.map((part, index) => (index % 2 === 0 ? encodeUtf8(part) : byteStringOf(Uint8Array.of(Number.parseInt(part, 16))))).join('') as ByteString;
}
