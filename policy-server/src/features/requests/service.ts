import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { EventDraft } from '@belay/core/evidence';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import { may, scopeOf } from '../accounts/permissions.ts';
import type { Principal } from '../accounts/principal.ts';
import { approversText, askedNow, escalationOf, expiryOf } from './demands.ts';
import { chosen, endedThere } from './elsewhere.ts';
import type { GrantRow } from './grants.ts';
import { issueElsewhere, issueGrant, mostOf } from './issue.ts';
import { findRequest } from './find.ts';
import { type Case, caseProgress, holderOf, readCase, standingOf, type Why } from './standing.ts';
import { factsOf, hint, type RequestRow, tellAnswer } from './telling.ts';

export type RequestServiceDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'notices' | 'keys' | 'clock' | 'config'>;

export type Approval = { readonly words?: string | undefined; readonly forMs?: number | undefined; readonly uses?: number | undefined; readonly exact?: true | undefined;
  /** Other devices that it is for as well, by id or name; undefined: all that were asked for and that this one may answer for. */
  readonly devices?: readonly string[] | undefined;
};

/** What people say to requests. A request that is out of reach is BELAY_E_NOT_PERMITTED, as is one that is not there. */
export interface RequestService {
  /** BELAY_E_CONFLICT when it has an answer already, with whose; BELAY_E_DENIED to whoever may not, with why. */
  approve(id: string, approval: Approval, who: Principal): Promise<Result<void, Failure>>;
  deny(id: string, words: string, who: Principal): Promise<Result<void, Failure>>;
  /** Of an emergency that was approved, once. */
  review(id: string, words: string, who: Principal): Promise<Result<void, Failure>>;
}

type Recorder = (draft: EventDraft) => void;
type Act = { readonly tx: Db; readonly record: Recorder; readonly row: RequestRow; readonly asked: Case; readonly who: Principal; readonly now: number };

export function createRequestService(deps: RequestServiceDeps): RequestService {
  return {
    approve: (id, approval, who) => act(deps, id, who, (doing) => approve(deps, doing, approval)),
    deny: (id, words, who) => act(deps, id, who, (doing) => deny(deps, doing, words)),
    review: (id, words, who) => act(deps, id, who, (doing) => review(deps, doing, words)),
  };
}

/** One at a time: the request's row is locked, so of two who answer at once the second reads what the first did. */
function act(deps: RequestServiceDeps, id: string, who: Principal, work: (doing: Act) => Promise<Result<void, Failure>>): Promise<Result<void, Failure>> {
  return deps.serverEvents.transact(async (tx, record) => {
    const row = await findRequest(tx, id, scopeOf(who.bindings, 'requests.answer'), deps.store.lockRows);
    if (row === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
    const now = deps.clock();
    return work({ tx, record, row, who, now, asked: await readCase(tx, row, now) });
  });
}

function refuse({ record, row, who }: Act, why: Why, words: string): Result<never, Failure> {
  // SECURITY(T-31): an attempt is evidence too.
  record({ type: 'request.answer-refused', fields: { by: who.name, device: row.device_id, asked: row.id, request: row.number, why } });
  return err(failure(why === 'not-pending' || why === 'twice' ? 'BELAY_E_CONFLICT' : 'BELAY_E_DENIED', words));
}

/** Undefined: it can still be answered. */
async function settled({ tx, row, now }: Act): Promise<string | undefined> {
  if (row.state === 'pending') return row.expires_at <= now ? 'This request has expired: nobody can answer it any more.' : undefined;
  if (row.state === 'expired' && row.answer !== 'approved') return 'This request has expired: nobody can answer it any more.';
  if (row.answer === 'cancelled') return 'This request was cancelled: nobody waits for it any more.';
  const device = await tx.selectFrom('devices').select('state').where('id', '=', row.device_id).executeTakeFirst();
  if (device?.state !== 'active') return `The device has been ${device?.state ?? 'removed'}: its requests have ended.`;
  const by = (JSON.parse(row.answer_by) as string[]).join(', ');
  return `This request was ${row.answer}${by === '' ? '' : ` by ${by}`} already.`;
}

async function approve(deps: RequestServiceDeps, doing: Act, { words, forMs, uses, exact, devices }: Approval): Promise<Result<void, Failure>> {
  const { tx, record, row, asked, who, now } = doing;
  const over = await settled(doing);
  if (over !== undefined) return refuse(doing, 'not-pending', over);
  const standing = standingOf(who, asked);
  if ('why' in standing) return refuse(doing, standing.why, standing.words);
  const most = mostOf(row, deps.config.requests);
  if (forMs !== undefined && forMs > most.forMs) return err(failure('BELAY_E_BAD_REQUEST', `An approval can be shorter than was asked for, not longer: at most ${most.forMs} ms.`));
  if (uses !== undefined && uses > most.uses) return err(failure('BELAY_E_BAD_REQUEST', `An approval can be for fewer uses than were asked for, not more: at most ${most.uses}.`));
  const places = chosen(who, asked, { devices, exact });
  if (!places.ok) return places.error.code === 'BELAY_E_DENIED' ? refuse(doing, 'not-approver', places.error.message) : places;
  const before = caseProgress(asked);
  const decision = {
    request_id: row.id, holder: holderOf(who), account_id: who.accountId as string, name: who.name, decision: 'approved' as const, words: words ?? null, at: now, stage: before.stage ?? 0,
    fits: JSON.stringify(standing.fits), for_ms: forMs ?? null, uses: uses ?? null, exact: exact === true ? 1 : 0, devices: JSON.stringify(places.value),
  };
  const after = { ...asked, decisions: [...asked.decisions, decision] };
  const progress = caseProgress(after);
  if (progress.total === before.total) return refuse(doing, 'not-approver', 'Others have said yes in your place: what is still missing is not yours to give.');
  await tx.insertInto('request_decisions').values(decision).execute();
  const { have, need } = { have: progress.total, need: progress.need };
  record({ type: 'request.approved', fields: { by: who.name, device: row.device_id, asked: row.id, request: row.number, have, need, words, alsoOn: places.value.length === 0 ? undefined : places.value } });
  if (progress.stage === undefined) await complete(deps, doing, have);
  else await goOn(deps, doing, after, before.stage !== progress.stage);
  return ok(undefined);
}

/** Somebody else is still to say yes. */
async function goOn(deps: RequestServiceDeps, { tx, row, now }: Act, asked: Case, isNextStage: boolean): Promise<void> {
  const progress = caseProgress(asked);
  const stageAt = isNextStage ? now : row.stage_at;
  await tx.updateTable('requests').set({
    have: progress.total, stage_at: stageAt, expires_at: expiryOf(asked.demands, progress, row.filed_at), escalates_at: escalationOf(asked.demands, progress.open, asked.escalated, stageAt),
    answer_version: row.answer_version + 1, answer_words: approversText(asked.demands, progress, asked.escalated), answer_by: JSON.stringify(asked.decisions.map(({ name }) => name)),
  }).where('id', '=', row.id).execute();
  // Those of the next stage hear of it as of a new request: to them it is one.
  if (isNextStage) await deps.notices.record(tx, { kind: 'request-filed', request: await factsOf(tx, row), from: askedNow(asked.demands, progress.open, asked.escalated) });
  await hint(deps, tx, row);
}

/** The last yes: signed, in force on the device with its next manifest. */
async function complete(deps: RequestServiceDeps, { tx, record, row, asked, who, now }: Act, have: number): Promise<void> {
  const decisions = await tx.selectFrom('request_decisions').selectAll().where('request_id', '=', row.id).orderBy('at').execute();
  const names = decisions.map(({ name }) => name);
  const said = decisions.filter(({ words }) => words !== null);
  const words = (said.length === 1 ? (said[0]?.words ?? '') : said.map(({ name, words: each }) => `${name}: ${each ?? ''}`).join('; ')).slice(0, 2000);
  const yes = { names, words, narrowed: decisions.map(({ for_ms: forMs, uses, exact }) => ({ forMs, uses, exact })) };
  const grant = await issueGrant(deps, tx, row, yes);
  const change = {
    state: 'approved', answer: 'approved', have, answered_at: now, escalates_at: null, answer_version: row.answer_version + 1, answer_words: words, answer_by: JSON.stringify(names),
  } as const;
  await tx.updateTable('requests').set(change).where('id', '=', row.id).execute();
  record(issued(who, grant));
  // Where everybody whose yes it took said so.
  const agreed = asked.elsewhere.filter((place) => endedThere(asked, place) === undefined && decisions.every(({ devices }) => (JSON.parse(devices) as string[]).includes(place.device)));
  for (const place of agreed) {
    const there = await issueElsewhere(deps, tx, row, yes, place);
    if (there === undefined) continue;
    record(issued(who, there));
    await deps.store.notifyAfter(tx, 'device', place.device);
  }
  const answered = { ...row, ...change };
  if (row.emergency !== 0) {
    record({ type: 'emergency.opened', fields: { device: row.device_id, asked: row.id, request: row.number, grant: grant.id } });
    await deps.notices.record(tx, { kind: 'emergency-opened', request: await factsOf(tx, answered), grant: grant.id, by: names, expiresAt: grant.expires_at });
  }
  await tellAnswer(deps, tx, answered, 'approved');
  await hint(deps, tx, row);
}

function issued(who: Principal, { device_id: device, request_id: asked, id: grant, expires_at: expiresAt, uses }: GrantRow): EventDraft {
  return { type: 'grant.issued', fields: { by: who.name, device, asked, grant, expiresAt, uses: uses ?? 0 } };
}

async function deny(deps: RequestServiceDeps, doing: Act, words: string): Promise<Result<void, Failure>> {
  const { tx, record, row, asked, who, now } = doing;
  const over = await settled(doing);
  if (over !== undefined) return refuse(doing, 'not-pending', over);
  const standing = standingOf(who, asked, 'deny');
  if ('why' in standing) return refuse(doing, standing.why, standing.words);
  await tx.insertInto('request_decisions').values({
    request_id: row.id, holder: holderOf(who), account_id: who.accountId as string, name: who.name, decision: 'denied', words, at: now, stage: caseProgress(asked).stage ?? 0,
    fits: '[]', for_ms: null, uses: null, exact: 0, devices: '[]',
  }).execute();
  record({ type: 'request.denied', fields: { by: who.name, device: row.device_id, asked: row.id, request: row.number, words } });
  const change = { state: 'denied', answer: 'denied', answered_at: now, escalates_at: null, answer_version: row.answer_version + 1, answer_words: words, answer_by: JSON.stringify([who.name]) } as const;
  await tx.updateTable('requests').set(change).where('id', '=', row.id).execute();
  await tellAnswer(deps, tx, { ...row, ...change }, 'denied');
  await hint(deps, tx, row);
  return ok(undefined);
}

async function review(deps: RequestServiceDeps, doing: Act, words: string): Promise<Result<void, Failure>> {
  const { tx, record, row, asked, who, now } = doing;
  if (row.emergency === 0 || row.answer !== 'approved') return err(failure('BELAY_E_CONFLICT', 'Only an emergency that was approved is reviewed.'));
  const isOwn = (asked.requester !== undefined && asked.requester.id === who.personId) || (asked.requester === undefined && who.name === row.user_name);
  if (isOwn) return refuse(doing, 'own-request', 'This was your own request: somebody else reviews it.');
  if (who.accountId === undefined || !may(who.bindings, 'requests.answer', asked.deviceGroups)) return refuse(doing, 'not-approver', 'Your roles do not let you answer requests of this device.');
  const earlier = await tx.selectFrom('request_reviews').select('name').where('request_id', '=', row.id).executeTakeFirst();
  if (earlier !== undefined) return err(failure('BELAY_E_CONFLICT', `${earlier.name} has reviewed it already.`));
  await tx.insertInto('request_reviews').values({ request_id: row.id, name: who.name, words, at: now }).execute();
  record({ type: 'request.reviewed', fields: { by: who.name, device: row.device_id, asked: row.id, request: row.number, words } });
  await deps.notices.record(tx, { kind: 'emergency-reviewed', request: await factsOf(tx, row), by: who.name, words, at: now });
  await deps.store.notifyAfter(tx, 'requests', row.id);
  return ok(undefined);
}
