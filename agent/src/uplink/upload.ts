import { UploadEventsResponse_Status as Status } from '@belay/proto/fleet';
import type { Daemon } from './daemon.ts';
import { callTimeoutMs, type FleetClient } from './server.ts';

const maxBatchBytes = 1024 * 1024;
const maxBatchEvents = 1000;
/** After a quiet time the first new event goes at once, as somebody may wait for an answer to it; what follows within this time travels together. */
const gatherMs = 50;
/** After a refusal the same events would be refused again, and each time an administrator told of it. */
const holdAfterRefusalMs = 60_000;

export type Uploader = {
  /** There may be something new. */
  readonly poke: () => void;
  readonly close: () => void;
};

export type UploaderDeps = {
  readonly daemon: Daemon;
  readonly client: FleetClient;
  /** The server will not take these events: somebody must look. */
  readonly onRefused: (message: string) => void;
  /** The connection does not work; nothing more is uploaded over it. */
  readonly onBroken: (error: unknown) => void;
};

/**
 * Carries events up in order, one batch at a time, until everything is receipted. The server drops what it has already, so a
 * batch whose answer got lost is simply sent again: that is what makes it exactly once.
 */
export function createUploader(deps: UploaderDeps): Uploader {
  const ended = new AbortController();
  let isRunning = false;
  let isPoked = false;
  let heldUntilMs = 0;
  let drainedAtMs = Number.NEGATIVE_INFINITY;
  const onRefused = (message: string): void => {
    heldUntilMs = performance.now() + holdAfterRefusalMs;
    deps.onRefused(message);
  };
  const run = async (): Promise<void> => {
    isRunning = true;
    try {
      while (isPoked && !ended.signal.aborted) {
        const waitMs = drainedAtMs + gatherMs - performance.now();
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        isPoked = false;
        await drain({ ...deps, onRefused }, ended.signal);
        drainedAtMs = performance.now();
      }
    } catch (error) {
      if (!ended.signal.aborted) deps.onBroken(error);
      ended.abort();
    } finally {
      isRunning = false;
    }
  };
  return {
    poke: () => {
      isPoked = true;
      if (!isRunning && !ended.signal.aborted && performance.now() >= heldUntilMs) void run();
    },
    close: () => ended.abort(),
  };
}

async function drain(deps: UploaderDeps, signal: AbortSignal): Promise<void> {
  let from = 0n;
  let earlierThan: bigint | undefined;
  while (!signal.aborted) {
    const batch = await deps.daemon.ask({ case: 'pullEvents', value: { from, maxBytes: maxBatchBytes, maxEvents: maxBatchEvents } }, 'events');
    if (batch.events.length === 0) return;
    const { chain, first, events, earliest } = batch;
    const answer = await deps.client.uploadEvents({ chain, first, events, earliest }, { timeoutMs: callTimeoutMs, signal });
    if (answer.status === Status.ACCEPTED) {
      await deps.daemon.ask({ case: 'receipt', value: { envelope: answer.receipt } }, 'done');
      from = 0n;
      earlierThan = undefined;
    } else if (answer.status === Status.NEED_EARLIER && (earlierThan === undefined || answer.next < earlierThan)) {
      from = answer.next;
      // Asked for ever earlier events it ends; a server that goes in circles is not followed.
      earlierThan = answer.next;
    } else {
      deps.onRefused(answer.message || 'the server does not accept the events of this device');
      return;
    }
  }
}
