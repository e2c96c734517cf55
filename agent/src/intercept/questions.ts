import { encodeUtf8 } from '@belay/core/bytes';
import type { ErrorCode } from '@belay/core/codes';
import type { ClientFrame, ListQuery, SudoCheck, WhyQuery } from '@belay/proto/local';
import { type Decided, remember, type Remembered } from '../decide/decided.ts';
import type { ElevationDeps } from '../decide/elevation.ts';
import { listAnswer } from '../decide/entitlements.ts';
import { requesterOf } from '../decide/gather.ts';
import { findUser } from '../decide/run-as.ts';
import { readSudoCheck } from '../decide/sudo-request.ts';
import { onBehalfOf, tryOut } from '../decide/trial.ts';
import { type Audience, whyAnswer } from '../decide/why.ts';
import type { Account, Actor, Peer } from '../platform/platform.ts';
import { createUserRateLimit } from './limits.ts';
import { refusalReply, type Reply } from './replies.ts';

export type QuestionDeps = ElevationDeps & {
  readonly decided: Pick<Decided, 'byNumber' | 'lastOf'>;
  readonly log: { error(detail: object, message: string): void };
  nextRequest(): number;
};

type Question = Extract<ClientFrame['message'], { case: 'why' | 'list' }>;
type Refusal = { readonly code: ErrorCode; readonly message: string };

export function isQuestion(message: ClientFrame['message']): message is Question {
  return message.case === 'why' || message.case === 'list';
}

/** Each is recorded, and may cost the hash of a file: a person needs far fewer. */
const RATE = { perSecond: 5, burst: 40 };
const DEADLINE_MS = 2000;

/** `belay why` and `belay list`. */
export interface Questions {
  /** Never throws. */
  answer(question: Question, peer: Peer): Promise<Reply>;
}

export function createQuestions(deps: QuestionDeps, monotonicMs: () => number): Questions {
  const rate = createUserRateLimit(RATE, monotonicMs);
  const trying = new Set<number>();

  async function answer(question: Question, peer: Peer): Promise<Reply | Refusal> {
    if (question.case === 'list') return rate.take(peer.actor.realUid) ? list(question.value, peer, deps) : TOO_MANY;
    if (question.value.about.case !== 'trial') return lookUp(question.value, peer, deps);
    const uid = peer.actor.realUid;
    // SECURITY(T-08): one at a time for each person, as hashing a file takes time and memory.
    if (!rate.take(uid) || (uid !== 0 && trying.has(uid))) return TOO_MANY;
    trying.add(uid);
    try {
      return await tryNow(question.value.about.value, question.value.user, peer, deps);
    } finally {
      trying.delete(uid);
    }
  }

  return {
    async answer(question, peer) {
      try {
        const reply = await answer(question, peer);
        return 'code' in reply ? refusalReply(reply.code, reply.message) : reply;
      } catch (error) {
        deps.log.error({ where: question.case, cause: Error.isError(error) ? error.stack : 'fault' }, 'an unexpected fault; the question is not answered');
        return refusalReply('BELAY_E_INTERNAL', 'A fault of Belay; it has been logged.');
      }
    },
  };
}

const TOO_MANY: Refusal = { code: 'BELAY_E_RATE_LIMITED', message: 'Too many questions; wait and try again.' };
const NOT_OTHERS: Refusal = { code: 'BELAY_E_NOT_PERMITTED', message: 'There is no such user, or only root may ask about others.' };

/** Root himself: a program of root's that somebody else started does not do. */
function isRoot(actor: Actor): boolean {
  return actor.effectiveUid === 0 && actor.realUid === 0;
}

/** Undefined: nobody was named. `none`: there is no such user, or the caller may not ask about them; nobody is told which. */
function accountOf(name: string, actor: Actor, { platform }: QuestionDeps): Account | undefined | 'none' {
  if (name === '') return undefined;
  const account = findUser(encodeUtf8(name), platform.accounts);
  // SECURITY(T-30): who asks is the kernel's word, and others are root's business.
  return account !== undefined && (isRoot(actor) || account.uid === actor.realUid) ? account : 'none';
}

function lookUp({ about, user }: WhyQuery, { actor }: Peer, deps: QuestionDeps): Reply | Refusal {
  const account = accountOf(user, actor, deps);
  if (account === 'none') return NOT_OTHERS;
  const audience: Audience = isRoot(actor) ? 'all' : 'requester';
  if (about.case === 'request') {
    const found = about.value <= BigInt(Number.MAX_SAFE_INTEGER) ? deps.decided.byNumber(Number(about.value)) : undefined;
    const mayKnow = found !== undefined && (account === undefined ? audience === 'all' || found.uid === actor.realUid : found.uid === account.uid);
    // SECURITY(T-30): another's request and one that never was are the same to whoever may not know.
    return mayKnow ? answerTo(found, audience, deps) : notKept(`No request ${about.value}${audience === 'all' && account === undefined ? '' : ` of ${account === undefined ? 'yours' : 'theirs'}`} is remembered here.`);
  }
  if (about.case !== 'last' || !about.value) return { code: 'BELAY_E_BAD_REQUEST', message: 'The question cannot be understood.' };
  const found = deps.decided.lastOf(account?.uid ?? actor.realUid);
  return found === undefined ? notKept(account === undefined || account.uid === actor.realUid ? 'No request of yours is remembered here.' : 'No request of theirs is remembered here.') : answerTo(found, audience, deps);
}

function notKept(what: string): Refusal {
  return { code: 'BELAY_E_NOT_PERMITTED', message: `${what} belayd remembers the last ones until it is restarted.` };
}

function answerTo(what: Remembered, audience: Audience, deps: QuestionDeps): Reply {
  return { case: 'why', value: whyAnswer(what, audience, deps) };
}

async function tryNow(check: SudoCheck, user: string, peer: Peer, deps: QuestionDeps): Promise<Reply | Refusal> {
  const account = accountOf(user, peer.actor, deps);
  if (account === 'none') return NOT_OTHERS;
  const sudo = readSudoCheck(check);
  if (!sudo.ok || sudo.value.mode !== 'run') return { code: 'BELAY_E_BAD_REQUEST', message: `${sudo.ok ? 'the request names no command' : sudo.error}.` };
  record(peer.actor, deps);
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const asPeer = account === undefined || account.uid === peer.actor.realUid ? peer : onBehalfOf(account, peer, deps.platform);
  const settled = await tryOut(sudo.value, asPeer, deps, signal);
  if (signal.aborted) return { code: 'BELAY_E_TIMEOUT', message: 'The answer took too long. Try again.' };
  return answerTo(remember(settled), isRoot(peer.actor) ? 'all' : 'requester', deps);
}

function list({ user }: ListQuery, peer: Peer, deps: QuestionDeps): Reply | Refusal {
  const account = accountOf(user, peer.actor, deps);
  if (account === 'none') return NOT_OTHERS;
  record(peer.actor, deps);
  const { platform } = deps;
  const requester = account === undefined || account.uid === peer.actor.realUid
    ? requesterOf(peer.actor, platform)
    : { uid: account.uid, gid: account.gid, groups: platform.accounts.groupsOf(account), name: account.name };
  return { case: 'list', value: listAnswer(requester, deps.policy(), peer, deps) };
}

/** Whoever finds out what is allowed leaves a trace, as with `sudo -l`. */
function record(actor: Actor, { journal, platform, nextRequest }: QuestionDeps): void {
  const { uid, name } = requesterOf(actor, platform);
  journal.append({ type: 'elevation.listed', fields: { request: nextRequest(), uid, user: name } });
}

