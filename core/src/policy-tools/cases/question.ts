import { type ByteString, byteStringOf, decodeUtf8, encodeUtf8 } from '../../bytes.ts';
import type { Sha256 } from '../../crypto.ts';
import { type Circumstances, type DecisionContext, UNKNOWN_POSTURE, zoneOffsetMinutes } from '../../policy/index.ts';
import type { ElevationRequest } from '../../request/index.ts';
import { durationMs } from '../texts.ts';
import { type CaseDevice, createDevice, DEVICE_NUMBER } from './device.ts';
import { parseMoment } from './moment.ts';
import type { Ask } from './schema.ts';
import type { World } from './schema-world.ts';

export type CaseQuestion = { readonly request: ElevationRequest; readonly context: DecisionContext };
export type QuestionOptions = {
  readonly sha256: Sha256;
  /** Paths that the agent resolves ahead (`rulePaths`), for hard links and aliases. */
  readonly rulePaths?: readonly ByteString[] | undefined;
};

/** What an agent on such a device would ask of the engine. Throws on a time that is none: what `loadCaseFile` took has none. */
export function questionIn(world: World, ask: Ask, { sha256, rulePaths = [] }: QuestionOptions): CaseQuestion {
  const device = createDevice(world, sha256);
  return { request: requestIn(world, device, ask), context: contextIn(world, device, { ask, rulePaths }) };
}

function requestIn(world: World, device: CaseDevice, ask: Ask): ElevationRequest {
  const typed = ask.run[0] as string;
  const way = device.wayTo(typed);
  const resolved = device.resolve(typed);
  const file = device.file(resolved);
  return {
    door: ask.door ?? 'sudo',
    deviceId: world.device?.id ?? DEFAULT_DEVICE,
    requester: requesterIn(device, ask),
    loginSession: { sessionId: 1, leaderStart: 1, terminal: ask.terminal === false ? 0 : TERMINAL },
    executable: {
      typed: bytesIn(typed),
      links: way.slice(0, -1).map(bytesIn),
      resolved: bytesIn(resolved),
      device: DEVICE_NUMBER,
      inode: device.objectOf(resolved)?.inode ?? NO_FILE,
      rootOnly: file === 'absent' || file.writable !== true,
      script: false,
    },
    args: ask.run.slice(1).map(bytesIn),
    cwd: bytesIn(ask.cwd ?? '/home/user'),
    env: (ask.env ?? []).map(bytesIn),
    runAs: runAsIn(device, ask),
  };
}

const DEFAULT_DEVICE = 'd-test';
/** /dev/pts/0. */
const TERMINAL = 34_816;
const NO_FILE = 1n;

function requesterIn(device: CaseDevice, { who, groups = [] }: Ask): ElevationRequest['requester'] {
  const [, id] = /^uid:([0-9]+)$/.exec(who) ?? [];
  const uid = id === undefined ? device.hiddenUserId(who) : Number(id);
  const gid = id === undefined ? device.hiddenGroupId(device.primaryGroupOf(who)) : uid;
  return { uid, gid, groups: [gid, ...groups.map((name) => groupNumber(device, name))], name: id === undefined ? who : undefined };
}

function groupNumber(device: CaseDevice, name: string): number {
  const [, id] = /^gid:([0-9]+)$/.exec(name) ?? [];
  return id === undefined ? device.hiddenGroupId(name) : Number(id);
}

function runAsIn(device: CaseDevice, { as, who }: Ask): ElevationRequest['runAs'] {
  const sameUser = as?.user === undefined && as?.uid === undefined && (as?.group !== undefined || as?.gid !== undefined);
  const user = as?.user ?? (as?.uid === undefined ? (sameUser ? who : 'root') : device.userName(as.uid));
  const uid = as?.uid ?? device.hiddenUserId(user as string);
  const group = as?.group ?? (as?.gid !== undefined || user === undefined ? undefined : device.primaryGroupOf(user));
  const gid = as?.gid ?? (group === undefined ? uid : device.hiddenGroupId(group));
  return { uid, gid, groups: [gid], userName: user, groupName: group };
}

type Asked = { readonly ask: Ask; readonly rulePaths: readonly ByteString[] };

function contextIn(world: World, device: CaseDevice, { ask, rulePaths }: Asked): DecisionContext {
  const { zone, id, name, groups, labels } = world.device ?? {};
  const nowMs = parseMoment(ask.at ?? '2026-03-04T10:00:00Z', zone);
  if (nowMs === undefined) throw new TypeError(`"${ask.at}" is no time`);
  return {
    nowMs,
    utcOffsetMinutes: zone === undefined ? 0 : (zoneOffsetMinutes(zone, nowMs) ?? 0),
    device: { id: id ?? DEFAULT_DEVICE, name: name ?? 'laptop-7', groups: groups ?? [], labels: labels ?? {} },
    manifestExpired: ask.expired ?? false,
    serverSilentMs: ask.silent === 'unknown' ? undefined : durationMs(ask.silent ?? '0s'),
    circumstances: circumstancesIn(world, device, ask),
    objectOf: (path) => ofText(path, device.objectOf),
    pathsOfObject: (_device, inode) => rulePaths.filter((path) => ofText(path, device.objectOf)?.inode === inode),
    groupId: device.groupId,
    userId: device.userId,
    primaryGroupId: (uid) => primaryGroupId(world, device, uid),
    executableSha256: () => device.sha256Of(device.resolve(ask.run[0] as string)),
  };
}

/** Of a path that is no text the world says nothing. */
function ofText<T>(path: ByteString, find: (text: string) => T | undefined): T | undefined {
  const text = decodeUtf8(path);
  return text === undefined ? undefined : find(text);
}

/** Told where the world tells it; else the engine's own rule counts. */
function primaryGroupId({ primary }: World, device: CaseDevice, uid: number): number | undefined {
  const user = device.userName(uid);
  const group = user === undefined || primary === undefined || !Object.hasOwn(primary, user) ? undefined : primary[user];
  return group === undefined ? undefined : device.groupId(group);
}

function circumstancesIn(world: World, device: CaseDevice, { run, above, whole = true, login, address }: Ask): Circumstances {
  const processes = above?.map((path) => ({ executable: bytesIn(path), device: DEVICE_NUMBER, inode: device.objectOf(path)?.inode ?? NO_FILE, uid: 0 }));
  const { os, healthy, ...rest } = world.device?.posture ?? {};
  return {
    ownerOfExecutable: () => device.ownerOf(device.resolve(run[0] as string)),
    lineage: () => (processes === undefined ? undefined : { processes, whole }),
    origin: () => (login === undefined ? undefined : { kind: login, sourceAddress: address }),
    posture: () => ({ ...UNKNOWN_POSTURE, ...rest, osId: os, agentHealthy: healthy }),
  };
}

/** Text; `\xHH` stands for that byte. */
export function bytesIn(text: string): ByteString {
  if (!text.includes('\\x')) return encodeUtf8(text);
  const parts = text.split(/\\x([0-9a-fA-F]{2})/);
  return parts.map((part, index) => (index % 2 === 0 ? encodeUtf8(part) : byteStringOf(Uint8Array.of(Number.parseInt(part, 16))))).join('') as ByteString;
}
