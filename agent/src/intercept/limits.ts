/** How many connections there are, in all and by user. Counted before anything of a connection is read. */
export interface ConnectionLimits {
  /** False: refuse. Otherwise `leave` must be called once. */
  enter(uid: number): boolean;
  leave(uid: number): void;
}

export function createConnectionLimits(most: { readonly all: number; readonly perUser: number }): ConnectionLimits {
  const byUser = new Map<number, number>();
  let all = 0;
  return {
    enter(uid) {
      const mine = byUser.get(uid) ?? 0;
      // Root is counted and never refused: it must be able to look, and to elevate, under any flood.
      if (uid !== 0 && (all >= most.all || mine >= most.perUser)) return false;
      byUser.set(uid, mine + 1);
      all++;
      return true;
    },
    leave(uid) {
      const mine = byUser.get(uid) ?? 0;
      if (mine <= 1) byUser.delete(uid);
      else byUser.set(uid, mine - 1);
      all--;
    },
  };
}

/** A bucket of `burst` that fills by `perSecond`, for each user. */
export interface RateLimit {
  take(uid: number): boolean;
}

const MOST_USERS = 10_000;

export function createRateLimit(rate: { readonly perSecond: number; readonly burst: number }, nowMs: () => number): RateLimit {
  const buckets = new Map<number, { left: number; atMs: number }>();
  return {
    take(uid) {
      if (uid === 0) return true;
      const now = nowMs();
      const bucket = buckets.get(uid);
      const left = bucket === undefined ? rate.burst : Math.min(rate.burst, bucket.left + ((now - bucket.atMs) / 1000) * rate.perSecond);
      if (bucket === undefined && buckets.size >= MOST_USERS) buckets.delete(buckets.keys().next().value as number);
      buckets.set(uid, { left: left >= 1 ? left - 1 : left, atMs: now });
      return left >= 1;
    },
  };
}
