import { type ByteString, decodeUtf8 } from '../bytes.ts';
import type { ElevationRequest } from '../request/request.ts';
import type { DecisionContext } from './decision.ts';

/** `groups`: a set of names that answers `NAME in user.groups` and nothing else. */
export type FactType = 'bool' | 'int' | 'string' | 'strings' | 'labels' | 'groups';

/** Every fact an expression may use. A fact that cannot be known at a moment is unknown, never absent. */
export const FACTS = {
  user: { name: 'string', uid: 'int', groups: 'groups' },
  command: { path: 'string', args: 'strings' },
  cwd: 'string',
  runas: { user: 'string', uid: 'int' },
  device: { id: 'string', name: 'string', groups: 'strings', labels: 'labels' },
  time: { hour: 'int', minute: 'int', weekday: 'int', unix: 'int' },
  terminal: 'bool',
  door: 'string',
} as const satisfies Readonly<Record<string, FactType | Readonly<Record<string, FactType>>>>;

/** A list longer than this, or a list of arguments of more bytes, is unknown to expressions: evaluation stays bounded. */
export const MAX_FACT_LIST = 1024;
export const MAX_FACT_BYTES = 65_536;

type FactValue = string | bigint | boolean | readonly string[] | Map<string, unknown>;

/** What expressions see of a request. `undefined` (or an entry left out) is unknown. */
export type FactSource = {
  readonly request: Pick<ElevationRequest, 'door' | 'requester' | 'loginSession'> & Partial<ElevationRequest>;
  readonly context: DecisionContext;
};

/** Built on demand: most decisions read few facts or none. */
export class FactBindings {
  readonly #source: FactSource;
  #user: Map<string, unknown> | undefined;
  #command: Map<string, unknown> | undefined;
  #device: Map<string, unknown> | undefined;
  #time: Map<string, unknown> | undefined;

  constructor(source: FactSource) {
    this.#source = source;
  }

  get user(): Map<string, unknown> {
    const { requester } = this.#source.request;
    this.#user ??= known({ name: requester.name, uid: integer(requester.uid), groups: new GroupNames(this.#source) });
    return this.#user;
  }

  get command(): Map<string, unknown> {
    const { executable, args } = this.#source.request;
    this.#command ??= known({
      path: executable === undefined ? undefined : decodeUtf8(executable.resolved),
      args: args === undefined ? undefined : decodedList(args),
    });
    return this.#command;
  }

  get cwd(): string | undefined {
    const { cwd } = this.#source.request;
    return cwd === undefined ? undefined : decodeUtf8(cwd);
  }

  get runas(): Map<string, unknown> {
    const { runAs } = this.#source.request;
    return known({ user: runAs?.userName, uid: runAs === undefined ? undefined : integer(runAs.uid) });
  }

  get device(): Map<string, unknown> {
    const { id, name, groups, labels } = this.#source.context.device;
    this.#device ??= known({
      id,
      name,
      groups: groups.length > MAX_FACT_LIST ? undefined : groups,
      labels: new Map(Object.entries(labels)),
    });
    return this.#device;
  }

  get time(): Map<string, unknown> {
    this.#time ??= timeFacts(this.#source.context);
    return this.#time;
  }

  get terminal(): boolean {
    return this.#source.request.loginSession.terminal !== 0;
  }

  get door(): string {
    return this.#source.request.door;
  }
}

function known(values: Readonly<Record<string, FactValue | undefined>>): Map<string, unknown> {
  const map = new Map<string, unknown>();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) map.set(name, value);
  return map;
}

function integer(value: number): bigint | undefined {
  return Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

function decodedList(list: readonly ByteString[]): string[] | undefined {
  if (list.length > MAX_FACT_LIST) return undefined;
  const decoded: string[] = [];
  let bytes = 0;
  for (const item of list) {
    bytes += item.length;
    const text = bytes > MAX_FACT_BYTES ? undefined : decodeUtf8(item);
    if (text === undefined) return undefined;
    decoded.push(text);
  }
  return decoded;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;

/** Local time. `weekday`: 0 is Sunday, as in CEL's getDayOfWeek(); `unix`: seconds. */
function timeFacts(context: DecisionContext): Map<string, unknown> {
  const facts = new Map<string, unknown>();
  const minutes = Math.floor(context.nowMs / MINUTE_MS) + context.utcOffsetMinutes;
  if (!Number.isSafeInteger(minutes)) return facts;
  const days = Math.floor(minutes / DAY_MINUTES);
  const ofDay = minutes - days * DAY_MINUTES;
  facts.set('hour', BigInt(Math.floor(ofDay / 60)));
  facts.set('minute', BigInt(ofDay % 60));
  // The epoch was a Thursday.
  facts.set('weekday', BigInt((((days + 4) % 7) + 7) % 7));
  facts.set('unix', BigInt(Math.floor(context.nowMs / 1000)));
  return facts;
}

/**
 * The requester's groups by name. The kernel knows numbers only and the device resolves names one way, so membership is
 * asked name by name, and a name that the device cannot resolve is unknown rather than "not a member".
 */
class GroupNames extends Map<string, unknown> {
  readonly #source: FactSource;

  constructor(source: FactSource) {
    super();
    this.#source = source;
  }

  override get(name: string): unknown {
    const gid = this.#source.context.groupId(name);
    if (gid === undefined) throw new Error('unknown group');
    const { requester } = this.#source.request;
    return requester.gid === gid || requester.groups.includes(gid) ? true : undefined;
  }

  override get size(): number {
    throw new Error('only `in` works on user.groups');
  }

  override keys(): never {
    throw new Error('only `in` works on user.groups');
  }
}
