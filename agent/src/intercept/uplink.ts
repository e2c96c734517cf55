import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { Failure } from '@belay/core/codes';
import type { Result } from '@belay/core/result';
import { DaemonFrameSchema, type DaemonStateSchema, type LinkState, type PullEvents, type UplinkFrame, UplinkFrameSchema } from '@belay/proto/local';
import type { Journal } from '../journal/journal.ts';
import type { Accounts } from '../platform/platform.ts';
import type { DeviceState } from '../state/device-state.ts';
import type { Enrolments, EnrolTask } from '../state/enrolment.ts';
import { createConnectionLimits } from './limits.ts';
import type { Connection, Door, Handler } from './local-server.ts';

type Reply = NonNullable<MessageInitShape<typeof DaemonFrameSchema>['message']>;
export type UplinkDeps = {
  readonly state: DeviceState;
  readonly journal: Journal;
  readonly enrolments: Enrolments;
  daemonState(): MessageInitShape<typeof DaemonStateSchema>;
  order(envelope: Uint8Array): Result<void, Failure>;
  receipt(envelope: Uint8Array): Result<void, Failure>;
  /** What became of a request for approval. */
  answer(envelope: Uint8Array): Result<void, Failure>;
  time(envelope: Uint8Array): Result<void, Failure>;
  linkState(state: LinkState): void;
  /** The server has said something new. */
  heard(): void;
  readonly log: { error(detail: object, message: string): void };
};

/** Connections of the uplink that have said hello; what belayd says of itself goes to all of them. */
export interface UplinkDoor {
  readonly door: Door;
  readonly connected: boolean;
  announceState(): void;
  /** False: nobody is there. */
  announceTask(task: EnrolTask): boolean;
}

const UPLINK_FRAME = 16 * 1024 * 1024;
const UPLINK_USER = 'belay';
const MOST_BATCH_BYTES = 8 * 1024 * 1024;
const MOST_BATCH_EVENTS = 5000;

/** /run/belay/uplink.sock: the system user `belay`, and only it. */
export function uplinkDoor(path: string, group: number, accounts: Accounts, deps: () => UplinkDeps): UplinkDoor {
  const live = new Set<Connection>();
  const broadcast = (message: Reply) => {
    for (const connection of live) connection.send(encode(0n, message));
  };
  return {
    door: {
      path,
      mode: 0o660,
      group,
      limits: createConnectionLimits({ all: 16, perUser: 16 }),
      // SECURITY(T-36): by the kernel's word. Root is not let in either: nothing but the uplink has business here.
      maxFrame: ({ actor }) => (isUplink(actor.effectiveUid, actor.realUid, accounts) ? UPLINK_FRAME : undefined),
      open: (connection) => openUplink(connection, live, deps()),
    },
    get connected() {
      return live.size > 0;
    },
    announceState: () => live.size > 0 && broadcast({ case: 'state', value: deps().daemonState() }),
    announceTask(task) {
      broadcast(taskReply(task));
      return live.size > 0;
    },
  };
}

function isUplink(effectiveUid: number, realUid: number, accounts: Accounts): boolean {
  const account = accounts.userByName(UPLINK_USER);
  return account !== undefined && account.uid !== 0 && effectiveUid === account.uid && realUid === account.uid;
}

function openUplink(connection: Connection, live: Set<Connection>, deps: UplinkDeps): Handler {
  return {
    message(bytes) {
      const frame = decode(bytes);
      if (frame === undefined) {
        connection.send(encode(0n, { case: 'refusal', value: { code: 'BELAY_E_BAD_REQUEST', message: 'The request cannot be understood.' } }));
        connection.end();
        return;
      }
      connection.send(encode(frame.id, answer(frame.message, deps)));
      if (frame.message.case !== 'hello' || live.has(connection)) return;
      live.add(connection);
      const task = deps.enrolments.current();
      if (task !== undefined) connection.send(encode(0n, taskReply(task)));
    },
    closed() {
      live.delete(connection);
      if (live.size === 0) deps.linkState({ connected: false, error: '', serverTimeMs: 0n } as LinkState);
    },
  };
}

/** Never throws: a fault of ours must not end the uplink's connection, nor the uplink's frame ours. */
function answer(message: UplinkFrame['message'], deps: UplinkDeps): Reply {
  try {
    return answerTo(message, deps);
  } catch (error) {
    deps.log.error({ where: message.case, cause: Error.isError(error) ? error.stack : 'fault' }, 'an unexpected fault in a frame of the uplink');
    return { case: 'refusal', value: { code: 'BELAY_E_INTERNAL', message: 'A fault of Belay; it has been logged.' } };
  }
}

function answerTo(message: UplinkFrame['message'], deps: UplinkDeps): Reply {
  switch (message.case) {
    case 'hello':
      return { case: 'state', value: deps.daemonState() };
    case 'signEnrollment': {
      const signature = deps.enrolments.sign(message.value.csrDigest);
      return signature.ok ? { case: 'enrollmentProof', value: { signature: signature.value } } : refusal(signature.error);
    }
    case 'enrollmentResult':
      return done(deps.enrolments.finish(message.value));
    case 'roleKeys':
      return done(deps.state.deliverRoleKeys(message.value.envelope));
    case 'manifest':
      return manifest(message.value.envelope, deps);
    case 'bundle':
      return done(deps.state.deliverBundle(message.value.digest, message.value.content));
    case 'order':
      return done(deps.order(message.value.envelope));
    case 'pullEvents':
      return { case: 'events', value: batch(message.value, deps.journal) };
    case 'receipt':
      return done(deps.receipt(message.value.envelope));
    case 'answer':
      return done(deps.answer(message.value.envelope));
    case 'time':
      return done(deps.time(message.value.envelope));
    case 'linkState':
      deps.linkState(message.value);
      return { case: 'done', value: {} };
    default:
      return { case: 'refusal', value: { code: 'BELAY_E_BAD_REQUEST', message: 'The request cannot be understood.' } };
  }
}

function manifest(envelope: Uint8Array, { state, heard }: Pick<UplinkDeps, 'state' | 'heard'>): Reply {
  const result = state.deliverManifest(envelope);
  if (!result.ok) return { case: 'manifest', value: { accepted: false, code: result.error.code, message: result.error.message } };
  heard();
  return { case: 'manifest', value: { accepted: true, inForce: result.value.inForce, bundlesWanted: [...result.value.wanted] } };
}

function batch(pull: PullEvents, journal: Journal) {
  const { id, receipted, earliest } = journal.chain;
  const from = pull.from === 0n ? receipted + 1 : Number(pull.from);
  const events = journal.read(Math.max(from, earliest), clamp(pull.maxEvents, MOST_BATCH_EVENTS), clamp(pull.maxBytes, MOST_BATCH_BYTES));
  return { chain: id, first: BigInt(events[0]?.seq ?? from), events: events.map((event) => event.bytes), earliest: BigInt(earliest) };
}

function clamp(wanted: number, most: number): number {
  return wanted === 0 ? most : Math.min(wanted, most);
}

function taskReply(task: EnrolTask): Reply {
  const { address, secret, serverId, evidenceKey, device } = task;
  return { case: 'enrollTask', value: { enrollmentAddress: address, secret, serverId, evidenceKey, device } };
}

function done(result: Result<unknown, Failure>): Reply {
  return result.ok ? { case: 'done', value: {} } : refusal(result.error);
}

function refusal({ code, message }: Failure): Reply {
  return { case: 'refusal', value: { code, message } };
}

function encode(id: bigint, message: Reply): Uint8Array {
  return toBinary(DaemonFrameSchema, create(DaemonFrameSchema, { id, message }));
}

function decode(bytes: Buffer): UplinkFrame | undefined {
  try {
    return fromBinary(UplinkFrameSchema, bytes);
  } catch {
    return undefined;
  }
}
