import type { Account, Group } from '../platform.ts';
import { findGroupByName, findGroupById, findGroupsOf, findUserById, findUserByName, type Found } from './nss.ts';

/**
 * Users and groups of the name service, from memory: a directory that is slow or gone never keeps a request waiting. Whoever is asked
 * for the first time is unknown until the name service has answered; what is known is looked up again off the path of requests.
 * Undefined: unknown, or there is none.
 */
export interface NameService {
  userByName(name: string): Account | undefined;
  userById(uid: number): Account | undefined;
  groupByName(name: string): Group | undefined;
  groupById(gid: number): Group | undefined;
  /** The account's own group and those that list it. What a source that fails would have added is not in it: see `findGroupsOf`. */
  groupsOf(account: Pick<Account, 'name' | 'gid'>): readonly number[] | undefined;
  /** Names to know before anybody asks, instead of those named before: those in policy. They are kept fresh from now on. */
  keep(names: KeptNames): void;
  /** Until everything that has been asked for is looked up, or the time is over. */
  settled(signal: AbortSignal): Promise<void>;
  close(): void;
}

export type KeptNames = { readonly users: readonly string[]; readonly groups: readonly string[] };

export type NameServiceDeps = {
  /** CLOCK_BOOTTIME, ms. */
  readonly bootMs: () => number;
  readonly finders?: Finders;
  /** After this, an answer is looked up again when somebody asks. */
  readonly freshMs?: number;
  /** After this, what could not be looked up again is unknown. */
  readonly maxAgeMs?: number;
  readonly maxEntries?: number;
};

export type Finders = {
  readonly userByName: (name: string) => Promise<Found<Account>>;
  readonly userById: (uid: number) => Promise<Found<Account>>;
  readonly groupByName: (name: string) => Promise<Found<Group>>;
  readonly groupById: (gid: number) => Promise<Found<Group>>;
  readonly groupsOf: (account: Pick<Account, 'name' | 'gid'>) => Promise<readonly number[] | undefined>;
};

const NSS: Finders = { userByName: findUserByName, userById: findUserById, groupByName: findGroupByName, groupById: findGroupById, groupsOf: findGroupsOf };
const FRESH_MS = 60_000;
/** After it failed, or found nobody: then somebody may have been added a moment ago. */
const RETRY_MS = 5000;
const MAX_AGE_MS = 60 * 60_000;
const MAX_ENTRIES = 4096;

export function createNameService({ bootMs, finders = NSS, freshMs = FRESH_MS, maxAgeMs = MAX_AGE_MS, maxEntries = MAX_ENTRIES }: NameServiceDeps): NameService {
  const answers = createAnswers({ bootMs, freshMs, maxAgeMs, maxEntries });
  const ask = {
    userByName: (name: string) => answers.of(userKey(name), () => finders.userByName(name)),
    groupByName: (name: string) => answers.of(groupKey(name), () => finders.groupByName(name)),
  };
  let kept: KeptNames = { users: [], groups: [] };
  const askKept = (): void => {
    for (const name of kept.users) ask.userByName(name);
    for (const name of kept.groups) ask.groupByName(name);
  };
  const timer = setInterval(askKept, freshMs).unref();
  return {
    ...ask,
    userById: (uid) => answers.of(`uid ${uid}`, () => finders.userById(uid)),
    groupById: (gid) => answers.of(`gid ${gid}`, () => finders.groupById(gid)),
    groupsOf: (account) => answers.of(`groups ${account.gid} ${account.name}`, () => finders.groupsOf(account)),
    keep(names) {
      kept = names;
      answers.pin(new Set([...names.users.map(userKey), ...names.groups.map(groupKey)]));
      askKept();
    },
    settled: answers.settled,
    close() {
      clearInterval(timer);
      answers.close();
    },
  };
}

const userKey = (name: string): string => `user ${name}`;
const groupKey = (name: string): string => `group ${name}`;

type Entry = {
  readonly find: () => Promise<unknown>;
  /** What was found last, and when; a failure leaves it as it is. */
  found: { readonly value: unknown; readonly atMs: number } | undefined;
  triedAtMs: number;
  queued: boolean;
};

type Answers = { of<T>(key: string, find: () => Promise<Found<T>>): T | undefined; pin(keys: ReadonlySet<string>): void; settled(signal: AbortSignal): Promise<void>; close(): void };

/** The longest unused goes first, but for what is pinned: nobody can push policy's names out by asking for many. */
function createAnswers({ bootMs, freshMs, maxAgeMs, maxEntries }: Required<Omit<NameServiceDeps, 'finders'>>): Answers {
  const entries = new Map<string, Entry>();
  const lane = createLane(bootMs, maxEntries);
  let pinned: ReadonlySet<string> = new Set();

  function evict(): void {
    for (const key of entries.keys()) {
      if (pinned.has(key)) continue;
      entries.delete(key);
      return;
    }
  }

  function isDue({ found, triedAtMs }: Entry): boolean {
    const answered = typeof found?.value === 'object' && found.atMs === triedAtMs;
    return bootMs() - triedAtMs >= (answered ? freshMs : Math.min(freshMs, RETRY_MS));
  }

  return {
    of<T>(key: string, find: () => Promise<Found<T>>): T | undefined {
      const entry = entries.get(key) ?? { find, found: undefined, triedAtMs: Number.NEGATIVE_INFINITY, queued: false };
      entries.delete(key);
      entries.set(key, entry);
      if (entries.size > maxEntries) evict();
      if (isDue(entry)) lane.add(entry);
      const { found } = entry;
      return found === undefined || found.value === 'absent' || bootMs() - found.atMs > maxAgeMs ? undefined : (found.value as T);
    },
    pin(keys) {
      pinned = keys;
    },
    settled: lane.settled,
    close() {
      lane.close();
      entries.clear();
    },
  };
}

type Lane = { add(entry: Entry): void; settled(signal: AbortSignal): Promise<void>; close(): void };

/** One look-up at a time: each holds one of the process's few threads for as long as a directory likes. */
function createLane(bootMs: () => number, maxWaiting: number): Lane {
  const queue: Entry[] = [];
  let running: Promise<void> | undefined;
  let closed = false;

  async function work(): Promise<void> {
    for (let entry = queue.shift(); entry !== undefined && !closed; entry = queue.shift()) await lookUp(entry, bootMs);
    running = undefined;
  }

  return {
    add(entry) {
      if (entry.queued || closed || queue.length >= maxWaiting) return;
      entry.queued = true;
      queue.push(entry);
      running ??= work();
    },
    async settled(signal) {
      const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      while (running !== undefined && !signal.aborted) await Promise.race([running, over]);
    },
    close() {
      closed = true;
      queue.length = 0;
    },
  };
}

async function lookUp(entry: Entry, bootMs: () => number): Promise<void> {
  // An answer is as old as its question.
  const atMs = bootMs();
  let value: unknown;
  try {
    value = await entry.find();
  } catch {
    value = undefined;
  }
  entry.queued = false;
  entry.triedAtMs = atMs;
  if (value !== undefined) entry.found = { value, atMs };
}
