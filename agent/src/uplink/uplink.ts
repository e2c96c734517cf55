import type { DaemonState, EnrollTask } from '@belay/proto/local';
import type { Logger } from 'pino';
import { createBackoff, pause } from './backoff.ts';
import { connectDaemon, type Daemon } from './daemon.ts';
import { enrol } from './enrol.ts';
import type { IdentityStore } from './identity.ts';
import type { InventorySource } from './inventory.ts';
import { keepLinked, type Linked, tellTrouble } from './keep-linked.ts';

export type UplinkDeps = {
  readonly socketPath: string;
  readonly identities: IdentityStore;
  readonly inventory: InventorySource;
  readonly log: Logger;
  /** Longest wait between two attempts to reach the server. */
  readonly retryMaxMs: number;
  readonly signal: AbortSignal;
};

const retryDaemonMaxMs = 2_000;

/** Serves belayd until `signal` is aborted: whenever the connection to it breaks, everything begins anew. */
export async function runUplink(deps: UplinkDeps): Promise<void> {
  const backoff = createBackoff(100, retryDaemonMaxMs);
  let wasSaid = false;
  while (!deps.signal.aborted) {
    try {
      await serveDaemon(deps, () => { backoff.reset(); wasSaid = false; });
      deps.log.info('belayd has gone');
    } catch (error) {
      if (!wasSaid) deps.log.warn({ err: error }, 'belayd cannot be reached; trying on');
      wasSaid = true;
    }
    await pause(backoff.next(), deps.signal);
  }
}

async function serveDaemon(deps: UplinkDeps, onConnected: () => void): Promise<void> {
  const ended = new AbortController();
  const session = createSession({ ...deps, signal: AbortSignal.any([deps.signal, ended.signal]) });
  const daemon = await connectDaemon(deps.socketPath, { onState: session.onState, onEnrollTask: session.onEnrollTask });
  const stop = (): void => daemon.close();
  deps.signal.addEventListener('abort', stop, { once: true });
  onConnected();
  session.start(daemon);
  await daemon.closed;
  deps.signal.removeEventListener('abort', stop);
  ended.abort();
  await session.finished();
}

type Session = {
  readonly onState: (state: DaemonState) => void;
  readonly onEnrollTask: (task: EnrollTask) => void;
  readonly start: (daemon: Daemon) => void;
  readonly finished: () => Promise<void>;
};

/** While one connection to belayd holds: at most one link to the server, for the device that belayd says it is. */
function createSession(deps: UplinkDeps): Session {
  let state: DaemonState | undefined;
  let daemon: Daemon | undefined;
  let pendingTask: EnrollTask | undefined;
  let linked: Linked | undefined;
  /** The device that was enrolled here and that belayd has not yet said it is. */
  let awaited: string | undefined;
  let work = Promise.resolve();
  const relink = (): void => {
    if (daemon === undefined || state === undefined) return;
    const device = state.enrolled ? state.device : undefined;
    if (linked !== undefined && linked.device === device) return linked.stateChanged();
    linked?.close();
    linked = undefined;
    if (device === awaited) awaited = undefined;
    // The state may be of before an enrolment that belayd is about to announce.
    if (awaited === undefined) deps.identities.keepOnly(device);
    if (device === undefined) return;
    const identity = deps.identities.load(device);
    if (identity === undefined) tellTrouble(daemon, 'The uplink has lost its key for this device: run `belay enroll --replace` with a new token.');
    else linked = keepLinked(identity, { ...deps, daemon, state: () => state as DaemonState });
  };
  const carryOut = (task: EnrollTask, through: Daemon): void => {
    work = work.then(async () => {
      awaited = task.device;
      const result = await enrol(task, { daemon: through, identities: deps.identities, inventory: deps.inventory });
      if (result.ok) deps.log.info({ device: task.device }, 'enrolled');
      else awaited = undefined;
      if (!result.ok) deps.log.warn({ code: result.error.code }, result.error.message);
      relink();
    }).catch((error: unknown) => deps.log.error({ err: error }, 'enrolment broke off'));
  };
  return {
    onState: (next) => {
      state = next;
      // While an enrolment is under way, belayd's state may still be that of before.
      work = work.then(relink);
    },
    onEnrollTask: (task) => {
      if (daemon === undefined) pendingTask = task;
      else carryOut(task, daemon);
    },
    start: (connected) => {
      daemon = connected;
      relink();
      if (pendingTask !== undefined) carryOut(pendingTask, connected);
    },
    finished: async () => {
      await work;
      linked?.close();
      await linked?.finished;
    },
  };
}
