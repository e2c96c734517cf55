import { type Circumstances, UNKNOWN_POSTURE } from '@belay/core/policy';
import type { Peer, Platform } from '../platform/platform.ts';
import type { Gathered } from './gather.ts';

export type CircumstanceDeps = {
  readonly platform: Pick<Platform, 'ownerOf' | 'posture'>;
  /** The agent records, and its journal has room. */
  healthy(): boolean;
};

/** `seen`: what has been asked for so far, and nothing of the process or the file behind it. What has not is unknown. */
export type SeenCircumstances = Circumstances & { seen(): Circumstances };

/** What surrounds a request: each read when a rule asks for it, and once, however often it is asked. A new one reads anew. */
export function circumstancesOf(peer: Peer, file: Pick<Gathered, 'fd' | 'inspected'> | undefined, { platform, healthy }: CircumstanceDeps): SeenCircumstances {
  const owner = once(() => {
    if (file === undefined) return undefined;
    const { resolved, rootOnly } = file.inspected.executable;
    return platform.ownerOf({ path: resolved, fd: file.fd, rootOnly });
  });
  const lineage = once(() => peer.lineage());
  const origin = once(() => peer.origin());
  const posture = once(() => ({ ...platform.posture(), agentHealthy: healthy() }));
  return {
    ownerOfExecutable: owner.ask,
    lineage: lineage.ask,
    origin: origin.ask,
    posture: posture.ask,
    seen() {
      const [ownerSeen, lineageSeen, originSeen, postureSeen] = [owner.seen(), lineage.seen(), origin.seen(), posture.seen() ?? UNKNOWN_POSTURE];
      return { ownerOfExecutable: () => ownerSeen, lineage: () => lineageSeen, origin: () => originSeen, posture: () => postureSeen };
    },
  };
}

function once<T>(read: () => T): { readonly ask: () => T; readonly seen: () => T | undefined } {
  let told: { readonly value: T } | undefined;
  return { ask: () => (told ??= { value: read() }).value, seen: () => told?.value };
}
