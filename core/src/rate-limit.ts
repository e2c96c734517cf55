/** Token buckets, one for each key: of a user, of an address. */
export type RateLimit<K> = {
  /** Takes one; false: there is none. */
  readonly take: (key: K) => boolean;
  /** Milliseconds until there is one to take; 0: now. Takes none. */
  readonly waitMs: (key: K) => number;
};

/** A bucket begins with `burst` and fills up to it evenly. */
export type Rate = { readonly perSecond: number; readonly burst: number };

/** So many at once, and as many in each minute after. */
export const perMinute = (count: number) => (): Rate => ({ perSecond: count / 60, burst: count });

/** How many keys are remembered; beyond it those that were used longest ago begin anew. */
const REMEMBERED = 10_000;
/** Sums of fractions are a little off. */
const SLACK = 1e-6;

/** `rate` is asked each time: another one holds for every bucket at once. */
export function createRateLimit<K extends number | string>(rate: () => Rate, nowMs: () => number): RateLimit<K> {
  const buckets = new Map<K, { readonly taken: number; readonly atMs: number }>();
  const takenOf = (key: K): number => {
    const bucket = buckets.get(key);
    // A clock that was set back must not lock anybody out.
    return bucket === undefined ? 0 : Math.max(0, bucket.taken - (Math.max(0, nowMs() - bucket.atMs) / 1000) * rate().perSecond);
  };
  return {
    take(key) {
      const taken = takenOf(key);
      const isLeft = taken + 1 <= rate().burst + SLACK;
      buckets.delete(key);
      if (buckets.size >= REMEMBERED) buckets.delete(buckets.keys().next().value as K);
      buckets.set(key, { taken: isLeft ? taken + 1 : taken, atMs: nowMs() });
      return isLeft;
    },
    waitMs(key) {
      const { burst, perSecond } = rate();
      return Math.max(0, Math.ceil(((takenOf(key) + 1 - burst - SLACK) / perSecond) * 1000));
    },
  };
}
