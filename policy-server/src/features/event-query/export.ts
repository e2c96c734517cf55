import { chainLine, endLine, eventLine, headerLine, receiptLine } from '@belay/core/evidence';
import type { ServerContext } from '../../context.ts';
import type { Scope } from '../accounts/permissions.ts';
import type { EventView } from './service.ts';

export type ExportDeps = Pick<ServerContext, 'store' | 'keys' | 'clock'>;

const PAGE = 500;
const SERVER = 'server';

/**
 * The evidence as the offline verifier takes it (core/evidence, export.ts), line by line: whole chains, each up to where it
 * stands when its turn comes. `device`: only that device's chain; else all within the scope, and the servers' own where it is everything.
 */
export async function* exportLines({ store, keys, clock }: ExportDeps, scope: Scope, device?: string): AsyncGenerator<string> {
  const { db } = store;
  yield headerLine({ serverId: keys.serverId, rootKeySpki: keys.rootKey, roleKeys: keys.roleKeysEnvelope, nowMs: clock() });
  const counts = { chains: 0, events: 0, receipts: 0 };
  let query = db.selectFrom('chains').select(['chain', 'device_id', 'genesis_key']).orderBy('device_id').orderBy('chain');
  if (device !== undefined) query = query.where('device_id', '=', device);
  if (scope !== 'all') {
    query = scope.length === 0 ? query.where((eb) => eb.lit(false)) : query.where('device_id', 'in', (eb) => eb.selectFrom('device_groups').select('device_id').where('group_name', 'in', scope));
  }
  for (const row of await query.execute()) {
    const { chain, device_id: writer } = row;
    const name = (await db.selectFrom('devices').select('name').where('id', '=', writer).executeTakeFirst())?.name ?? SERVER;
    const admission = keys.seal('admission', { server: keys.serverId, device: writer, evidenceKey: row.genesis_key, name, time: clock() });
    yield chainLine({ chain, device: writer, genesisKey: row.genesis_key, writer: writer === SERVER ? 'server' : 'device', admission });
    counts.chains++;
    // Receipts first: an event that comes in meanwhile may lack its receipt, never a receipt its event.
    for (const receipt of await db.selectFrom('receipts').select('envelope').where('chain', '=', chain).orderBy('seq').execute()) {
      yield receiptLine(receipt.envelope);
      counts.receipts++;
    }
    const { seq: last } = await db.selectFrom('chains').select('seq').where('chain', '=', chain).executeTakeFirstOrThrow();
    for (let from = 0; from < last; ) {
      const rows = await db.selectFrom('events').select(['seq', 'record']).where('chain', '=', chain).where('seq', '>', from).where('seq', '<=', last).orderBy('seq').limit(PAGE).execute();
      for (const event of rows) yield eventLine(event.record);
      counts.events += rows.length;
      // Fewer than the chain says: the file ends here, and the verifier names what is missing.
      if (rows.length === 0) break;
      from = (rows.at(-1) as { seq: number }).seq;
    }
  }
  yield endLine(counts);
}

const COLUMNS = ['id', 'serverTime', 'deviceTime', 'device', 'seq', 'type', 'user', 'uid', 'request', 'rule', 'summary'] as const;

/** RFC 4180 lines without their ends; times in ISO 8601. */
export async function* csvLines(events: AsyncIterable<EventView>): AsyncGenerator<string> {
  yield COLUMNS.join(',');
  for await (const event of events) {
    yield COLUMNS.map((column) => {
      const value = event[column];
      return csvCell(column === 'serverTime' || column === 'deviceTime' ? new Date(value as number).toISOString() : value);
    }).join(',');
  }
}

export function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  // SECURITY(T-29): a spreadsheet takes a cell that begins so for a formula; an apostrophe makes it text.
  const text = /^[\s]*[=+\-@\t\r|%]/.test(value) ? `'${value}` : value;
  const inert = text.replace(/[\p{Cc}]/gu, ' ');
  return /[",;\s']/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
