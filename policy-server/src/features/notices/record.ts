import { randomBytes } from 'node:crypto';
import type { ServerContext } from '../../context.ts';
import type { Notices } from './notice.ts';

/** Writes notices down; a worker of some server delivers them. */
export function createNotices({ store, clock }: Pick<ServerContext, 'store' | 'clock'>): Notices {
  return {
    async record(tx, notice) {
      const now = clock();
      await tx.insertInto('outbox').values({
        id: `n-${randomBytes(12).toString('base64url')}`, kind: notice.kind, payload: JSON.stringify(notice), channel: 'notice', target: '', created_at: now,
        attempts: 0, next_at: now, claimed_until: null, claimed_by: null, done_at: null, outcome: null, last_error: null,
      }).execute();
      await store.notifyAfter(tx, 'notices');
    },
  };
}
