import { createRateLimit, type Rate, type RateLimit } from '@belay/core/rate-limit';

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

/** For each user; root is never refused. */
export function createUserRateLimit(rate: Rate, nowMs: () => number): Pick<RateLimit<number>, 'take'> {
  const { take } = createRateLimit<number>(() => rate, nowMs);
  return { take: (uid) => uid === 0 || take(uid) };
}
