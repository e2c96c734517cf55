import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import type { RequestState } from '../../store/schema-requests.ts';
import type { Scope } from '../accounts/permissions.ts';
import { reaches, scopeOf } from '../accounts/permissions.ts';
import type { Principal } from '../accounts/principal.ts';
import { fromOf, type Demand } from './demands.ts';
import { type Case, caseProgress, readCases, standingOf } from './standing.ts';
import type { RequestRow } from './telling.ts';

export type ApprovalView = { readonly stage: number; readonly from: readonly string[]; readonly count: number; readonly have: number; readonly open: boolean };
/** A request in a list. Every text is inert. Times are Unix ms. */
export type RequestSummary = {
  readonly id: string; readonly number: number; readonly device: { readonly id: string; readonly name: string }; readonly user: string; readonly uid: number;
  readonly person: { readonly id: string; readonly name: string } | null; readonly command: string; readonly runAs: string; readonly reason: string | null;
  readonly state: RequestState; readonly stance: 'waiting' | 'ahead'; readonly emergency: boolean; readonly filedAt: number; readonly expiresAt: number; readonly rules: readonly string[];
  readonly approvals: readonly ApprovalView[]; readonly mayAnswer: boolean; readonly whyNot: string | null; readonly answeredAt: number | null;
  /** An emergency that was approved, and that nobody has looked at since. */
  readonly needsReview: boolean;
  /** Names of other devices that it is for as well. */
  readonly alsoOn: readonly string[];
};

export type RequestFilter = {
  readonly state?: RequestState | undefined; readonly device?: string | undefined; readonly user?: string | undefined;
  /** Those that whoever asks has filed. */
  readonly mine?: boolean | undefined;
  /** Emergencies that wait for a review. */
  readonly review?: boolean | undefined;
};
export type Page = { readonly limit: number; readonly after?: readonly [time: number, id: string] | undefined };
type ReadDeps = Pick<ServerContext, 'store' | 'clock'>;

/** Newest first, of the devices within the reader's scope. */
export async function listRequests({ store: { db }, clock }: ReadDeps, { state, device, user, mine, review }: RequestFilter, who: Principal, { limit, after }: Page): Promise<readonly RequestSummary[]> {
  const scope = scopeOf(who.bindings, 'requests.read');
  let query = db.selectFrom('requests').selectAll().orderBy('filed_at', 'desc').orderBy('id', 'desc').limit(limit);
  if (scope !== 'all') query = scope.length === 0 ? query.where((eb) => eb.lit(false)) : query.where('device_id', 'in', (eb) => eb.selectFrom('device_groups').select('device_id').where('group_name', 'in', scope));
  if (state !== undefined) query = query.where('state', '=', state);
  if (device !== undefined) query = query.where('device_id', 'in', (eb) => eb.selectFrom('devices').select('id').where((or) => or.or([or('id', '=', device), or('name', '=', device)])));
  if (user !== undefined) query = query.where('user_name', '=', user);
  if (mine === true) {
    const { personId } = who;
    query = personId === undefined ? query.where((eb) => eb.lit(false)) : query.where((eb) => eb.exists(eb.selectFrom('person_users').select('user_name').where('person_id', '=', personId)
      .whereRef('person_users.user_name', '=', 'requests.user_name').where((or) => or.or([or('person_users.device_id', 'is', null), or('person_users.device_id', '=', or.ref('requests.device_id'))]))));
  }
  if (review === true) query = query.where('emergency', '=', 1).where('answer', '=', 'approved').where('id', 'not in', (eb) => eb.selectFrom('request_reviews').select('request_id'));
  if (after !== undefined) query = query.where((eb) => eb.or([eb('filed_at', '<', after[0]), eb.and([eb('filed_at', '=', after[0]), eb('id', '<', after[1])])]));
  return summariesOf(db, await query.execute(), who, clock());
}

export async function summariesOf(db: Db, rows: readonly RequestRow[], who: Principal, now: number): Promise<readonly RequestSummary[]> {
  if (rows.length === 0) return [];
  const names = new Map((await db.selectFrom('devices').select(['id', 'name']).where('id', 'in', [...new Set(rows.map(({ device_id: device }) => device))]).execute()).map(({ id, name }) => [id, name]));
  const emergencies = rows.filter(({ emergency }) => emergency !== 0).map(({ id }) => id);
  const reviewed = new Set(emergencies.length === 0 ? [] : (await db.selectFrom('request_reviews').select('request_id').where('request_id', 'in', emergencies).execute()).map(({ request_id: id }) => id));
  const answering = scopeOf(who.bindings, 'requests.answer');
  return (await readCases(db, rows, now)).map((asked) => summaryOf(asked, { who, now, name: names.get(asked.row.device_id) ?? '', answering, isReviewed: reviewed.has(asked.row.id) }));
}

type Seen = { readonly who: Principal; readonly now: number; readonly name: string; readonly answering: Scope; readonly isReviewed: boolean };

function summaryOf(asked: Case, { who, now, name, answering, isReviewed }: Seen): RequestSummary {
  const { row, requester } = asked;
  const whyNot = whyNotOf(asked, who, now, answering);
  return {
    id: row.id, number: row.number, device: { id: row.device_id, name }, user: row.user_name, uid: row.uid, person: requester === undefined ? null : { id: requester.id, name: requester.name },
    command: row.command, runAs: row.run_as, reason: row.reason, state: row.state, stance: row.stance, emergency: row.emergency !== 0, filedAt: row.filed_at, expiresAt: row.expires_at,
    rules: JSON.parse(row.rules) as string[], approvals: approvalsOf(asked), mayAnswer: whyNot === null, whyNot, answeredAt: row.answered_at,
    needsReview: row.emergency !== 0 && row.answer === 'approved' && !isReviewed, alsoOn: asked.elsewhere.map(({ name: other }) => other),
  };
}

function whyNotOf(asked: Case, who: Principal, now: number, answering: Scope): string | null {
  const { row } = asked;
  if (row.state !== 'pending') return `It is ${row.state}.`;
  if (row.expires_at <= now) return 'It has expired.';
  if (!reaches(answering, asked.deviceGroups)) return 'Your roles do not let you answer requests of this device.';
  const standing = standingOf(who, asked);
  return 'why' in standing ? standing.words : null;
}

function approvalsOf(asked: Case): readonly ApprovalView[] {
  const { have, open } = caseProgress(asked);
  const isPending = asked.row.state === 'pending';
  return asked.demands.map(({ demand }: Demand, at) => ({
    stage: demand.stage ?? 0, from: fromOf(demand, asked.escalated.includes(at)), count: demand.count, have: have[at] as number, open: isPending && open.includes(at),
  }));
}
