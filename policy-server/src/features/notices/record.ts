import type { ServerContext } from '../../context.ts';
import type { Notices } from './notice.ts';
import { newId, putInto } from './outbox.ts';

/** Writes notices down; a worker of some server delivers them. */
export function createNotices({ store, clock }: Pick<ServerContext, 'store' | 'clock'>): Notices {
  return {
    async record(tx, notice) {
      const now = clock();
      await putInto(tx, { id: newId('n'), kind: notice.kind, payload: JSON.stringify(notice), channel: 'notice', target: '', createdAt: now, nextAt: now });
      await store.notifyAfter(tx, 'notices');
    },
  };
}
