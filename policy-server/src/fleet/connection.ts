import { randomUUID } from 'node:crypto';
import { type Failure, failure } from '@belay/core/codes';
import type { SyncRequest, SyncResponseSchema } from '@belay/proto/fleet';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { ServerContext } from '../context.ts';
import type { Answers } from '../features/requests/answers.ts';
import type { Identify } from './caller.ts';
import type { Manifests } from './manifests.ts';
import type { Orders } from './orders.ts';
import type { Presence } from './presence.ts';
import { type Reported, saveReport } from './report.ts';
import { statusOf } from './status.ts';

export type ConnectionDeps = Pick<ServerContext, 'store' | 'keys' | 'clock' | 'log'> & {
  readonly identify: Identify;
  readonly manifests: Manifests;
  readonly orders: Orders;
  readonly answers: Answers;
  readonly presence: Presence;
};

type Answer = MessageInitShape<typeof SyncResponseSchema>;
type Message = NonNullable<Answer['message']>;
export type SyncStream = ServerDuplexStream<SyncRequest, Answer>;

/** One device's stream. */
export type Connection = {
  readonly device: string;
  /** Brings role keys, manifest and orders that this stream has not had yet. */
  readonly deliver: () => Promise<void>;
  readonly end: (why: Failure) => void;
};

const KEEP_ALIVE_MS = 20_000;

export function refuse(stream: SyncStream, why: Failure, requestId: string = randomUUID()): void {
  if (!stream.destroyed) stream.emit('error', statusOf(why, requestId));
}

/** What this stream has had already. */
type Sent = { roleKeys: number; manifest: string; hasReported: boolean; readonly orders: Set<string>; readonly answers: Set<string> };

/** `onEnd` is called once, however it ends. */
export function createConnection(deps: ConnectionDeps, stream: SyncStream, device: string, onEnd: () => void): Connection {
  const { clock, presence, identify } = deps;
  const sent: Sent = { roleKeys: 0, manifest: '', hasReported: false, orders: new Set(), answers: new Set() };
  const wire = openWire(stream, onEnd);
  const deliver = serially(async () => {
    if (!wire.isOpen() || !sent.hasReported) return;
    if (!(await pushAll(deps, device, sent, wire.send))) wire.end(failure('BELAY_E_REVOKED', 'This device is not part of the fleet.'));
  });
  const guard = (work: Promise<void>): void => {
    work.catch((error: unknown) => {
      deps.log.error({ err: error, device }, 'a connection failed');
      wire.end(failure('BELAY_E_INTERNAL'));
    });
  };
  const hear = latestOnly(async (report: Reported) => {
    if (!wire.isOpen()) return;
    await saveReport(deps, device, report);
    if (!sent.hasReported) assumeHas(sent, report);
    await presence.seen(device);
    await deliver();
  });
  const greet = (): void => wire.send({ case: 'keepAlive', value: { serverTimeMs: BigInt(clock()) } });
  const beat = async (): Promise<void> => {
    // Looked up again, as the certificate may have expired meanwhile.
    const caller = await identify(stream);
    if (!caller.ok) return wire.end(caller.error);
    await presence.seen(device);
    greet();
  };
  wire.every(KEEP_ALIVE_MS, () => guard(beat()));
  stream.on('data', (report: SyncRequest) => {
    tellTime(deps, device, report, wire.send);
    guard(hear(report));
  });
  greet();
  return { device, deliver, end: wire.end };
}

type Wire = {
  readonly isOpen: () => boolean;
  readonly send: (message: Message) => void;
  readonly end: (why: Failure) => void;
  readonly every: (ms: number, work: () => void) => void;
};

/** The stream's life: whatever ends it, timers stop and `onEnd` is called once. */
function openWire(stream: SyncStream, onEnd: () => void): Wire {
  let isOpen = true;
  let timer: NodeJS.Timeout | undefined;
  const closed = (): void => {
    if (!isOpen) return;
    isOpen = false;
    clearInterval(timer);
    onEnd();
  };
  for (const event of ['cancelled', 'close', 'error']) stream.on(event, closed);
  stream.on('end', () => {
    closed();
    stream.end();
  });
  return {
    isOpen: () => isOpen,
    send: (message) => {
      if (isOpen) stream.write({ message });
    },
    end: (why) => {
      if (!isOpen) return;
      closed();
      refuse(stream, why);
    },
    every: (ms, work) => {
      timer = setInterval(work, ms);
    },
  };
}

/** Only the latest counts: a flood costs one at a time. */
function latestOnly<T>(work: (value: T) => Promise<void>): (value: T) => Promise<void> {
  const waiting: T[] = [];
  let isRunning = false;
  return async (value) => {
    waiting.splice(0, waiting.length, value);
    if (isRunning) return;
    isRunning = true;
    try {
      while (waiting.length > 0) await work(waiting.splice(0).at(-1) as T);
    } finally {
      isRunning = false;
    }
  };
}

const NONCE_BYTES = 16;

/** The device's own random bytes make it an answer of this very moment, which nobody on the way can hold back or repeat. */
function tellTime({ keys, clock }: ConnectionDeps, device: string, { timeNonce: nonce }: Pick<SyncRequest, 'timeNonce'>, send: (message: Message) => void): void {
  if (nonce.byteLength !== NONCE_BYTES) return;
  send({ case: 'time', value: keys.seal('time', { server: keys.serverId, device, nonce, time: clock() }) });
}

/** What the device has need not be sent; when it says that it has something else, it is. */
function assumeHas(sent: Sent, report: Reported): void {
  sent.roleKeys = Number(report.roleKeysVersion);
  sent.manifest = `${report.manifestEpoch}.${report.manifestNumber}`;
  sent.hasReported = true;
}

/** False when the device is not part of the fleet any more. */
async function pushAll({ keys, manifests, orders, answers }: ConnectionDeps, device: string, sent: Sent, send: (message: Message) => void): Promise<boolean> {
  const manifest = await manifests.current(device);
  if (manifest === undefined) return false;
  // The keys go first: the manifest may be signed by a new one.
  if (sent.roleKeys < keys.roleKeys.version) {
    send({ case: 'roleKeys', value: keys.roleKeysEnvelope });
    sent.roleKeys = keys.roleKeys.version;
  }
  const name = `${manifest.epoch}.${manifest.number}`;
  if (sent.manifest !== name) send({ case: 'manifest', value: manifest.envelope });
  sent.manifest = name;
  for (const order of await orders.pending(device)) {
    if (sent.orders.has(order.id)) continue;
    sent.orders.add(order.id);
    send({ case: 'order', value: order.envelope });
  }
  // After the manifest: whoever reads of a yes has the grant already.
  for (const { key, envelope } of await answers.unheard(device, sent.answers)) {
    sent.answers.add(key);
    send({ case: 'answer', value: envelope });
  }
  return true;
}

/** One run at a time; calls during a run are answered by one more run after it. */
function serially(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const start = (): Promise<void> => {
    running = work().finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    if (running === undefined) return start();
    next ??= running.catch(() => undefined).then(() => {
      next = undefined;
      return start();
    });
    return next;
  };
}
