import type { DaemonState } from '@belay/proto/local';
import type { Logger } from 'pino';
import { createBackoff, pause } from './backoff.ts';
import type { Daemon } from './daemon.ts';
import { renew } from './enrol.ts';
import { type Identity, type IdentityStore, isExpired, renewalTimeMs } from './identity.ts';
import type { InventorySource } from './inventory.ts';
import { type Link, linkClosed, openLink } from './link.ts';
import { explain, isRefusal } from './server.ts';

const retryFirstMs = 500;
/** A server that knows us and has turned us away will not think better of it within seconds. */
const retryRefusedMs = 60_000;
const renewalRetryMs = 60 * 60_000;
/** setTimeout holds at most 24.8 days. */
const longestTimerMs = 24 * 60 * 60_000;

export type KeepLinkedDeps = {
  readonly daemon: Daemon;
  readonly state: () => DaemonState;
  readonly identities: IdentityStore;
  readonly inventory: InventorySource;
  readonly log: Logger;
  readonly retryMaxMs: number;
  readonly signal: AbortSignal;
};

export type Linked = {
  readonly device: string;
  readonly stateChanged: () => void;
  readonly close: () => void;
  readonly finished: Promise<void>;
};

export function tellTrouble(daemon: Daemon, error: string): void {
  daemon.tell({ case: 'linkState', value: { connected: false, error, serverTimeMs: 0n } });
}

/** Opens the link again and again until closed, renewing the certificate when it is due. */
export function keepLinked(first: Identity, deps: KeepLinkedDeps): Linked {
  const ended = new AbortController();
  const signal = AbortSignal.any([deps.signal, ended.signal]);
  const backoff = createBackoff(retryFirstMs, deps.retryMaxMs);
  let identity = first;
  let link: Link | undefined;
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const reason = await renewIfDue(identity, deps).then((current) => {
        identity = current;
        link = openLink(identity, { ...deps, ...voices(deps, backoff.reset) });
        return untilEnded(link, identity, signal);
      }).catch((error: unknown) => error);
      link = undefined;
      if (signal.aborted) return;
      // Ours: only to open it again with a new certificate.
      if (reason === linkClosed) continue;
      const error = explain(reason, identity.fleetAddress);
      deps.log.info({ reason: error }, 'not linked');
      tellTrouble(deps.daemon, error);
      await pause(isRefusal(reason) ? Math.max(retryRefusedMs, deps.retryMaxMs) : backoff.next(), signal);
    }
  };
  return { device: first.device, stateChanged: () => link?.stateChanged(), close: () => ended.abort(), finished: run() };
}

function voices({ daemon, log }: KeepLinkedDeps, onUp: () => void) {
  return {
    onUp: (serverTimeMs: number): void => {
      onUp();
      daemon.tell({ case: 'linkState', value: { connected: true, error: '', serverTimeMs: BigInt(serverTimeMs) } });
    },
    onProblem: (message: string): void => {
      log.error(message);
      daemon.tell({ case: 'linkState', value: { connected: true, error: message, serverTimeMs: 0n } });
    },
  };
}

/** Answers the identity to use now. Throws when the certificate has expired and cannot be renewed. */
async function renewIfDue(identity: Identity, { identities, log }: KeepLinkedDeps): Promise<Identity> {
  const nowMs = Date.now();
  if (nowMs < renewalTimeMs(identity.certificate)) return identity;
  try {
    const renewed = await renew(identity, identities);
    log.info('device certificate renewed');
    return renewed;
  } catch (error) {
    log.warn({ err: error }, 'device certificate not renewed');
    // While it lasts, everything but the renewal works.
    if (isExpired(identity.certificate, nowMs)) throw error;
    return identity;
  }
}

/** A link that holds must still be reopened with a new certificate in time. Answers why it ended. */
async function untilEnded(link: Link, identity: Identity, signal: AbortSignal): Promise<unknown> {
  const untilDueMs = renewalTimeMs(identity.certificate) - Date.now();
  // Overdue: the renewal has just failed.
  const timer = setTimeout(link.close, Math.min(longestTimerMs, untilDueMs > 0 ? untilDueMs : renewalRetryMs));
  signal.addEventListener('abort', link.close, { once: true });
  if (signal.aborted) link.close();
  try {
    return await link.ended;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', link.close);
  }
}
