import { type Failure, failure } from '@belay/core/codes';
import { decodeEvent } from '@belay/core/evidence';
import { sha256 } from '@belay/core/node-crypto';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import type { Scope } from '../accounts/permissions.ts';
import { readDevice } from '../devices/read.ts';
import { type ChainRow, readChain } from '../events/chain-rows.ts';
import { provenAt } from '../events/proof.ts';
import { type EventView, viewOf } from './service.ts';

/** What somebody needs to verify one event by themselves. Keys and hashes are hexadecimal, signed content is base64. */
export type EventProof = {
  readonly event: EventView;
  readonly server: string;
  readonly rootKey: string;
  readonly roleKeys: string;
  readonly admission: string;
  readonly writer: 'device' | 'server';
  /** The chain before the first of `records`; null when the caller may not see the chain. */
  readonly start: { readonly seq: number; readonly head: string; readonly keyIndex: number; readonly publicKey: string } | null;
  readonly records: readonly string[];
  /** The chain's newest receipt. */
  readonly receipt: string | null;
  readonly newest: number;
};

export type ProofDeps = Pick<ServerContext, 'store' | 'keys' | 'clock'>;

const PAGE = 250;
const SERVER = 'server';
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** From the checkpoint before the event on, as far as one page goes; `after` (a place in the chain) goes on from there. Outside the scope there is no event. */
export async function eventProof({ store: { db }, keys, clock }: ProofDeps, id: number, { scope, after }: { readonly scope: Scope; readonly after?: number | undefined }): Promise<Result<EventProof, Failure>> {
  const row = await db.selectFrom('events').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined || !(await isWithin(db, row.device_id, scope))) return err(failure('BELAY_E_NOT_PERMITTED'));
  const chain = await readChain(db, row.chain);
  if (chain === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
  const writer = chain.device_id === SERVER ? 'server' : 'device';
  // SECURITY(T-30): around a server's event lie those about devices that are none of the caller's.
  const shown = writer === 'server' && scope !== 'all' ? undefined : await recordsOf(db, chain, after ?? (await checkpointBefore(db, row.chain, row.seq)) - 1);
  const receipt = await db.selectFrom('receipts').select('envelope').where('chain', '=', row.chain).orderBy('seq', 'desc').executeTakeFirst();
  const name = (await db.selectFrom('devices').select('name').where('id', '=', chain.device_id).executeTakeFirst())?.name ?? SERVER;
  return ok({
    event: viewOf(row), server: hex(keys.serverId), rootKey: base64(keys.rootKey), roleKeys: base64(keys.roleKeysEnvelope), writer, newest: chain.seq,
    admission: base64(keys.seal('admission', { server: keys.serverId, device: chain.device_id, evidenceKey: chain.genesis_key, name, time: clock() })),
    start: shown?.start ?? null, records: shown?.records ?? [], receipt: receipt === undefined ? null : base64(receipt.envelope),
  });
}

async function recordsOf(db: Db, chain: ChainRow, from: number): Promise<{ readonly start: EventProof['start']; readonly records: readonly string[] } | undefined> {
  const rows = await db.selectFrom('events').select('record').where('chain', '=', chain.chain).where('seq', '>', Math.max(0, from)).orderBy('seq').limit(PAGE).execute();
  const first = rows[0] === undefined ? undefined : decodeEvent(rows[0].record, sha256);
  const publicKey = first?.ok === true ? await provenAt(db, chain, first.value.payload.key) : undefined;
  if (first?.ok !== true || publicKey === undefined) return undefined;
  const { seq, prev, key } = first.value.payload;
  return { start: { seq: seq - 1, head: hex(prev), keyIndex: key, publicKey: hex(publicKey) }, records: rows.map(({ record }) => base64(record)) };
}

async function isWithin(db: Db, device: string, scope: Scope): Promise<boolean> {
  return scope === 'all' || (device !== SERVER && (await readDevice(db, device, scope)) !== undefined);
}

/** The checkpoint that named the event's key; the chain's first event when there is none yet. */
async function checkpointBefore(db: Db, chain: Uint8Array, seq: number): Promise<number> {
  const row = await db.selectFrom('events').select('seq').where('chain', '=', chain).where('type', '=', 'evidence.checkpoint').where('seq', '<', seq).orderBy('seq', 'desc').limit(1).executeTakeFirst();
  return row?.seq ?? 1;
}
