import { decodeEvent } from '@belay/core/evidence';
import { sha256 } from '@belay/core/node-crypto';
import type { Db } from '../../store/index.ts';
import type { ChainRow } from './chain-rows.ts';

/** The evidence key with this index, as the chain's own checkpoints name it; undefined for one not yet reached. */
export async function provenAt(db: Db, row: ChainRow, index: number): Promise<Uint8Array | undefined> {
  if (index === 0) return row.genesis_key;
  if (index === row.key_index) return row.public_key;
  const checkpoint = await db.selectFrom('events').select('record').where('chain', '=', row.chain).where('type', '=', 'evidence.checkpoint')
    .orderBy('seq', 'asc').offset(index - 1).limit(1).executeTakeFirst();
  if (checkpoint === undefined) return undefined;
  const decoded = decodeEvent(checkpoint.record, sha256);
  const key = decoded.ok ? decoded.value.payload.fields['nextKey'] : undefined;
  return ArrayBuffer.isView(key) ? (key as Uint8Array) : undefined;
}
