import { createHash, randomBytes } from 'node:crypto';
import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Db, Tables } from '../../store/index.ts';

export type ChallengeKind = Tables['challenges']['kind'];
export type ChallengeDeps = Pick<ServerContext, 'store' | 'secrets' | 'clock'>;
export type Challenge<T> = { readonly accountId: string | null; readonly data: T };

const LIFE_MS = 10 * 60_000;
const MAX_OPEN = 100_000;
const MAX_TRIES = 5;

/** Something that a sign-in waits for. Answers what the caller brings back; only its hash is kept, and its data sealed. */
export async function openChallenge({ store, secrets, clock }: ChallengeDeps, kind: ChallengeKind, accountId: string | null, data: object): Promise<Result<string, Failure>> {
  const { db } = store;
  const now = clock();
  await db.deleteFrom('challenges').where('expires_at', '<=', now).execute();
  const { count } = await db.selectFrom('challenges').select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  if (Number(count) >= MAX_OPEN) return err(failure('BELAY_E_BUSY'));
  const secret = randomBytes(24).toString('base64url');
  await db.insertInto('challenges').values({
    id: idOf(secret), kind, account_id: accountId, data: secrets.seal(`challenge/${kind}`, Buffer.from(JSON.stringify(data))), tries: 0, expires_at: now + LIFE_MS,
  }).execute();
  return ok(secret);
}

/** Counts a try; a challenge that was tried too often, is over or of another kind is none. It stays until it is closed. */
export async function tryChallenge<T>({ store, secrets, clock }: ChallengeDeps, kind: ChallengeKind, secret: string): Promise<Challenge<T> | undefined> {
  const row = await store.db.updateTable('challenges').set((eb) => ({ tries: eb('tries', '+', 1) }))
    .where('id', '=', idOf(secret)).where('kind', '=', kind).where('tries', '<', MAX_TRIES).where('expires_at', '>', clock()).returningAll().executeTakeFirst();
  return row === undefined ? undefined : opened<T>(secrets, kind, row);
}

/** Whether it was still there: of two who take it at once one has it. */
export async function closeChallenge(tx: Db, secret: string): Promise<boolean> {
  return (await tx.deleteFrom('challenges').where('id', '=', idOf(secret)).executeTakeFirst()).numDeletedRows > 0n;
}

/** Takes it: there is no second try. */
export async function takeChallenge<T>(deps: ChallengeDeps, kind: ChallengeKind, secret: string): Promise<Challenge<T> | undefined> {
  const row = await deps.store.db.deleteFrom('challenges').where('id', '=', idOf(secret)).where('kind', '=', kind).where('expires_at', '>', deps.clock()).returningAll().executeTakeFirst();
  return row === undefined ? undefined : opened<T>(deps.secrets, kind, row);
}

function opened<T>(secrets: ChallengeDeps['secrets'], kind: ChallengeKind, row: Tables['challenges']): Challenge<T> | undefined {
  const data = secrets.open(`challenge/${kind}`, row.data);
  return data === undefined ? undefined : { accountId: row.account_id, data: JSON.parse(Buffer.from(data).toString('utf8')) as T };
}

function idOf(secret: string): string {
  return createHash('sha256').update(`belay/challenge/v1:${secret}`).digest('base64url');
}
