import { type ByteString, encodeUtf8 } from '../../bytes.ts';
import type { DecisionContext, FileIdentity } from '../../policy/decision.ts';
import { FactBindings } from '../../policy/facts.ts';
import { Question } from '../../policy/match.ts';
import type { ElevationRequest } from '../../request/index.ts';
import { isMerged, otherName } from '../merged-folders.ts';

/** A device as far as the fleet knows it. What it finds out about itself (posture) is not known here. */
export type KnownDevice = { readonly id: string; readonly name: string; readonly groups: readonly string[]; readonly labels: Readonly<Record<string, string>> };

/**
 * Somebody of whom only this is known. `user`: the account's name. `groups`: names of groups they are in; `allGroups`: and in no other.
 */
export type Somebody = {
  readonly user?: string | undefined;
  readonly uid?: number | undefined;
  readonly groups: readonly string[];
  readonly gids: readonly number[];
  readonly allGroups: boolean;
};

/** `id` and `name` undefined: anybody. */
export type Account = { readonly id?: number | undefined; readonly name?: string | undefined };
export type OpenRunAs = { readonly user: Account | 'requester'; readonly group: Account | 'own' };

export type OpenRequest = {
  readonly command: string;
  /** Undefined: any. */
  readonly args: readonly string[] | undefined;
  readonly somebody: Somebody;
  readonly runAs: OpenRunAs;
  /** Undefined: any. */
  readonly device: KnownDevice | undefined;
};

/** Ids that no device hands out stand for those that are not known. */
const [ASKER, RUN_AS, RUN_AS_GROUP, FIRST_GROUP] = [0xff00_0000, 0xff00_0001, 0xff00_0002, 0xff00_0100];
const FILE: Omit<FileIdentity, 'resolved'> = { device: 1n, inode: 1n };

/**
 * A request of which much is left open. What is open is unknown to the engine's own functions, so that what they call true is true of every
 * request like it, and what they call false of none.
 */
export class OpenQuestion extends Question {
  readonly open: OpenRequest;
  /** The same for what is asked of whoever asks: there a name of the account it runs as says nothing. */
  readonly asker: Question;
  #facts: OpenFacts | undefined;

  constructor(open: OpenRequest) {
    super(requestOf(open), contextOf(open, (name) => runAsGroupId(open, name)));
    this.open = open;
    this.asker = new Question(this.request, contextOf(open, (name) => groupOf(open.somebody, name)));
  }

  override get facts(): FactBindings {
    this.#facts ??= new OpenFacts(this);
    return this.#facts;
  }
}

/** An undefined fact is unknown to an expression, and absorbed as such. */
class OpenFacts extends FactBindings {
  readonly #question: OpenQuestion;

  constructor(question: OpenQuestion) {
    super(question);
    this.#question = question;
  }

  override get user(): Map<string, unknown> {
    const { asker, open } = this.#question;
    return open.somebody.uid === undefined ? without(asker.facts.user, 'uid') : asker.facts.user;
  }

  override get runas(): Map<string, unknown> {
    const { user } = this.#question.open.runAs;
    return user === 'requester' || user.id === undefined ? without(super.runas, 'uid') : super.runas;
  }

  override get command(): Map<string, unknown> {
    return this.#question.open.args === undefined ? without(super.command, 'args') : super.command;
  }

  override get device(): Map<string, unknown> {
    return this.#question.open.device === undefined ? new Map() : super.device;
  }

  override get terminal(): boolean {
    return undefined as unknown as boolean;
  }

  override get door(): string {
    return undefined as unknown as string;
  }
}

function without(facts: Map<string, unknown>, name: string): Map<string, unknown> {
  return new Map([...facts].filter(([each]) => each !== name));
}

/** `cwd` and `env` are left out, which the engine takes for unknown (`PartialRequest`). */
function requestOf({ command, args, somebody, runAs, device }: OpenRequest): ElevationRequest {
  const path = encodeUtf8(command);
  const uid = somebody.uid ?? ASKER;
  const groups = [...somebody.gids, ...somebody.groups.map((_, index) => FIRST_GROUP + index)];
  const partial: Omit<ElevationRequest, 'cwd' | 'env'> = {
    door: 'sudo',
    deviceId: device?.id ?? '',
    requester: { uid, gid: groups[0] ?? ASKER, groups, name: somebody.user },
    loginSession: { sessionId: 0, leaderStart: 0, terminal: 0 },
    // Whether others can write the file is the device's to find out; here it is as it should be.
    executable: { typed: path, links: [], resolved: resolvedOf(command), ...FILE, rootOnly: true, script: false },
    args: (args ?? []).map(encodeUtf8),
    runAs: runAsOf(runAs, uid, somebody.user),
  };
  return partial as ElevationRequest;
}

function runAsOf({ user, group }: OpenRunAs, uid: number, name: string | undefined): ElevationRequest['runAs'] {
  const account: Account = user === 'requester' ? { id: uid, name } : user;
  const id = account.id ?? RUN_AS;
  const gid = group === 'own' ? (id === 0 ? 0 : RUN_AS_GROUP) : (group.id ?? RUN_AS_GROUP);
  return { uid: id, gid, groups: [gid], userName: account.name, groupName: group === 'own' ? undefined : group.name };
}

function contextOf(open: OpenRequest, groupId: DecisionContext['groupId']): DecisionContext {
  const names = [open.command, otherName(open.command)].flatMap((name) => (name === undefined ? [] : [encodeUtf8(name)]));
  const { requester, runAs } = requestOf(open);
  return {
    nowMs: Number.NaN,
    utcOffsetMinutes: 0,
    device: open.device ?? { id: '', name: '', groups: [], labels: {} },
    manifestExpired: false,
    serverSilentMs: 0,
    objectOf: (each: ByteString) => (names.includes(each) ? { resolved: resolvedOf(open.command), ...FILE } : undefined),
    pathsOfObject: () => names,
    groupId,
    userId: (name) => (name === 'root' ? 0 : name === requester.name ? requester.uid : name === runAs.userName ? runAs.uid : undefined),
    primaryGroupId: (uid) => (open.runAs.group === 'own' && uid === runAs.uid ? runAs.gid : undefined),
    executableSha256: () => undefined,
  };
}

function resolvedOf(command: string): ByteString {
  return encodeUtf8(isMerged(command) ? `/usr${command}` : command);
}

function groupOf({ groups, allGroups }: Somebody, name: string): number | undefined {
  const place = groups.indexOf(name);
  return place >= 0 ? FIRST_GROUP + place : allGroups ? -1 : undefined;
}

function runAsGroupId({ runAs }: OpenRequest, name: string): number | undefined {
  if (name === 'root') return 0;
  if (runAs.group === 'own') return undefined;
  return name === runAs.group.name ? (runAs.group.id ?? RUN_AS_GROUP) : undefined;
}
