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
export const perMinute = (count: number): Rate => ({ perSecond: count / 60, burst: count });

/** How many keys are remembered; beyond it those that were used longest ago begin anew. */
const REMEMBERED = 10_000;

export function createRateLimit<K extends number | string>({ perSecond, burst }: Rate, nowMs: () => number): RateLimit<K> {
  const buckets = new Map<K, { readonly left: number; readonly atMs: number }>();
  const leftOf = (key: K): number => {
    const bucket = buckets.get(key);
    // A clock that was set back must not lock anybody out.
    return bucket === undefined ? burst : Math.min(burst, bucket.left + (Math.max(0, nowMs() - bucket.atMs) / 1000) * perSecond);
  };
  return {
    take(key) {
      const left = leftOf(key);
      buckets.delete(key);
      if (buckets.size >= REMEMBERED) buckets.delete(buckets.keys().next().value as K);
      buckets.set(key, { left: left >= 1 ? left - 1 : left, atMs: nowMs() });
      return left >= 1;
    },
    waitMs: (key) => Math.max(0, Math.ceil(((1 - leftOf(key)) / perSecond) * 1000)),
  };
}
