import type { ServerContext } from '../../context.ts';
import type { Db, Tables } from '../../store/index.ts';
import { personOfUser } from '../accounts/people.ts';
import type { RequestFacts } from '../notices/notice.ts';
import { readElsewhere } from './places.ts';

export type RequestRow = Tables['requests'];
export type TellingDeps = Pick<ServerContext, 'store' | 'notices'>;

/** What people and programs outside are told of a request. Everything in it is inert. */
export async function factsOf(tx: Db, row: RequestRow): Promise<RequestFacts> {
  const device = await tx.selectFrom('devices').select('name').where('id', '=', row.device_id).executeTakeFirst();
  const person = await personOfUser(tx, row.device_id, row.user_name);
  return {
    id: row.id, number: row.number, device: { id: row.device_id, name: device?.name ?? '' }, user: row.user_name, uid: row.uid,
    person: person === undefined ? null : { id: person.id, name: person.name }, command: row.command, runAs: row.run_as, reason: row.reason,
    alsoOn: ((await readElsewhere(tx, [row.id])).get(row.id) ?? []).map(({ name }) => name), stance: row.stance, emergency: row.emergency !== 0, rules: JSON.parse(row.rules) as string[], filedAt: row.filed_at, expiresAt: row.expires_at,
  };
}

/** The answer that ends a request. */
export async function tellAnswer({ notices }: TellingDeps, tx: Db, row: RequestRow, state: 'approved' | 'denied' | 'cancelled' | 'expired'): Promise<void> {
  const words = row.answer_words === '' ? null : row.answer_words;
  await notices.record(tx, { kind: 'request-answered', request: await factsOf(tx, row), state, by: JSON.parse(row.answer_by) as string[], words, at: row.answered_at ?? row.filed_at });
}

/** Heard after the commit: lists are out of date, and the device has something to hear. */
export async function hint({ store }: Pick<TellingDeps, 'store'>, tx: Db, { id, device_id: device }: Pick<RequestRow, 'id' | 'device_id'>): Promise<void> {
  await store.notifyAfter(tx, 'requests', id);
  await store.notifyAfter(tx, 'device', device);
}
