import type { Actor, Clock } from '../platform/platform.ts';

/** When somebody last gave a password, by login session. In memory only: a restart forgets. */
export interface Reauthentications {
  /** Milliseconds since the last one in this login session; undefined: none. */
  ageMs(actor: Actor): number | undefined;
  record(actor: Actor): void;
  forget(actor: Actor, everywhere: boolean): void;
}

const MOST = 10_000;
const LONGEST_MS = 24 * 60 * 60 * 1000;

export function createReauthentications(clock: Pick<Clock, 'boot'>): Reauthentications {
  const given = new Map<string, number>();
  // SECURITY(T-12): user, session, its leader's start and the terminal: none of them can be taken over by another session.
  const keyOf = ({ realUid, loginSession: at }: Actor) => `${realUid}:${at.sessionId}:${at.leaderStart}:${at.terminal}`;
  return {
    ageMs(actor) {
      // Without a leader the session id may be somebody else's tomorrow.
      const at = actor.loginSession.leaderStart === 0 ? undefined : given.get(keyOf(actor));
      const age = at === undefined ? undefined : clock.boot() - at;
      return age === undefined || age < 0 || age > LONGEST_MS ? undefined : age;
    },
    record(actor) {
      if (given.size >= MOST) given.delete(given.keys().next().value as string);
      given.delete(keyOf(actor));
      given.set(keyOf(actor), clock.boot());
    },
    forget(actor, everywhere) {
      if (!everywhere) given.delete(keyOf(actor));
      else for (const key of given.keys()) if (key.startsWith(`${actor.realUid}:`)) given.delete(key);
    },
  };
}
