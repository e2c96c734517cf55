import { equalBytes } from '@belay/core/bytes';
import type { ErrorCode } from '@belay/core/codes';
import {
  type ChainFault, chainIdOf, type ChainState, concludeChain, decodeEvent, type EventDraft, type EventRecord, eventSignedBytes, followChain,
  type FollowedChain, type FollowedEvent, newChain, NO_SERVER, signatureChecks, type VerifiedChain,
} from '@belay/core/evidence';
import { ed25519VerifyAsync, sha256 } from '@belay/core/node-crypto';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { ServerContext } from '../../context.ts';
import { advanceChain, type ChainRow, keepReceipt, readChain, rowOf, stateOf } from './chain-rows.ts';
import { eventRow } from './event-row.ts';
import type { Db } from '../../store/index.ts';
import { provenAt } from './proof.ts';

/** A device that has proven who it is. */
export type Sender = { readonly id: string; readonly evidenceKey: Uint8Array };
export type Upload = { readonly chain: Uint8Array; readonly first: number; readonly events: readonly Uint8Array[]; readonly earliest: number };

export type UploadAnswer =
  | { readonly kind: 'accepted'; readonly receipt: Uint8Array; readonly next: number }
  | { readonly kind: 'need-earlier'; readonly next: number }
  | { readonly kind: 'refused'; readonly next: number; readonly code: ErrorCode; readonly message: string };

export type IngestDeps = Pick<ServerContext, 'store' | 'keys' | 'clock' | 'serverEvents' | 'metrics'> & {
  /** Within the transaction that stores a device's events, before they are: whoever acts on them does so exactly once. */
  readonly onStored: (tx: Db, device: string, events: readonly EventRecord[]) => Promise<void>;
};

export interface Ingest {
  /**
   * Takes consecutive events of one chain: verified, stored once, receipted, all in one transaction. Nothing that was
   * receipted can be replaced.
   */
  upload(sender: Sender, upload: Upload): Promise<UploadAnswer>;
}

/** Followed without a pause for others; a chunk takes a few milliseconds. */
const CHUNK = 64;
const ATTEMPTS = 5;

export function createIngest(deps: IngestDeps): Ingest {
  const meters = createMeters(deps.metrics);
  const queues = new Map<string, Promise<unknown>>();
  return {
    upload(sender, upload) {
      // One upload of a device at a time: a second would only be verified in vain.
      const result = (queues.get(sender.id) ?? Promise.resolve()).then(() => take(deps, meters, sender, upload));
      const settled = result.catch(() => undefined).finally(() => {
        if (queues.get(sender.id) === settled) queues.delete(sender.id);
      });
      queues.set(sender.id, settled);
      return result;
    },
  };
}

type Meters = ReturnType<typeof createMeters>;

function createMeters(registry: Registry) {
  return {
    accepted: new Counter({ name: 'belay_events_accepted_total', help: 'Events stored and receipted', registers: [registry] }),
    refused: new Counter({ name: 'belay_uploads_refused_total', help: 'Uploads refused, by error code', labelNames: ['code'], registers: [registry] }),
    seconds: new Histogram({ name: 'belay_upload_seconds', help: 'Time from an upload\'s arrival to its receipt', registers: [registry] }),
  } as const;
}

async function take(deps: IngestDeps, meters: Meters, sender: Sender, upload: Upload): Promise<UploadAnswer> {
  const stop = meters.seconds.startTimer();
  for (let attempt = 1; ; attempt++) {
    const answer = await takeOnce(deps, meters, sender, upload);
    if (answer === 'moved' && attempt < ATTEMPTS) continue;
    if (answer === 'moved') throw new Error('the chain is being written by several servers at once');
    stop();
    if (answer.kind === 'refused') meters.refused.inc({ code: answer.code });
    return answer;
  }
}

/** `moved`: another server took events of this chain meanwhile. */
async function takeOnce(deps: IngestDeps, meters: Meters, sender: Sender, upload: Upload): Promise<UploadAnswer | 'moved'> {
  const row = await chainRow(deps, sender, upload.chain);
  if (row === undefined) return refuse(0, 'BELAY_E_CHAIN_FORK', 'This is not the chain of this device.');
  const next = row.seq + 1;
  if (row.state === 'refused') return refuse(next, 'BELAY_E_CHAIN_BROKEN', 'The evidence of this device was refused; ask an administrator to look at its events.');
  if (upload.first > next) return gap(deps, sender, row, upload);
  const known = Math.min(next - upload.first, upload.events.length);
  if (known > 0 && !(await repeats(deps, row, upload, known))) return forked(deps, sender, row, upload, known);
  const fresh = upload.events.slice(known);
  if (fresh.length === 0) return receiptAgain(deps, sender, row);
  const checked = await verify(stateOf(row), fresh);
  // What holds is taken; the fault comes up again at the head of the next upload.
  if (checked.events.length > 0) return store(deps, meters, sender, row, checked);
  const fault = checked.fault ?? { seq: next, code: 'BELAY_E_INTERNAL', detail: 'It was not understood.' };
  return blame(deps, sender, row, fresh[0] as Uint8Array, fault);
}

/** The device's one chain, begun at its first upload. Undefined when the upload names another. */
async function chainRow({ store, keys, clock }: IngestDeps, sender: Sender, chain: Uint8Array): Promise<ChainRow | undefined> {
  const known = await readChain(store.db, chain);
  if (known !== undefined) return known.device_id === sender.id ? known : undefined;
  // SECURITY(T-28): the id follows from device and key, so one device has one chain and cannot begin another.
  const allowed = [keys.serverId, NO_SERVER].some((server) => equalBytes(chain, chainIdOf(server, sender.id, sender.evidenceKey, sha256)));
  if (!allowed) return undefined;
  return store.transaction(async (tx) => {
    // The device's row serialises two servers that see its first upload at once.
    await tx.selectFrom('devices').select('id').where('id', '=', sender.id).$if(store.lockRows, (query) => query.forUpdate()).execute();
    const existing = await tx.selectFrom('chains').selectAll().where('device_id', '=', sender.id).execute();
    if (existing.length > 0) return existing.find((row) => equalBytes(row.chain, chain));
    const row = rowOf(newChain(chain, sender.evidenceKey), sender.id, sender.evidenceKey, clock());
    await tx.insertInto('chains').values(row).execute();
    return row;
  });
}

/**
 * Form, chain and commitments here, signatures on the thread pool; nothing counts before all of them hold. Answers what holds,
 * up to the first fault.
 */
async function verify(from: ChainState, encoded: readonly Uint8Array[]): Promise<VerifiedChain> {
  const parts: { readonly followed: FollowedChain; readonly holds: Promise<readonly boolean[]> }[] = [];
  let state = from;
  let isWhole = true;
  for (let at = 0; at < encoded.length && isWhole; at += CHUNK) {
    const followed = followChain(state, encoded.slice(at, at + CHUNK), { writer: 'device', sha256 });
    parts.push({ followed, holds: Promise.all(signatureChecks(followed).map((check) => ed25519VerifyAsync(check.publicKey, check.message, check.signature))) });
    state = followed.events.at(-1)?.after ?? state;
    isWhole = followed.fault === undefined;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const events: FollowedEvent[] = [];
  let at = from;
  for (const { followed, holds } of parts) {
    const part = concludeChain(followed, await holds);
    events.push(...part.events);
    at = part.state;
    if (part.fault !== undefined) return { events, state: at, repeated: 0, fault: part.fault };
  }
  return { events, state: at, repeated: 0, fault: undefined };
}

async function store(deps: IngestDeps, meters: Meters, sender: Sender, row: ChainRow, { state, events }: VerifiedChain): Promise<UploadAnswer | 'moved'> {
  const now = deps.clock();
  const receipt = sealReceipt(deps, sender, state, now);
  const rows = events.map(({ record, encoded }) => eventRow(record, encoded, sender.id, now));
  const isStored = await deps.store.transaction(async (tx) => {
    // Locks the chain's row until the transaction ends, too.
    if (!(await advanceChain(tx, stateOf(row), state, now))) return false;
    await keepReceipt(tx, row.chain, state.seq, receipt, now);
    // Before the events go in: that takes a lock which those who change what these events are about take last.
    await deps.onStored(tx, sender.id, events.map(({ record }) => record));
    await deps.store.insertEvents(tx, rows);
    return true;
  });
  if (!isStored) return 'moved';
  meters.accepted.inc(rows.length);
  await deps.store.notify('events');
  return { kind: 'accepted', receipt, next: state.seq + 1 };
}

function sealReceipt({ keys }: IngestDeps, sender: Sender, state: ChainState, time: number): Uint8Array {
  return keys.seal('receipt', { server: keys.serverId, device: sender.id, chain: state.chain, seq: state.seq, head: state.head, time });
}

async function receiptAgain(deps: IngestDeps, sender: Sender, row: ChainRow): Promise<UploadAnswer> {
  return { kind: 'accepted', receipt: sealReceipt(deps, sender, stateOf(row), deps.clock()), next: row.seq + 1 };
}

/** Whether the last of the known events is the one stored; by the chain, those before it are then too. */
async function repeats({ store }: IngestDeps, row: ChainRow, upload: Upload, known: number): Promise<boolean> {
  const sent = decodeEvent(upload.events[known - 1] as Uint8Array, sha256);
  if (!sent.ok) return false;
  const seq = upload.first + known - 1;
  const stored = await store.db.selectFrom('events').select('record').where('chain', '=', row.chain).where('seq', '=', seq).executeTakeFirst();
  if (stored === undefined) return true;
  const kept = decodeEvent(stored.record, sha256);
  return kept.ok && equalBytes(kept.value.payloadBytes, sent.value.payloadBytes);
}

/** How far back the device's journal goes is the uplink's word, not signed: so the chain stays open for the missing events. */
async function gap(deps: IngestDeps, sender: Sender, row: ChainRow, upload: Upload): Promise<UploadAnswer> {
  const expected = row.seq + 1;
  if (upload.earliest <= expected) return { kind: 'need-earlier', next: expected };
  await mark(deps, row, 'gap', { type: 'evidence.gap', fields: { device: sender.id, expected, earliest: upload.earliest } });
  return refuse(expected, 'BELAY_E_CHAIN_GAP', `Events ${expected} to ${upload.earliest - 1} never arrived and the device no longer has them.`);
}

async function forked(deps: IngestDeps, sender: Sender, row: ChainRow, upload: Upload, known: number): Promise<UploadAnswer> {
  const seq = upload.first + known - 1;
  return blame(deps, sender, row, upload.events[known - 1] as Uint8Array, { seq, code: 'BELAY_E_CHAIN_FORK', detail: `A different event ${seq} was received before.` });
}

/**
 * An event signed by the device's own evidence key that does not fit proves a fork or tampering: the chain is closed. Without
 * such a signature somebody on the way may have made it up: only this upload is refused, so that a hostile uplink cannot
 * silence its device for good.
 */
async function blame(deps: IngestDeps, sender: Sender, row: ChainRow, event: Uint8Array, fault: ChainFault): Promise<UploadAnswer> {
  const decoded = decodeEvent(event, sha256);
  const isProven = decoded.ok && (await signedByDevice(deps, row, decoded.value));
  const draft: EventDraft = isProven && (fault.code === 'BELAY_E_CHAIN_FORK' || fault.code === 'BELAY_E_CHAIN_BROKEN')
    ? { type: 'evidence.fork', fields: { device: sender.id, seq: fault.seq } }
    : { type: 'evidence.refused', fields: { device: sender.id, seq: fault.seq, code: fault.code } };
  if (isProven) await mark(deps, row, 'refused', draft);
  else await noteOnce(deps, row, fault.seq, draft);
  return refuse(row.seq + 1, fault.code, `Event ${fault.seq}: ${fault.detail}`);
}

async function signedByDevice({ store }: IngestDeps, row: ChainRow, record: EventRecord): Promise<boolean> {
  if (!equalBytes(record.payload.chain, row.chain)) return false;
  const key = await provenAt(store.db, row, record.payload.key);
  return key !== undefined && ed25519VerifyAsync(key, eventSignedBytes(record.payloadBytes), record.signature);
}

/** Keeps what is wrong with the chain, and says so once. */
async function mark({ serverEvents }: IngestDeps, row: ChainRow, state: 'gap' | 'refused', draft: EventDraft): Promise<void> {
  await serverEvents.transact(async (tx, record) => {
    const changed = await tx.updateTable('chains').set({ state }).where('chain', '=', row.chain).where('state', 'not in', [state, 'refused']).executeTakeFirst();
    if (changed.numUpdatedRows > 0n) record(draft);
  });
}

const QUIET_MS = 10 * 60_000;
const noted = new Map<string, number>();

/** A device that repeats the same bad upload is reported once in a while, not every time. */
async function noteOnce({ serverEvents, clock }: IngestDeps, row: ChainRow, seq: number, draft: EventDraft): Promise<void> {
  const now = clock();
  for (const [key, time] of noted) if (now - time > QUIET_MS) noted.delete(key);
  const key = `${row.device_id}:${seq}:${draft.type}`;
  if (noted.has(key)) return;
  noted.set(key, now);
  await serverEvents.append(draft);
}

function refuse(next: number, code: ErrorCode, message: string): UploadAnswer {
  return { kind: 'refused', next, code, message };
}
