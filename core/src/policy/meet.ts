import type { ByteString } from '../bytes.ts';
import type { Demands } from './decision.ts';

export const NO_DEMANDS: Demands = { reason: undefined, reauth: undefined };

/**
 * Equals combine by the strictest of each (design.md, meaning 2). Both meets are commutative, associative and idempotent, so
 * the order of rules never matters.
 *
 * reason: the longest minimum. reauth: the smallest age. Demanded by one is demanded.
 */
export function meetDemands(a: Demands, b: Demands): Demands {
  return {
    reason: meetOf(a.reason, b.reason, (x, y) => ({ minLength: Math.max(x.minLength, y.minLength) })),
    reauth: meetOf(a.reauth, b.reauth, (x, y) => ({ maxAgeMs: Math.min(x.maxAgeMs, y.maxAgeMs) })),
  };
}

/** What a rule lays on whoever launches, while rules are being combined. */
export type Bond = {
  /** Sorted; undefined: not pinned. */
  readonly sha256: readonly string[] | undefined;
  readonly argv0: Argv0;
};

/** `rank`: how near the name is to what was typed: 0 the typed path, then each link, then the resolved path, then other names, then none. */
export type Argv0 = { readonly rank: number; readonly path: ByteString };

/** sha256: the intersection. argv0: the name nearest to what was typed, so that of two rules for two names of one file the typed one counts. */
export function meetBonds(a: Bond, b: Bond): Bond {
  return {
    sha256: meetOf(a.sha256, b.sha256, (x, y) => x.filter((hash) => y.includes(hash))),
    argv0: nearer(a.argv0, b.argv0),
  };
}

function nearer(a: Argv0, b: Argv0): Argv0 {
  if (a.rank !== b.rank) return a.rank < b.rank ? a : b;
  return a.path <= b.path ? a : b;
}

function meetOf<T>(a: T | undefined, b: T | undefined, meet: (a: T, b: T) => T): T | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : meet(a, b);
}
