import type { SyncRequest } from '@belay/proto/fleet';
import type { ServerContext } from '../context.ts';
import { inertText } from '../features/events/event-row.ts';

export type Reported = Pick<SyncRequest, 'manifestNumber' | 'manifestEpoch' | 'roleKeysVersion' | 'agentVersion' | 'problems'>;

const MAX_PROBLEMS = 20;
const MAX_TEXT = 500;
const MAX_VERSION = 64;

/** Keeps what a device says of itself. It is shown, never acted on: only receipts and signed events are proof. */
export async function saveReport({ store, log }: Pick<ServerContext, 'store' | 'log'>, device: string, report: Reported): Promise<void> {
  const number = Number(report.manifestNumber);
  const epoch = report.manifestEpoch;
  const updated = await store.db.updateTable('devices').set({
    manifest_number: Number.isSafeInteger(number) ? number : 0,
    manifest_epoch: epoch,
    agent_version: inertText(report.agentVersion).slice(0, MAX_VERSION),
    problems: JSON.stringify(report.problems.slice(0, MAX_PROBLEMS).map((problem) => inertText(problem).slice(0, MAX_TEXT))),
  }).where('id', '=', device).returning('issued_number').executeTakeFirst();
  const issued = await store.db.selectFrom('manifests').select('epoch').where('device_id', '=', device).executeTakeFirst();
  if (updated !== undefined && issued?.epoch === epoch && number > updated.issued_number) {
    log.error({ device, number, issued: updated.issued_number }, 'the device has a newer manifest than this database: if it was restored, run "belay-server restore-epoch"');
  }
}
