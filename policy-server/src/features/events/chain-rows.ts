import type { ChainState } from '@belay/core/evidence';
import type { Db, Tables } from '../../store/index.ts';

export type ChainRow = Tables['chains'];

export function stateOf(row: ChainRow): ChainState {
  return { chain: row.chain, seq: row.seq, head: row.head, keyIndex: row.key_index, publicKey: row.public_key };
}

export function rowOf(state: ChainState, device: string, genesisKey: Uint8Array, nowMs: number): ChainRow {
  return {
    chain: state.chain, device_id: device, genesis_key: genesisKey, seq: state.seq, head: state.head, key_index: state.keyIndex,
    public_key: state.publicKey, state: 'good', updated_at: nowMs,
  };
}

export function readChain(db: Db, chain: Uint8Array): Promise<ChainRow | undefined> {
  return db.selectFrom('chains').selectAll().where('chain', '=', chain).executeTakeFirst();
}

/** False, with nothing changed, when the chain is not where it was thought to be. */
export async function advanceChain(tx: Db, from: ChainState, to: ChainState, nowMs: number): Promise<boolean> {
  const updated = await tx.updateTable('chains')
    .set({ seq: to.seq, head: to.head, key_index: to.keyIndex, public_key: to.publicKey, state: 'good', updated_at: nowMs })
    .where('chain', '=', from.chain).where('seq', '=', from.seq).where('head', '=', from.head).where('state', '!=', 'refused').executeTakeFirst();
  return updated.numUpdatedRows === 1n;
}

/** The newest receipt subsumes the older ones of its chain. */
export async function keepReceipt(tx: Db, chain: Uint8Array, seq: number, envelope: Uint8Array, time: number): Promise<void> {
  await tx.deleteFrom('receipts').where('chain', '=', chain).where('seq', '<=', seq).execute();
  await tx.insertInto('receipts').values({ chain, seq, time, envelope }).execute();
}
