import type { DaemonState } from '@belay/proto/local';
import type { SyncResponse } from '@belay/proto/fleet';
import type { Logger } from 'pino';
import { type Daemon, DaemonRefusal } from './daemon.ts';
import type { Identity } from './identity.ts';
import type { InventorySource } from './inventory.ts';
import { callTimeoutMs, fleetClient, type FleetClient } from './server.ts';
import { createUploader } from './upload.ts';

export type LinkDeps = {
  readonly daemon: Daemon;
  readonly state: () => DaemonState;
  readonly inventory: InventorySource;
  readonly log: Logger;
  /** The server has answered: the link works. */
  readonly onUp: (serverTimeMs: number) => void;
  readonly onProblem: (message: string) => void;
};

/** One connection to the server, from its opening to its end. */
export type Link = {
  /** belayd says that its state has changed. */
  readonly stateChanged: () => void;
  /** Resolves with what ended it; never rejects. */
  readonly ended: Promise<unknown>;
  readonly close: () => void;
};

/** What `ended` resolves with after `close`. */
export const linkClosed = Symbol('link closed');

const inventoryEveryMs = 24 * 60 * 60_000;
const reportProgressEveryMs = 30_000;

export function openLink(identity: Identity, deps: LinkDeps): Link {
  const client = fleetClient(identity);
  const stream = client.sync();
  const ended = Promise.withResolvers<unknown>();
  let isOpen = true;
  const close = (reason: unknown): void => {
    if (!isOpen) return;
    isOpen = false;
    clearInterval(inventoryTimer);
    clearInterval(progressTimer);
    uploader.close();
    stream.cancel();
    client.close();
    ended.resolve(reason);
  };
  const uploader = createUploader({ daemon: deps.daemon, client, onRefused: deps.onProblem, onBroken: close });
  const reportInventory = (): void => { sendInventory(client, identity, deps).catch((error: unknown) => deps.log.info({ err: error }, 'inventory not reported')); };
  const inventoryTimer = setInterval(reportInventory, inventoryEveryMs);
  let said = '';
  const report = (): void => {
    said = markOf(deps.state());
    stream.write(reportOf(deps.state()));
  };
  const progressTimer = setInterval(report, reportProgressEveryMs);
  const fetchBundles = createBundleFetcher(client, deps, close);
  const deliver = async (message: SyncResponse['message']): Promise<void> => await pass(message, deps, fetchBundles);
  stream.on('error', () => {});
  void listen(stream, deliver, () => {
    // Only a server that has answered is a server: a port that accepts connections proves nothing.
    uploader.poke();
    reportInventory();
  }, deps).then(close);
  const stateChanged = (): void => {
    if (!isOpen) return;
    if (markOf(deps.state()) !== said) report();
    if (deps.state().journalHead > deps.state().receipted) uploader.poke();
    if (deps.state().bundlesWanted.length > 0) fetchBundles(deps.state().bundlesWanted);
  };
  report();
  return { stateChanged, ended: ended.promise, close: () => close(linkClosed) };
}

/** What the server should hear of at once when it changes. */
function markOf(state: DaemonState): string {
  return JSON.stringify([`${state.manifestEpoch}.${state.manifestNumber}`, `${state.roleKeysVersion}`, state.agentVersion, state.problems, Buffer.from(state.timeNonce).toString('hex')]);
}

function reportOf(state: DaemonState) {
  const { manifestNumber, manifestEpoch, roleKeysVersion, journalHead, receipted, agentVersion, problems, timeNonce } = state;
  return { manifestNumber, manifestEpoch, roleKeysVersion, journalHead, receipted, agentVersion, problems, timeNonce, deviceTimeMs: BigInt(Date.now()) };
}

/** Reads to the end; answers why it ended. One message is dealt with before the next is read, so a flood waits at the server. */
async function listen(
  stream: AsyncIterable<SyncResponse>,
  deliver: (message: SyncResponse['message']) => Promise<void>,
  onFirst: () => void,
  deps: LinkDeps,
): Promise<unknown> {
  let isFirst = true;
  try {
    for await (const { message } of stream) {
      if (isFirst || message.case === 'keepAlive') deps.onUp(message.case === 'keepAlive' ? Number(message.value.serverTimeMs) : 0);
      if (isFirst) onFirst();
      isFirst = false;
      await deliver(message);
    }
    return 'the server ended the connection';
  } catch (error) {
    return error;
  }
}

async function pass(message: SyncResponse['message'], deps: LinkDeps, fetchBundles: (digests: readonly Uint8Array[]) => void): Promise<void> {
  const { daemon, log } = deps;
  try {
    if (message.case === 'roleKeys') await daemon.ask({ case: 'roleKeys', value: { envelope: message.value } }, 'done');
    else if (message.case === 'order') await daemon.ask({ case: 'order', value: { envelope: message.value } }, 'done');
    else if (message.case === 'answer') await daemon.ask({ case: 'answer', value: { envelope: message.value } }, 'done');
    else if (message.case === 'time') await daemon.ask({ case: 'time', value: { envelope: message.value } }, 'done');
    else if (message.case === 'manifest') {
      const answer = await daemon.ask({ case: 'manifest', value: { envelope: message.value } }, 'manifest');
      if (answer.accepted) fetchBundles(answer.bundlesWanted);
      else log.warn({ code: answer.code }, answer.message);
    }
  } catch (error) {
    // belayd has recorded why; the link goes on, for the next message may mend it.
    if (!(error instanceof DaemonRefusal)) throw error;
    log.warn({ code: error.code, what: message.case }, error.message);
  }
}

/** Fetches each wanted bundle once at a time. belayd compares the content with the digest that it asked for. */
function createBundleFetcher(client: FleetClient, deps: LinkDeps, onBroken: (error: unknown) => void): (digests: readonly Uint8Array[]) => void {
  const underWay = new Set<string>();
  const fetchOne = async (digest: Uint8Array): Promise<void> => {
    const name = Buffer.from(digest).toString('hex');
    if (underWay.has(name)) return;
    underWay.add(name);
    try {
      const { content } = await client.getBundle({ digest }, { timeoutMs: callTimeoutMs });
      await deps.daemon.ask({ case: 'bundle', value: { digest, content } }, 'done');
    } finally {
      underWay.delete(name);
    }
  };
  return (digests) => {
    const all = async (): Promise<void> => { for (const digest of digests) await fetchOne(digest); };
    all().catch((error: unknown) => {
      if (error instanceof DaemonRefusal) deps.log.warn({ code: error.code }, error.message);
      else onBroken(error);
    });
  };
}

async function sendInventory(client: FleetClient, identity: Identity, deps: LinkDeps): Promise<void> {
  const changed = await deps.inventory.changed(identity.device);
  if (changed === undefined) return;
  await client.reportInventory({ inventory: changed.inventory }, { timeoutMs: callTimeoutMs });
  changed.reported();
}
