import type { ErrorCode } from '@belay/core/codes';
import type { CancelRequest, ClientFrame, EndGrant, FileRequest } from '@belay/proto/local';
import { askAhead, type AheadDeps } from '../decide/ahead.ts';
import { holdingsOf, isGrantOf, requestAnswer } from '../decide/holdings.ts';
import { readSudoCheck } from '../decide/sudo-request.ts';
import type { Actor, Peer } from '../platform/platform.ts';
import { createUserRateLimit } from './limits.ts';
import { refusalReply, type Reply } from './replies.ts';

export type ErrandDeps = AheadDeps & {
  readonly log: { error(detail: object, message: string): void };
  nextRequest(): number;
};

type Errand = Extract<ClientFrame['message'], { case: 'fileRequest' | 'cancelRequest' | 'grants' | 'endGrant' | 'watch' }>;
type Refusal = { readonly code: ErrorCode; readonly message: string };
export type Caller = { readonly peer: Peer; send(reply: Reply): void; whenClosed(act: () => void): void };

export function isErrand(message: ClientFrame['message']): message is Errand {
  return ['fileRequest', 'cancelRequest', 'grants', 'endGrant', 'watch'].includes(message.case ?? '');
}

/** Requests for approval and the grants that came of them: one's own, or for root everybody's. */
export interface Errands {
  /** Never throws. */
  run(errand: Errand, caller: Caller): void | Promise<void>;
}

// SECURITY(T-08): each filing costs a signature, an event for ever and perhaps a hash: a person needs far fewer.
const FILING_RATE = { perSecond: 1, burst: 30 };
const RATE = { perSecond: 10, burst: 50 };
const WATCHERS = { perUser: 8, all: 64 };
const DEADLINE_MS = 2000;
/** At most this often is a watcher told. */
const TELL_MS = 100;
const MAX_MS = 366 * 24 * 60 * 60_000;
const MAX_USES = 10_000;

export function createErrands(deps: ErrandDeps, monotonicMs: () => number): Errands {
  const rate = createUserRateLimit(RATE, monotonicMs);
  const file = createFiling(deps, monotonicMs);
  const watch = createWatch(deps);

  async function answer(errand: Errand, caller: Caller): Promise<Reply | Refusal | undefined> {
    const { actor } = caller.peer;
    if (!rate.take(actor.realUid)) return TOO_MANY;
    switch (errand.case) {
      case 'fileRequest':
        return await file(errand.value, caller.peer);
      case 'cancelRequest':
        return cancel(errand.value, actor, deps);
      case 'grants':
        return { case: 'grants', value: holdingsOf(whose(actor), deps) };
      case 'endGrant':
        return endGrants(errand.value, actor, deps);
      case 'watch':
        return watch(caller);
    }
  }

  return {
    async run(errand, caller) {
      try {
        const reply = await answer(errand, caller);
        if (reply !== undefined) caller.send('code' in reply ? refusalReply(reply.code, reply.message) : reply);
      } catch (error) {
        deps.log.error({ where: errand.case, cause: Error.isError(error) ? error.stack : 'fault' }, 'an unexpected fault; the errand is not done');
        caller.send(refusalReply('BELAY_E_INTERNAL', 'A fault of Belay; it has been logged.'));
      }
    },
  };
}

/** One at a time for each person. */
function createFiling(deps: ErrandDeps, monotonicMs: () => number): (wish: FileRequest, peer: Peer) => Promise<Reply | Refusal> {
  const rate = createUserRateLimit(FILING_RATE, monotonicMs);
  const filing = new Set<number>();
  return async (wish, peer) => {
    const uid = peer.actor.realUid;
    if (!rate.take(uid) || filing.has(uid)) return TOO_MANY;
    filing.add(uid);
    try {
      return await fileOne(wish, peer, deps);
    } finally {
      filing.delete(uid);
    }
  };
}

const TOO_MANY: Refusal = { code: 'BELAY_E_RATE_LIMITED', message: 'Too many at once; wait and try again.' };

/** Root himself: a program of root's that somebody else started does not do. */
function isRoot(actor: Actor): boolean {
  return actor.effectiveUid === 0 && actor.realUid === 0;
}

/** Undefined: everybody's. SECURITY(T-09): by the kernel's word alone. */
function whose(actor: Actor): number | undefined {
  return isRoot(actor) ? undefined : actor.realUid;
}

async function fileOne({ what, reason, forMs, uses, anyArguments, argumentPatterns, alsoOn }: FileRequest, peer: Peer, deps: ErrandDeps): Promise<Reply | Refusal> {
  const sudo = what === undefined ? undefined : readSudoCheck(what);
  if (sudo?.ok !== true || sudo.value.mode !== 'run') return { code: 'BELAY_E_BAD_REQUEST', message: sudo?.ok === false ? `${sudo.error}.` : 'The request names no command.' };
  if (forMs > BigInt(MAX_MS) || uses > MAX_USES) return { code: 'BELAY_E_BAD_REQUEST', message: `At most ${MAX_USES} uses, and a year.` };
  const wish = { reason, forMs: Number(forMs), uses: Math.max(1, uses), anyArguments: anyArguments ? argumentPatterns : undefined, alsoOn };
  const asked = await askAhead(deps.nextRequest(), sudo.value, wish, { peer, deps, signal: AbortSignal.timeout(DEADLINE_MS) });
  return asked.ok ? { case: 'requestAnswer', value: requestAnswer(asked.value, deps) } : asked.error;
}

function cancel({ request }: CancelRequest, actor: Actor, deps: ErrandDeps): Reply | Refusal {
  const { requests, grants } = deps.approvals();
  const found = request <= BigInt(Number.MAX_SAFE_INTEGER) ? requests.byNumber(Number(request)) : undefined;
  const uid = whose(actor);
  // SECURITY(T-30): another's and one that never was are the same to whoever may not know.
  if (found?.state !== 'pending' || (uid !== undefined && found.uid !== uid)) {
    return { code: 'BELAY_E_NOT_PERMITTED', message: `No request ${request}${uid === undefined ? '' : ' of yours'} waits for approval.` };
  }
  requests.end(found.number, 'cancelled', 'by-requester');
  // Its yes may be here already, and the answer that says so on its way.
  grants.endOfRequest(found.number);
  return { case: 'done', value: {} };
}

function endGrants({ grant, all }: EndGrant, actor: Actor, deps: ErrandDeps): Reply | Refusal {
  const { grants } = deps.approvals();
  const uid = whose(actor);
  const mine = grants.all().filter((held) => isGrantOf(uid, held.grant, deps));
  const named = all ? mine : mine.filter((held) => grant !== '' && held.grant.id.startsWith(grant));
  const exact = named.find((held) => held.grant.id === grant);
  if (!all && named.length > 1 && exact === undefined) return { code: 'BELAY_E_CONFLICT', message: 'Several approvals begin like that; give more of its letters.' };
  if (!all && named.length === 0) return { code: 'BELAY_E_NOT_PERMITTED', message: `No such approval${uid === undefined ? '' : ' of yours'} is held here.` };
  for (const held of exact === undefined ? named : [exact]) grants.end(held.grant.id, 'given-back');
  return { case: 'done', value: {} };
}

/** From now on the whole answer at each change, until the peer closes. */
function createWatch(deps: ErrandDeps): (caller: Caller) => Refusal | undefined {
  const byUser = new Map<number, number>();
  let all = 0;
  return ({ peer, send, whenClosed }) => {
    const { realUid } = peer.actor;
    const mine = byUser.get(realUid) ?? 0;
    // SECURITY(T-08): each is kept for as long as its peer likes.
    if (mine >= WATCHERS.perUser || (realUid !== 0 && all >= WATCHERS.all)) return TOO_MANY;
    byUser.set(realUid, mine + 1);
    all++;
    const end = tellAtEachChange(() => send({ case: 'grants', value: holdingsOf(whose(peer.actor), deps) }), deps);
    whenClosed(() => {
      end();
      all--;
      const left = (byUser.get(realUid) ?? 1) - 1;
      if (left === 0) byUser.delete(realUid);
      else byUser.set(realUid, left);
    });
    return undefined;
  };
}

function tellAtEachChange(tell: () => void, deps: ErrandDeps): () => void {
  const { grants, requests, sessions } = deps.approvals();
  let timer: NodeJS.Timeout | undefined;
  const changed = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      tell();
    }, TELL_MS);
  };
  const unsubscribe = [grants.onChange(changed), requests.onChange(changed), sessions.onChange(changed)];
  tell();
  return () => {
    clearTimeout(timer);
    for (const each of unsubscribe) each();
  };
}

