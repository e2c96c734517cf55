import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Tables } from '../../store/index.ts';

/** `status` and text, as they were answered. */
export type Answered = { readonly status: number; readonly text: string };
/** Who asks, by which route, under which key; `content` is everything that makes it this request and no other. */
export type Once = { readonly holder: string; readonly route: string; readonly key: string; readonly content: string };

export interface Idempotency {
  /**
   * Does `work` the first time, and afterwards answers what it answered. `work` answers undefined for what may be tried again (a fault,
   * too much at once). BELAY_E_CONFLICT: the key was used for something else, or nobody knows how it ended. BELAY_E_RATE_LIMITED: too many keys.
   */
  once(request: Once, work: () => Promise<{ readonly answer: Answered; readonly isFinal: boolean }>): Promise<Result<Answered & { readonly isReplay: boolean }, Failure>>;
}

export type IdempotencyDeps = Pick<ServerContext, 'store' | 'secrets' | 'clock'>;

const KEPT_MS = 24 * 3_600_000;
const MAX_KEYS = 10_000;
/** An answer that is longer is told to be done, and not repeated. */
const MAX_TEXT = 256 * 1024;
const WAIT_MS = 10_000;
/** Longer than any request may take: whoever began then has ended. */
const ABANDONED_MS = 60_000;
const LOOK_MS = 25;

const OTHER = 'This Idempotency-Key was used for another request.';
const UNKNOWN = 'A request with this Idempotency-Key was begun, and its outcome is not known yet. Look whether it was done.';
const LONG = 'The request with this Idempotency-Key was done; its answer is too long to be repeated.';

type Row = Tables['idempotency'];

export function createIdempotency(deps: IdempotencyDeps): Idempotency {
  return {
    async once(request, work) {
      const hash = createHash('sha256').update(request.content).digest();
      const begun = await begin(deps, request, hash);
      if (begun === 'too-many') return err(failure('BELAY_E_RATE_LIMITED', `At most ${MAX_KEYS} idempotency keys are kept for one caller in a day.`));
      if (begun === 'known') return replay(deps, request, hash);
      try {
        const { answer, isFinal } = await work();
        await (isFinal ? keep(deps, request, answer) : forget(deps, request));
        return ok({ ...answer, isReplay: false });
      } catch (error) {
        await forget(deps, request);
        throw error;
      }
    },
  };
}

const placeOf = ({ holder, route, key }: Once) => ({ holder, route, key });

async function keep(deps: IdempotencyDeps, request: Once, { status, text }: Answered): Promise<void> {
  await deps.store.db.updateTable('idempotency').set({ status, content: sealed(deps, request, text) }).where((eb) => eb.and(placeOf(request))).execute();
}

async function forget({ store: { db } }: IdempotencyDeps, request: Once): Promise<void> {
  await db.deleteFrom('idempotency').where((eb) => eb.and(placeOf(request))).execute();
}

async function begin({ store: { db }, clock }: IdempotencyDeps, request: Once, hash: Uint8Array): Promise<'begun' | 'known' | 'too-many'> {
  const now = clock();
  await db.deleteFrom('idempotency').where('created_at', '<', now - KEPT_MS).execute();
  const { count } = await db.selectFrom('idempotency').select((eb) => eb.fn.countAll<number>().as('count')).where('holder', '=', request.holder).executeTakeFirstOrThrow();
  if (Number(count) >= MAX_KEYS) return (await read(db, request)) === undefined ? 'too-many' : 'known';
  const row: Row = { ...placeOf(request), body_hash: hash, status: null, content: null, created_at: now };
  const inserted = await db.insertInto('idempotency').values(row).onConflict((conflict) => conflict.columns(['holder', 'route', 'key']).doNothing()).executeTakeFirst();
  return Number(inserted.numInsertedOrUpdatedRows ?? 0) > 0 ? 'begun' : 'known';
}

function read(db: IdempotencyDeps['store']['db'], request: Once): Promise<Row | undefined> {
  return db.selectFrom('idempotency').selectAll().where((eb) => eb.and(placeOf(request))).executeTakeFirst();
}

/** Waits for the one that is at it; the outcome of one that never ended (a server that died) is nobody's to guess. */
async function replay({ store: { db }, secrets, clock }: IdempotencyDeps, request: Once, hash: Uint8Array): Promise<Result<Answered & { readonly isReplay: boolean }, Failure>> {
  const until = performance.now() + WAIT_MS;
  for (;;) {
    const row = await read(db, request);
    if (row !== undefined && !Buffer.from(row.body_hash).equals(Buffer.from(hash))) return err(failure('BELAY_E_CONFLICT', OTHER));
    if (row?.status != null) {
      const text = row.content === null ? undefined : secrets.open(purposeOf(request), Buffer.from(row.content, 'base64'));
      return text === undefined ? err(failure('BELAY_E_CONFLICT', LONG)) : ok({ status: row.status, text: Buffer.from(text).toString('utf8'), isReplay: true });
    }
    if (row === undefined || performance.now() > until || clock() - row.created_at > ABANDONED_MS) return err(failure('BELAY_E_CONFLICT', UNKNOWN));
    await delay(LOOK_MS);
  }
}

/** Sealed: an answer may hold a secret that is shown once (T-36). */
function sealed({ secrets }: IdempotencyDeps, request: Once, text: string): string | null {
  return text.length > MAX_TEXT ? null : Buffer.from(secrets.seal(purposeOf(request), Buffer.from(text))).toString('base64');
}

function purposeOf({ holder, route, key }: Once): string {
  return `answer/${JSON.stringify([holder, route, key])}`;
}
