import type { EventDraft } from '@belay/core/evidence';
import type { PolicySet } from '@belay/core/policy';
import type { Clock } from '../platform/platform.ts';

/** When the server was last heard of: by what only it can sign, never by the uplink's word (SECURITY(T-36)). */
export interface ServerContact {
  /** Something new and signed has come. */
  heard(): void;
  /** Undefined: never. */
  silentMs(): number | undefined;
}

/** `earlierMs`: when an earlier run heard of it, Unix time; undefined: never. Asked while this one has not. */
export function createServerContact(clock: Pick<Clock, 'now' | 'boot'>, earlierMs: () => number | undefined): ServerContact {
  const begunMs = clock.boot();
  let last: { readonly wallMs: number; readonly bootMs: number } | undefined;
  return {
    heard() {
      last = { wallMs: clock.now(), bootMs: clock.boot() };
    },
    silentMs() {
      const wallMs = last?.wallMs ?? earlierMs();
      // A wall clock that was set back does not shorten the silence.
      return wallMs === undefined ? undefined : Math.max(0, clock.now() - wallMs, clock.boot() - (last?.bootMs ?? begunMs));
    },
  };
}

const SHORTEST_MS = 60_000;
const LONGEST_MS = 6 * 60 * 60_000;

/**
 * After how much silence a device that has nothing to say should say something, so that a receipt comes in time for every rule that
 * ends with the server's silence. Undefined: no rule does.
 */
export function heartbeatMs(set: PolicySet): number | undefined {
  const after = set.rules.flatMap(({ failures: { serverUnreachable } }) => (serverUnreachable?.then === 'deny' ? [serverUnreachable.afterMs] : []));
  return after.length === 0 ? undefined : Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.min(...after) / 4));
}

export type HeartbeatDeps = {
  readonly journal: { readonly chain: { readonly durableSeq: number; readonly receipted: number }; append(event: EventDraft): void };
  readonly contact: Pick<ServerContact, 'silentMs'>;
  policy(): PolicySet | undefined;
};

const LOOK_EVERY_MS = 30_000;

/** On a device with nothing to say, an event now and then for the server to receipt. None while another still waits for that. */
export function createHeartbeat({ journal, contact, policy }: HeartbeatDeps): { beat(): void; stop(): void } {
  function beat(): void {
    const set = policy();
    const afterMs = set === undefined ? undefined : heartbeatMs(set);
    const { durableSeq, receipted } = journal.chain;
    if (afterMs === undefined || durableSeq > receipted || (contact.silentMs() ?? afterMs) < afterMs) return;
    journal.append({ type: 'agent.heartbeat', fields: {} });
  }
  const timer = setInterval(beat, LOOK_EVERY_MS);
  timer.unref();
  return { beat, stop: () => clearInterval(timer) };
}
