import type { ByteString } from '@belay/core/bytes';
import type { Decision } from '@belay/core/policy';
import type { Account, Peer, Platform } from '../platform/platform.ts';
import type { Settled } from './decided.ts';
import type { FrontEnd } from './enforceable.ts';
import type { Why } from './evidence.ts';
import { gather, type GatherDeps, type Gathered } from './gather.ts';
import { denialText, NOT_ALLOWED, unnumbered } from './messages.ts';
import { objectionTo } from './objection.ts';
import { Ruling, type RulingDeps } from './ruling.ts';
import type { SudoRequest } from './sudo-request.ts';

export type TrialDeps = RulingDeps & GatherDeps;

/**
 * What would be decided now: gathered and decided like any request. Nobody is asked for anything, and nothing comes of it. An ask is
 * not refused here: whether its demands will be met is not known yet.
 */
export async function tryOut(sudo: SudoRequest, peer: Peer, deps: TrialDeps, signal: AbortSignal): Promise<Settled> {
  const gathered = gather(sudo, peer, deps);
  const settled = settledFor(sudo, peer, deps);
  if (!gathered.ok) return { ...settled, why: gathered.error.why, text: gathered.error.message === '' ? unnumbered(NOT_ALLOWED) : `${gathered.error.message}.` };
  const ruling = new Ruling(gathered.value, peer, deps);
  try {
    if (peer.actor.realUid === 0) return { ...settled, outsideRules: true };
    const { decision, env } = ruling.now() ?? (await ruling.hashed(signal));
    return { ...settled, ...objection(decision, env, gathered.value, sudo), decision, asked: ruling.asked(true) };
  } finally {
    ruling.close();
  }
}

function settledFor({ typedPath, argv }: SudoRequest, { actor }: Peer, { platform, policy }: TrialDeps): Settled {
  const user = platform.accounts.userById(actor.realUid)?.name;
  const typed = { path: typedPath, argv };
  return { number: 0, uid: actor.realUid, user, atMs: platform.clock.now(), typed, why: undefined, text: '', decision: undefined, outsideRules: false, policy: policy(), asked: undefined };
}

/** Why there can be no yes, as it is told to the requester; undefined: nothing stands against it but what a rule demands. */
function objection(decision: Decision, env: readonly ByteString[], { variables }: Pick<Gathered, 'variables'>, front: FrontEnd): { readonly why: Why; readonly text: string } | undefined {
  if (decision.kind === 'deny') return { why: decision.reason.kind, text: unnumbered(denialText(decision.reason)) };
  const text = objectionTo(decision, env, variables, front);
  return text === undefined ? undefined : { why: 'bad-request', text };
}

/** The peer as if it were that user's, without a login of theirs: for root, who asks on behalf of others. */
export function onBehalfOf(account: Account, peer: Peer, { accounts }: Pick<Platform, 'accounts'>): Peer {
  const groups = accounts.groupsOf(account);
  const actor = { ...peer.actor, realUid: account.uid, realGid: account.gid, groups, effectiveUid: account.uid, loginSession: { sessionId: 0, leaderStart: 0, terminal: 0 } };
  return {
    actor,
    takeDescriptor: (number) => peer.takeDescriptor(number),
    workingDirectory: () => peer.workingDirectory(),
    lineage: () => undefined,
    origin: () => undefined,
    close: () => peer.close(),
  };
}
