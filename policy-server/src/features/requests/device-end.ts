import type { EventDraft } from '@belay/core/evidence';
import type { Db } from '../../store/index.ts';
import { settleGrant } from './grants.ts';
import { type TellingDeps, tellAnswer } from './telling.ts';

/** What a device has asked for, and been given, ends with it: in the transaction that retires it. */
export async function endForDevice(deps: TellingDeps, tx: Db, record: (draft: EventDraft) => void, { device, by, now }: { readonly device: string; readonly by: string; readonly now: number }): Promise<void> {
  const words = 'The device is no longer part of the fleet.';
  const grants = await tx.selectFrom('grants').selectAll().where('device_id', '=', device).where('state', '=', 'live').orderBy('id').execute();
  for (const grant of grants) {
    if (!(await settleGrant(tx, grant, 'revoked', now))) continue;
    record({ type: 'grant.revoked', fields: { by, device, grant: grant.id, words } });
    await deps.store.notifyAfter(tx, 'requests', grant.request_id);
  }
  const pending = await tx.selectFrom('requests').selectAll().where('device_id', '=', device).where('state', '=', 'pending').orderBy('id')
    .$if(deps.store.lockRows, (query) => query.forUpdate()).execute();
  for (const row of pending) {
    const change = { state: 'denied', answer: 'denied', answered_at: now, escalates_at: null, answer_version: row.answer_version + 1, answer_words: words, answer_by: JSON.stringify([by]) } as const;
    await tx.updateTable('requests').set(change).where('id', '=', row.id).execute();
    record({ type: 'request.denied', fields: { by, device, asked: row.id, request: row.number, words } });
    await tellAnswer(deps, tx, { ...row, ...change }, 'denied');
    await deps.store.notifyAfter(tx, 'requests', row.id);
  }
  await tx.deleteFrom('request_refusals').where('device_id', '=', device).execute();
  await tx.deleteFrom('request_excesses').where('device_id', '=', device).execute();
}
