import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { equalBytes } from '@belay/core/bytes';
import { appendEvent, chainIdOf, CHECKPOINT_EVENTS, CHECKPOINT_MS, type ChainState, type EventDraft, newChain } from '@belay/core/evidence';
import { type Ed25519Key, ed25519FromSeed, generateEd25519, randomBytes, sha256 } from '@belay/core/node-crypto';
import type { Logger } from 'pino';
import type { Clock, ServerEvents, ServerKeys } from '../../context.ts';
import { SECRET, writeDurably } from '../../pki/data-folder.ts';
import type { Db, EventRow, Store } from '../../store/index.ts';
import { advanceChain, keepReceipt, readChain, rowOf, stateOf } from './chain-rows.ts';
import { eventRow } from './event-row.ts';

/** Who writes a server's own chain. */
const WRITER = 'server';

export type ServerEventsDeps = {
  readonly store: Store;
  readonly keys: Pick<ServerKeys, 'serverId' | 'seal'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Folder of this process's chain: its present key and nothing else. */
  readonly folder: string;
};

export type ServerEventLog = ServerEvents & { close(): Promise<void> };

/** `keys` by index: the present one, and during a checkpoint the next. `isSure`: whether memory and database surely agree. */
type Chain = { state: ChainState; readonly keys: Map<number, Ed25519Key>; sealedSeq: number; isSure: boolean };

/**
 * Opens this process's chain, or begins one. The private key evolves at each checkpoint and the old one is erased, so what
 * an administrator did yesterday cannot be rewritten by who takes the server over today.
 */
export async function openServerEvents(deps: ServerEventsDeps): Promise<ServerEventLog> {
  const { store, keys, clock, log, folder } = deps;
  const chain = await openChain(deps);
  let queue: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  /** One at a time: each event needs the hash of the one before it. */
  function exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  }

  async function commit<T>(work: (tx: Db, record: (draft: EventDraft) => void) => Promise<T>): Promise<T> {
    if (!chain.isSure) await lookAgain(deps, chain);
    let after = chain.state;
    // When a commit fails, the database may have done it all the same: the next one looks.
    chain.isSure = false;
    const result = await store.transaction(async (tx) => {
      const drafts: EventDraft[] = [];
      const answer = await work(tx, (draft) => drafts.push(draft));
      after = await writeAll(deps, tx, chain, drafts);
      return answer;
    });
    chain.isSure = true;
    if (after.seq === chain.state.seq) return result;
    chain.state = after;
    await store.notify('events');
    return result;
  }

  async function checkpoint(): Promise<void> {
    if (chain.sealedSeq === chain.state.seq) return;
    const next = generateEd25519();
    const index = chain.state.keyIndex;
    writeDurably(keyFile(folder, index + 1), next.seed, SECRET);
    chain.keys.set(index + 1, next);
    await commit((_tx, record) => Promise.resolve(record({ type: 'evidence.checkpoint', fields: { nextKey: next.publicKey } })));
    chain.sealedSeq = chain.state.seq;
    chain.keys.delete(index);
    eraseKey(folder, index);
    const { seq, head } = chain.state;
    const time = clock();
    const receipt = keys.seal('receipt', { server: keys.serverId, device: WRITER, chain: chain.state.chain, seq, head, time });
    await store.transaction((tx) => keepReceipt(tx, chain.state.chain, seq, receipt, time));
  }

  function scheduleCheckpoint(): void {
    const isDue = chain.state.seq - chain.sealedSeq >= CHECKPOINT_EVENTS;
    if (isDue) clearTimeout(timer);
    if (timer !== undefined && !isDue) return;
    timer = setTimeout(() => {
      timer = undefined;
      exclusively(checkpoint).catch((error: unknown) => log.error({ err: error }, 'the checkpoint of the server\'s own events failed'));
    }, isDue ? 0 : CHECKPOINT_MS);
    timer.unref();
  }

  const transact: ServerEvents['transact'] = async (work) => {
    const before = chain.state.seq;
    const result = await exclusively(() => commit(work));
    if (chain.state.seq !== before) scheduleCheckpoint();
    return result;
  };
  return {
    transact,
    append: (draft) => transact((_tx, record) => Promise.resolve(record(draft))),
    async close() {
      clearTimeout(timer);
      await exclusively(checkpoint);
    },
  };
}

async function lookAgain({ store }: ServerEventsDeps, chain: Chain): Promise<void> {
  const row = await readChain(store.db, chain.state.chain);
  if (row === undefined) throw new Error('the server\'s own chain is not in the database any more: restart');
  chain.state = stateOf(row);
  chain.isSure = true;
}

async function writeAll({ store, clock }: ServerEventsDeps, tx: Db, chain: Chain, drafts: readonly EventDraft[]): Promise<ChainState> {
  let state = chain.state;
  const key = chain.keys.get(state.keyIndex);
  if (key === undefined) throw new Error(`the server's evidence key ${state.keyIndex} is not here`);
  const rows: EventRow[] = [];
  for (const draft of drafts) {
    const now = clock();
    const written = appendEvent(state, draft, { timeMs: now, ...bootTime() }, key.sign, { sha256, random: randomBytes });
    state = written.state;
    rows.push(eventRow(written.record, written.encoded, WRITER, now));
  }
  if (rows.length === 0) return state;
  if (!(await advanceChain(tx, chain.state, state, clock()))) throw new Error('another process writes this server\'s chain: each needs a data folder of its own');
  await store.insertEvents(tx, rows);
  return state;
}

function bootTime(): { readonly bootMs: number; readonly bootId: string } {
  try {
    const uptime = Number.parseFloat(readFileSync('/proc/uptime', 'latin1'));
    return { bootMs: Math.round(uptime * 1000), bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim() };
  } catch {
    return { bootMs: Math.round(performance.now()), bootId: 'process' };
  }
}

function keyFile(folder: string, index: number): string {
  return join(folder, `${index}.key`);
}

/** The journal of the file system may still hold it; a key on its own, without the database, changes nothing. */
function eraseKey(folder: string, index: number): void {
  writeDurably(keyFile(folder, index), new Uint8Array(32), SECRET);
  rmSync(keyFile(folder, index));
}

function heldKeys(folder: string): ReadonlyMap<number, Ed25519Key> {
  const files = readdirSync(folder).filter((file) => /^[0-9]+\.key$/.test(file));
  return new Map(files.map((file) => [Number.parseInt(file, 10), ed25519FromSeed(readFileSync(join(folder, file)))]));
}

async function openChain(deps: ServerEventsDeps): Promise<Chain> {
  const { store, folder, log } = deps;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const held = heldKeys(folder);
  const publicKeys = [...held.values()].map((key) => key.publicKey);
  const row = publicKeys.length === 0 ? undefined
    : await store.db.selectFrom('chains').selectAll().where('device_id', '=', WRITER).where('public_key', 'in', publicKeys).executeTakeFirst();
  if (row === undefined) {
    if (held.size > 0) log.warn('the database does not know this server\'s chain (was it restored?): a new chain begins');
    return beginChain(deps, [...held.keys()]);
  }
  const key = held.get(row.key_index);
  if (key === undefined || !equalBytes(key.publicKey, row.public_key)) throw new Error(`${folder} holds keys under the wrong number`);
  // Left by a stop between the new key and its checkpoint, or between the checkpoint and the erasing.
  for (const index of held.keys()) if (index !== row.key_index) eraseKey(folder, index);
  const state = stateOf(row);
  return { state, keys: new Map([[row.key_index, key]]), sealedSeq: await lastSeal(store, state), isSure: true };
}

async function lastSeal(store: Store, state: ChainState): Promise<number> {
  const last = await store.db.selectFrom('events').select('seq').where('chain', '=', state.chain).where('type', '=', 'evidence.checkpoint')
    .orderBy('seq', 'desc').limit(1).executeTakeFirst();
  return last?.seq ?? 0;
}

async function beginChain({ store, keys, clock, folder }: ServerEventsDeps, stale: readonly number[]): Promise<Chain> {
  for (const index of stale) eraseKey(folder, index);
  const key = generateEd25519();
  const state = newChain(chainIdOf(keys.serverId, WRITER, key.publicKey, sha256), key.publicKey);
  writeDurably(keyFile(folder, 0), key.seed, SECRET);
  await store.db.insertInto('chains').values(rowOf(state, WRITER, key.publicKey, clock())).execute();
  return { state, keys: new Map([[0, key]]), sealedSeq: 0, isSure: true };
}
