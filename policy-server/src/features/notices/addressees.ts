import type { Db } from '../../store/index.ts';
import type { Audience, Recipient } from './audience.ts';
import type { Notice, NoticeKind } from './notice.ts';
import { newId, type OutboxRow, putInto } from './outbox.ts';

/** Who is told by e-mail. Each address once. */
async function readersOf(db: Db, notice: Notice, audience: Audience): Promise<readonly Recipient[]> {
  switch (notice.kind) {
    case 'request-filed':
    case 'request-escalated':
      return audience.approversOf(db, notice.request, notice.from);
    case 'request-answered':
      // Whoever cancelled it knows.
      return notice.state === 'cancelled' ? [] : audience.requesterOf(db, notice.request);
    case 'emergency-reviewed':
      return audience.requesterOf(db, notice.request);
    case 'emergency-opened':
      return audience.everybody(db, notice.request);
    case 'device-silent':
    case 'device-returned':
    case 'test':
      return [];
  }
}

/** A row for each letter and each call that a notice becomes. Run in the transaction that ends the notice itself. */
export async function spread(tx: Db, row: OutboxRow, audience: Audience | undefined, now: number): Promise<number> {
  const notice = JSON.parse(row.payload) as Notice;
  const same = { kind: notice.kind, payload: row.payload, createdAt: row.created_at, nextAt: now };
  const readers = audience === undefined ? [] : await readersOf(tx, notice, audience);
  const addresses = [...new Map(readers.map(({ email }) => [email.toLowerCase(), email])).values()];
  for (const target of addresses) await putInto(tx, { ...same, id: newId('mail'), channel: 'email', target });
  const webhooks = await webhooksFor(tx, notice.kind);
  for (const target of webhooks) await putInto(tx, { ...same, id: newId('msg'), channel: 'webhook', target });
  return addresses.length + webhooks.length;
}

async function webhooksFor(tx: Db, kind: NoticeKind): Promise<readonly string[]> {
  const rows = await tx.selectFrom('webhooks').select(['id', 'events']).where('disabled', '=', 0).execute();
  return rows.filter(({ events }) => {
    const wanted = JSON.parse(events) as readonly string[];
    return wanted.length === 0 || wanted.includes(kind);
  }).map(({ id }) => id);
}
