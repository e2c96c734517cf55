import type { FleetService, GetBundleResponseSchema, ReportInventoryResponseSchema, UploadEventsRequest, UploadEventsResponseSchema } from '@belay/proto/fleet';
import { UploadEventsResponse_Status as Status } from '@belay/proto/fleet';
import type { ServiceHandlers } from '@belay/proto/grpc';
import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { ServerContext } from '../context.ts';
import type { Ingest, Upload, UploadAnswer } from '../features/events/ingest.ts';
import type { Caller, Identify } from './caller.ts';
import type { Connections } from './connections.ts';
import { inventoryText } from './inventory.ts';
import type { Manifests } from './manifests.ts';
import type { Presence } from './presence.ts';
import { unary } from './status.ts';

export type FleetServiceDeps = Pick<ServerContext, 'store' | 'config' | 'log'> & {
  readonly identify: Identify;
  readonly connections: Connections;
  readonly manifests: Manifests;
  readonly presence: Presence;
  readonly ingest: Ingest;
};

/** Every method knows its caller from the certificate of the connection alone. */
export function fleetHandlers(deps: FleetServiceDeps): ServiceHandlers<typeof FleetService> {
  const { log, identify, connections } = deps;
  // SECURITY(T-26): no method runs for a caller that the certificate does not name or the database does not admit.
  const forDevice = <I, O>(method: string, work: (request: I, caller: Caller) => Promise<Result<O, Failure>>) =>
    unary<I, O>(log, method, async (call: ServerUnaryCall<I, O>) => {
      const caller = await identify(call);
      return caller.ok ? work(call.request, caller.value) : caller;
    });
  return {
    sync: (stream) => connections.accept(stream),
    getBundle: forDevice('GetBundle', async ({ digest }: { digest: Uint8Array }, { device }) => {
      const content = await deps.manifests.bundle(device.id, digest);
      return content === undefined ? err(failure('BELAY_E_NOT_PERMITTED')) : ok<MessageInitShape<typeof GetBundleResponseSchema>>({ content });
    }),
    uploadEvents: forDevice('UploadEvents', createUpload(deps)),
    reportInventory: forDevice('ReportInventory', async ({ inventory }: { inventory?: Parameters<typeof inventoryText>[0] }, { device }) => {
      await deps.store.db.updateTable('devices').set({ inventory: inventoryText(inventory) }).where('id', '=', device.id).execute();
      await deps.presence.seen(device.id);
      return ok<MessageInitShape<typeof ReportInventoryResponseSchema>>({});
    }),
  };
}

type UploadResponse = MessageInitShape<typeof UploadEventsResponseSchema>;

function createUpload({ config, ingest, presence }: FleetServiceDeps) {
  const { eventsInUpload, uploadsAtOnce } = config.limits;
  let underWay = 0;
  return async (request: UploadEventsRequest, { device }: Caller): Promise<Result<UploadResponse, Failure>> => {
    const upload = uploadOf(request);
    if (upload === undefined) return err(failure('BELAY_E_BAD_REQUEST'));
    if (upload.events.length > eventsInUpload) return err(failure('BELAY_E_TOO_LARGE', `An upload holds at most ${eventsInUpload} events.`));
    if (underWay >= uploadsAtOnce) return err(failure('BELAY_E_BUSY'));
    underWay += 1;
    try {
      await presence.seen(device.id);
      return ok(responseOf(await ingest.upload({ id: device.id, evidenceKey: device.evidence_key }, upload)));
    } finally {
      underWay -= 1;
    }
  };
}

const CHAIN_BYTES = 32;

function uploadOf({ chain, first, events, earliest }: UploadEventsRequest): Upload | undefined {
  const numbers = [Number(first), Number(earliest)];
  if (chain.length !== CHAIN_BYTES || events.length === 0 || numbers.some((number) => !Number.isSafeInteger(number)) || first < 1n) return undefined;
  return { chain, first: Number(first), events, earliest: Number(earliest) };
}

function responseOf(answer: UploadAnswer): UploadResponse {
  switch (answer.kind) {
    case 'accepted':
      return { status: Status.ACCEPTED, receipt: answer.receipt, next: BigInt(answer.next) };
    case 'need-earlier':
      return { status: Status.NEED_EARLIER, next: BigInt(answer.next) };
    case 'refused':
      return { status: Status.REFUSED, next: BigInt(answer.next), message: answer.message };
  }
}
