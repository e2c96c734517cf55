import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import { type UploadEventsRequestSchema, type UploadEventsResponse, UploadEventsResponse_Status as Status, UploadEventsResponseSchema } from '@belay/proto/fleet';
import { EventBatchSchema } from '@belay/proto/local';
import type { Daemon } from './daemon.ts';
import type { FleetClient } from './server.ts';
import { createUploader } from './upload.ts';

const chain = new Uint8Array(32).fill(7);
type Answer = (request: MessageInitShape<typeof UploadEventsRequestSchema>) => MessageInitShape<typeof UploadEventsResponseSchema> | Error;

/** A journal of `head` events of which batches of `size` go up, and a server that answers as `answer` says. */
function scene(head: number, size: number, answer: Answer) {
  const journal = { head, receipted: 0, receipts: [] as number[] };
  const sent: (readonly [number, number])[] = [];
  const settled = Promise.withResolvers<string>();
  const daemon = {
    ask: (question: { case: string; value: never }) => {
      if (question.case === 'receipt') {
        const upTo = Buffer.from((question.value as { envelope: Uint8Array }).envelope).readUInt32BE();
        journal.receipted = upTo;
        journal.receipts.push(upTo);
        return Promise.resolve({});
      }
      const { from } = question.value as { from: bigint };
      const first = from === 0n ? journal.receipted + 1 : Number(from);
      const count = Math.max(0, Math.min(size, journal.head - first + 1));
      if (count === 0) settled.resolve('all receipted');
      return Promise.resolve(create(EventBatchSchema, { chain, first: BigInt(first), earliest: 1n, events: Array.from({ length: count }, (_, i) => new Uint8Array([first + i])) }));
    },
  } as unknown as Daemon;
  const client: Pick<FleetClient, 'uploadEvents'> = {
    uploadEvents: (request) => {
      sent.push([Number(request.first), request.events?.length ?? 0]);
      const said = answer(request);
      return said instanceof Error ? Promise.reject(said) : Promise.resolve(create(UploadEventsResponseSchema, said) satisfies UploadEventsResponse);
    },
  };
  const uploader = createUploader({
    daemon, client: client as FleetClient, onRefused: (message) => settled.resolve(`refused: ${message}`), onBroken: (error) => settled.resolve(`broken: ${(error as Error).message}`),
  });
  return { journal, sent, uploader, settled: settled.promise };
}

function receiptFor(request: { first?: bigint; events?: readonly Uint8Array[] }): Uint8Array {
  const receipt = Buffer.alloc(4);
  receipt.writeUInt32BE(Number(request.first) + (request.events?.length ?? 0) - 1);
  return receipt;
}

const accept: Answer = (request) => ({ status: Status.ACCEPTED, receipt: receiptFor(request) });

test('everything goes up in order, batch after batch, each receipt handed down before the next', async () => {
  const { uploader, settled, sent, journal } = scene(7, 3, accept);
  uploader.poke();
  expect(await settled).toBe('all receipted');
  expect({ sent, receipts: journal.receipts }).toEqual({ sent: [[1, 3], [4, 3], [7, 1]], receipts: [3, 6, 7] });
});

test('a server that has lost events is sent them again from where it says', async () => {
  let hasAsked = false;
  const { uploader, settled, sent, journal } = scene(6, 3, (request) => {
    if (Number(request.first) === 4 && !hasAsked) {
      hasAsked = true;
      return { status: Status.NEED_EARLIER, next: 2n };
    }
    return accept(request);
  });
  uploader.poke();
  expect(await settled).toBe('all receipted');
  expect({ sent, receipts: journal.receipts }).toEqual({ sent: [[1, 3], [4, 3], [2, 3], [5, 2]], receipts: [3, 4, 6] });
});

test('a server that asks in circles is not followed', async () => {
  const { uploader, settled, sent } = scene(6, 3, () => ({ status: Status.NEED_EARLIER, next: 1n, message: 'again' }));
  uploader.poke();
  expect(await settled).toBe('refused: again');
  expect(sent.length).toBeLessThanOrEqual(2);
});

test('a refusal is reported and nothing is receipted', async () => {
  const { uploader, settled, journal } = scene(6, 3, () => ({ status: Status.REFUSED, message: 'fork at 2' }));
  uploader.poke();
  expect(await settled).toBe('refused: fork at 2');
  expect(journal.receipts).toEqual([]);
});

test('a broken connection ends the uploading; what was not receipted goes up over the next one', async () => {
  const first = scene(6, 3, (request) => (request.first === 4n ? new Error('cut') : accept(request)));
  first.uploader.poke();
  expect(await first.settled).toBe('broken: cut');
  first.uploader.poke();
  expect(first.sent).toEqual([[1, 3], [4, 3]]);
  expect(first.journal.receipted).toBe(3);
});
