import { type ByteString, decodeUtf8 } from '../bytes.ts';
import type { Lineage, PackageFact } from './circumstances.ts';
import type { DecisionContext } from './decision.ts';
import type { Surroundings } from './surroundings.ts';

/** `groups`, `programs`: sets that answer `NAME in user.groups` and nothing else. */
export type FactType = 'bool' | 'int' | 'string' | 'strings' | 'labels' | 'groups' | 'programs';

/** Every fact an expression may use. A fact that cannot be known at a moment is unknown, never absent. */
export const FACTS = {
  user: { name: 'string', uid: 'int', groups: 'groups' },
  command: { path: 'string', args: 'strings' },
  /** CEL keeps the word `package` for itself. */
  pkg: { name: 'string', version: 'string', manager: 'string', repositories: 'strings', signed_by: 'strings', unmodified: 'bool' },
  cwd: 'string',
  env: 'labels',
  runas: { user: 'string', uid: 'int' },
  parent: 'string',
  ancestors: 'programs',
  origin: { login: 'string', address: 'string' },
  device: {
    id: 'string', name: 'string', groups: 'strings', labels: 'labels',
    encrypted: 'bool', secure_boot: 'bool', firewall: 'bool', healthy: 'bool', os: 'string', os_version: 'string', patch_age_days: 'int',
  },
  time: { hour: 'int', minute: 'int', weekday: 'int', unix: 'int' },
  terminal: 'bool',
  door: 'string',
} as const satisfies Readonly<Record<string, FactType | Readonly<Record<string, FactType>>>>;

/** A list longer than this, or a list of arguments of more bytes, is unknown to expressions: evaluation stays bounded. */
export const MAX_FACT_LIST = 1024;
export const MAX_FACT_BYTES = 65_536;

type FactValue = string | bigint | boolean | readonly string[] | Map<string, unknown>;

/** What expressions see of a request, built on demand: most decisions read few facts or none. What is left out is unknown. */
export class FactBindings {
  readonly #source: Surroundings;
  #user: Map<string, unknown> | undefined;
  #command: Map<string, unknown> | undefined;
  #package: Map<string, unknown> | undefined;
  #env: Map<string, unknown> | undefined;
  #device: Map<string, unknown> | undefined;
  #time: Map<string, unknown> | undefined;

  constructor(source: Surroundings) {
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

  get pkg(): Map<string, unknown> {
    this.#package ??= packageFacts(this.#source.owner);
    return this.#package;
  }

  get env(): Map<string, unknown> | undefined {
    const { env } = this.#source.request;
    this.#env ??= env === undefined ? undefined : variables(env);
    return this.#env;
  }

  get parent(): string | undefined {
    const { lineage } = this.#source;
    const parent = lineage?.whole === true ? lineage.processes[0] : undefined;
    return parent === undefined ? undefined : decodeUtf8(parent.executable);
  }

  get ancestors(): Map<string, unknown> | undefined {
    const { lineage } = this.#source;
    return lineage === undefined ? undefined : new ProgramNames(lineage);
  }

  get origin(): Map<string, unknown> {
    const { origin } = this.#source;
    return known({ login: origin?.kind, address: origin?.sourceAddress });
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
      ...postureFacts(this.#source),
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

function packageFacts(owner: PackageFact | 'none' | undefined): Map<string, unknown> {
  if (owner === undefined) return new Map();
  if (owner === 'none') return known({ name: '', version: '', manager: '', repositories: [], signed_by: [], unmodified: false });
  const { name, version, manager, repositories, signedBy, unmodified } = owner;
  return known({ name, version, manager, repositories, signed_by: signedBy, unmodified });
}

function postureFacts({ posture }: Surroundings): Readonly<Record<string, FactValue | undefined>> {
  const { encrypted, secureBoot, firewall, agentHealthy, osId, osVersion, patchAgeDays } = posture;
  return {
    encrypted, secure_boot: secureBoot, firewall, healthy: agentHealthy, os: osId, os_version: osVersion,
    patch_age_days: patchAgeDays === undefined ? undefined : integer(patchAgeDays),
  };
}

/** What is no text, or too much, is unknown as a whole: a variable must not seem to be missing. */
function variables(env: readonly ByteString[]): Map<string, unknown> | undefined {
  const decoded = decodedList(env);
  return decoded === undefined ? undefined : new Map(decoded.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]));
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

/** A map of which only one question may be asked: whether a name is in it. */
abstract class NameSet extends Map<string, unknown> {
  abstract override get(name: string): true | undefined;

  override get size(): number {
    throw new Error('only `in` works here');
  }

  override keys(): never {
    throw new Error('only `in` works here');
  }
}

/**
 * The requester's groups by name. The kernel knows numbers only and the device resolves names one way, so membership is
 * asked name by name, and a name that the device cannot resolve is unknown rather than "not a member".
 */
class GroupNames extends NameSet {
  readonly #source: Surroundings;

  constructor(source: Surroundings) {
    super();
    this.#source = source;
  }

  override get(name: string): true | undefined {
    const gid = this.#source.context.groupId(name);
    if (gid === undefined) throw new Error('unknown group');
    const { requester } = this.#source.request;
    return requester.gid === gid || requester.groups.includes(gid) ? true : undefined;
  }
}

/** The programs above the request, by path. Where some may have gone, one that is not there is unknown. */
class ProgramNames extends NameSet {
  readonly #lineage: Lineage;

  constructor(lineage: Lineage) {
    super();
    this.#lineage = lineage;
  }

  override get(name: string): true | undefined {
    if (this.#lineage.processes.some(({ executable }) => decodeUtf8(executable) === name)) return true;
    if (!this.#lineage.whole) throw new Error('some may have gone');
    return undefined;
  }
}
