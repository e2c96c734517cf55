import type { ByteString } from '@belay/core/bytes';
import type { Decision, DecisionContext } from '@belay/core/policy';
import type { ElevationRequest } from '@belay/core/request';
import type { PolicyInForce } from '../state/device-state.ts';
import type { Why } from './evidence.ts';

/** What was asked of the engine, and the facts by which it answered. */
export type Asked = { readonly request: ElevationRequest; readonly context: DecisionContext };

/** One request that has its answer. */
export type Settled = {
  /** 0: nobody was given a number. */
  readonly number: number;
  readonly uid: number;
  readonly user: string | undefined;
  /** Unix time, ms. */
  readonly atMs: number;
  readonly typed: { readonly path: ByteString; readonly argv: readonly ByteString[] };
  /** Undefined: it was allowed. */
  readonly why: Why | undefined;
  /** What the person was told. */
  readonly text: string;
  /** Undefined: outside the rules, or it did not come to one. */
  readonly decision: Decision | undefined;
  readonly outsideRules: boolean;
  /** In force at the time, whether it was asked or not. */
  readonly policy: PolicyInForce | undefined;
  /** Undefined: the request could not be gathered, or no policy was in force. */
  readonly asked: Asked | undefined;
};

/** As it is kept: large ones without what was asked, old ones without the policy that decided. */
export type Remembered = Omit<Settled, 'asked' | 'policy'> & {
  readonly manifest: PolicyInForce['manifest'] | undefined;
  readonly request: ElevationRequest | undefined;
  readonly context: DecisionContext | undefined;
  /** Why there is no request here, though one was decided. */
  readonly isTooLarge: boolean;
  /** Undefined: no longer kept. */
  readonly policy: PolicyInForce | undefined;
};

/** The last requests with what decided them, for those who ask why. In memory only: a restart forgets. */
export interface Decided {
  add(settled: Settled): void;
  byNumber(number: number): Remembered | undefined;
  lastOf(uid: number): Remembered | undefined;
}

export type DecidedLimits = { readonly all: number; readonly perUser: number; readonly bytes: number; readonly bytesPerUser: number; readonly policies: number };
export const DECIDED_LIMITS: DecidedLimits = { all: 512, perUser: 64, bytes: 8 * 1024 * 1024, bytesPerUser: 1024 * 1024, policies: 3 };

/** Beyond this a request is kept without its arguments and facts. */
const LARGEST = 128 * 1024;
const LONGEST_TYPED = 4096;
/** What a record takes besides its texts, roughly. */
const OVERHEAD = 1024;

type Kept = { remembered: Remembered; readonly bytes: number };

export function createDecided(limits: DecidedLimits = DECIDED_LIMITS): Decided {
  return new Ledger(limits);
}

/** What one person has in the ledger: numbers, oldest first. */
type Share = { readonly numbers: Set<number>; bytes: number };

// SECURITY(T-08): bounded by number and by bytes, for each person and in all, so that nobody fills belayd's memory, and whoever asks a lot
// pushes out what is his own.
class Ledger implements Decided {
  readonly #limits: DecidedLimits;
  readonly #byNumber = new Map<number, Kept>();
  readonly #byUser = new Map<number, Share>();
  #policies: readonly PolicyInForce[] = [];
  #bytes = 0;

  constructor(limits: DecidedLimits) {
    this.#limits = limits;
  }

  add(settled: Settled): void {
    const remembered = remember(settled);
    if (remembered.policy !== undefined) this.#keepPolicy(remembered.policy);
    this.#forget(settled.number);
    const bytes = sizeOf(remembered);
    const share = this.#byUser.get(settled.uid) ?? { numbers: new Set<number>(), bytes: 0 };
    this.#byUser.set(settled.uid, share);
    share.numbers.add(settled.number);
    share.bytes += bytes;
    this.#bytes += bytes;
    this.#byNumber.set(settled.number, { remembered, bytes });
    this.#makeRoom(share);
  }

  byNumber(number: number): Remembered | undefined {
    return this.#byNumber.get(number)?.remembered;
  }

  lastOf(uid: number): Remembered | undefined {
    const last = [...(this.#byUser.get(uid)?.numbers ?? [])].at(-1);
    return last === undefined ? undefined : this.byNumber(last);
  }

  #forget(number: number): void {
    const kept = this.#byNumber.get(number);
    if (kept === undefined) return;
    const { uid } = kept.remembered;
    const share = this.#byUser.get(uid);
    this.#byNumber.delete(number);
    this.#bytes -= kept.bytes;
    if (share === undefined) return;
    share.numbers.delete(number);
    share.bytes -= kept.bytes;
    if (share.numbers.size === 0) this.#byUser.delete(uid);
  }

  #makeRoom(own: Share): void {
    const { all, perUser, bytes, bytesPerUser } = this.#limits;
    while (own.numbers.size > 1 && (own.numbers.size > perUser || own.bytes > bytesPerUser)) this.#forget(oldest(own));
    while (this.#byNumber.size > 1 && (this.#byNumber.size > all || this.#bytes > bytes)) this.#forget(oldest(this.#largestShare(own)));
  }

  /** Whose oldest goes: never the one that has just come. */
  #largestShare(own: Share): Share {
    let largest: Share | undefined;
    for (const share of this.#byUser.values()) {
      const isSpared = share === own && own.numbers.size === 1;
      if (!isSpared && (largest === undefined || share.bytes > largest.bytes)) largest = share;
    }
    return largest ?? own;
  }

  /** Few sets are kept alive for the sake of the past: each may be large. */
  #keepPolicy(policy: PolicyInForce): void {
    // A manifest that brings grants alone brings the same set.
    if (this.#policies[0]?.set === policy.set) return;
    this.#policies = [policy, ...this.#policies.filter(({ set }) => set !== policy.set)].slice(0, this.#limits.policies);
    for (const kept of this.#byNumber.values()) {
      const { remembered } = kept;
      const kind = remembered.policy?.set;
      if (kind !== undefined && !this.#policies.some(({ set }) => set === kind)) kept.remembered = { ...remembered, policy: undefined };
    }
  }
}

function oldest({ numbers }: Share): number {
  return numbers.values().next().value as number;
}

/** As `belay why` needs it, whether it is kept or only asked for in passing. */
export function remember({ asked, typed, ...rest }: Settled): Remembered {
  const isLarge = asked !== undefined && bytesOf(asked.request) > LARGEST;
  const kept = isLarge ? undefined : asked;
  return { ...rest, typed: cut(typed), manifest: rest.policy?.manifest, isTooLarge: isLarge, request: kept?.request, context: kept?.context };
}

function cut({ path, argv }: Settled['typed']): Settled['typed'] {
  const words: ByteString[] = [];
  let left = LONGEST_TYPED;
  for (const word of argv) {
    if (left <= 0) break;
    words.push(word.length <= left ? word : shortened(word, left));
    left -= word.length + 1;
  }
  return { path: path.length <= LONGEST_TYPED ? path : shortened(path, LONGEST_TYPED), argv: words };
}

/** A copy: a part of a string would keep the whole of it in memory. */
function shortened(text: ByteString, length: number): ByteString {
  return Buffer.from(text.slice(0, length), 'latin1').toString('latin1') as ByteString;
}

function sizeOf({ request, typed, text }: Remembered): number {
  return OVERHEAD + text.length + total(typed.argv) + (request === undefined ? 0 : bytesOf(request));
}

function bytesOf({ args, env, cwd, executable, requester, runAs }: ElevationRequest): number {
  return total(args) + total(env) + cwd.length + executable.typed.length + executable.resolved.length + total(executable.links) + 8 * (requester.groups.length + runAs.groups.length);
}

function total(list: readonly ByteString[]): number {
  return list.reduce((sum, item) => sum + item.length + 32, 0);
}
