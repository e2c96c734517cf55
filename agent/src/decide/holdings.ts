import type { Grant } from '@belay/core/evidence';
import { isHolder, leftMs } from '@belay/core/grants';
import { type GrantsAnswerSchema, type HeldGrantSchema, RequestAnswer_State, type RequestAnswerSchema } from '@belay/proto/local';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Platform } from '../platform/platform.ts';
import type { Held } from '../state/kept-grant.ts';
import type { AskedFor, RequestState } from '../state/requests.ts';
import type { Approvals } from './filing.ts';
import { inert } from './inert.ts';
import { scopeText } from './wanted-scope.ts';

export type HoldingsDeps = { readonly platform: Pick<Platform, 'clock' | 'accounts'>; approvals(): Approvals };

const STATES: Readonly<Record<RequestState, RequestAnswer_State>> = {
  pending: RequestAnswer_State.PENDING, approved: RequestAnswer_State.APPROVED, denied: RequestAnswer_State.DENIED, cancelled: RequestAnswer_State.CANCELLED, expired: RequestAnswer_State.EXPIRED,
};
/** More than anybody reads, and few enough for one frame. */
const MOST = 500;

/** What one has asked for and holds. `uid` undefined: everybody's. SECURITY(T-30): nothing of anybody else's. */
export function holdingsOf(uid: number | undefined, deps: HoldingsDeps): MessageInitShape<typeof GrantsAnswerSchema> {
  const { grants, requests } = deps.approvals();
  return {
    requests: requests.all().filter((each) => uid === undefined || each.uid === uid).slice(-MOST).map((each) => requestAnswer(each, deps)),
    grants: grants.all().filter(({ grant }) => isGrantOf(uid, grant, deps)).slice(-MOST).map((each) => heldGrant(each, deps)),
  };
}

/** `uid` as the kernel says; undefined: anybody. SECURITY(T-09): what is bound by name is his to whom the name service gives it. */
export function isGrantOf(uid: number | undefined, grant: Grant, { platform }: HoldingsDeps): boolean {
  return uid === undefined || isHolder(grant, { uid, name: platform.accounts.userById(uid)?.name });
}

export function requestAnswer(asked: AskedFor, deps: HoldingsDeps): MessageInitShape<typeof RequestAnswerSchema> {
  const { number, state, command, approvers, by, grant, filedMs, expiresMs, uid, user, version, stance, alsoOn, endedMs, message } = asked;
  return {
    request: BigInt(number), state: STATES[state], command: inert(command, 2000), text: inert(state === 'pending' ? approvers : message, 2000), by: by.map((name) => inert(name)), grant: inert(grant),
    filedMs: BigInt(filedMs), expiresMs: BigInt(expiresMs), uid, user: inert(user), delivered: version > 0 || deps.approvals().serverHas(asked.seq), waiting: stance === 'waiting' && endedMs === 0, alsoOn: alsoOn.map((name) => inert(name)),
  };
}

function heldGrant(held: Held, { platform, approvals }: HoldingsDeps): MessageInitShape<typeof HeldGrantSchema> {
  const { grant, budget, command } = held;
  const { grants, sessions } = approvals();
  const uid = grant.uid ?? platform.accounts.userByName(grant.user)?.uid;
  const now = { bootId: platform.clock.bootId, bootMs: platform.clock.boot() };
  return {
    grant: inert(grant.id), command: grant.scope === undefined ? inert(command === '' ? 'one exact request' : command, 2000) : scopeText(grant.scope), ...(uid === undefined ? {} : { uid }), user: inert(grant.user),
    leftMs: BigInt(Math.ceil(leftMs(budget, now))), usesLeft: budget.usesLeft ?? 0, by: grant.approvedBy.map((name) => inert(name)), message: inert(grant.message, 2000),
    suspended: grants.stateOf(held) === 'suspended', running: sessions.countUnder(grant.id), request: BigInt(grant.request), emergency: grant.emergency,
  };
}
