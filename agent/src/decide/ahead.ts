import { byteStringOf } from '@belay/core/bytes';
import type { Decision } from '@belay/core/policy';
import { err, ok, type Result } from '@belay/core/result';
import { type ErrorCode, type Failure, failure } from '@belay/core/codes';
import type { Peer } from '../platform/platform.ts';
import type { AskedFor } from '../state/requests.ts';
import { objectionToOthers, otherDevices } from './also-on.ts';
import { commandText } from './command-text.ts';
import { demandTexts } from './demand-texts.ts';
import type { Permit } from './enforceable.ts';
import { subject } from './evidence.ts';
import { type FilingDeps, fileForApproval } from './filing.ts';
import { gather, type GatherDeps, type Gathered } from './gather.ts';
import { launchingOf } from './launching.ts';
import { denialText, NOT_ALLOWED, ruleName, rulesOf, unnumbered } from './messages.ts';
import { objectionTo } from './objection.ts';
import { readReason } from './reasons.ts';
import { Ruling, type RulingDeps } from './ruling.ts';
import type { SudoRequest } from './sudo-request.ts';
import { scopeOf, scopeText, type ScopeWish } from './wanted-scope.ts';

export type AheadDeps = RulingDeps & GatherDeps & FilingDeps;

/** What is asked for besides the command. */
export type Wish = ScopeWish & {
  /** As typed; empty: none. */
  readonly reason: Uint8Array;
  /** Ms; 0: as long as may be. */
  readonly forMs: number;
  readonly uses: number;
};

/**
 * Asks for approval before the command is wanted: gathered and decided like any request, and nothing runs. What else the rule demands is
 * asked for when the command runs, but for the reason, which whoever approves is to read.
 */
export async function askAhead(number: number, sudo: SudoRequest, wish: Wish, { peer, deps, signal }: { readonly peer: Peer; readonly deps: AheadDeps; readonly signal: AbortSignal }): Promise<Result<AskedFor, Failure>> {
  if (peer.actor.realUid === 0) return refused('BELAY_E_BAD_REQUEST', 'Root is outside the rules: whatever root asks for runs, and is recorded.');
  const others = otherDevices(wish.alsoOn);
  if (!others.ok) return refused('BELAY_E_BAD_REQUEST', others.error);
  const limit = deps.approvals().requests.limit(peer.actor.realUid);
  if (limit !== undefined) return refused('BELAY_E_BUSY', sentence(limit));
  const gathered = gather(sudo, peer, deps);
  if (!gathered.ok) return refused('BELAY_E_DENIED', sentence(gathered.error.message === '' ? unnumbered(NOT_ALLOWED) : `${gathered.error.message}.`));
  const ruling = new Ruling(gathered.value, peer, deps);
  try {
    const { decision, env } = ruling.now() ?? (await ruling.hashed(signal));
    if (signal.aborted) return refused('BELAY_E_TIMEOUT', 'The answer took too long. Try again.');
    const needed = needing(decision);
    if (!needed.ok) return needed;
    // Whether the session can be recorded is the plugin's to say, when the command is started.
    const objection = objectionTo(needed.value, env, gathered.value.variables, { records: true });
    if (objection !== undefined) return refused('BELAY_E_DENIED', sentence(objection));
    const launching = launchingOf(gathered.value, { decision: needed.value, env }, deps.platform);
    if (typeof launching === 'string') return refused('BELAY_E_DENIED', sentence(launching));
    return file(number, { sudo, wish: { ...wish, alsoOn: others.value }, peer, launching, ruling, decision: needed.value }, deps);
  } finally {
    ruling.close();
  }
}

type Ask = Extract<Permit, { kind: 'ask' }>;

/** Only what needs an approval is asked for. */
function needing(decision: Decision): Result<Ask, Failure> {
  if (decision.kind === 'deny') return refused('BELAY_E_DENIED', sentence(unnumbered(denialText(decision.reason))));
  if (decision.kind === 'allow') return refused('BELAY_E_BAD_REQUEST', 'This is allowed as it is: it needs nobody\'s approval. Run it with sudo.');
  if (decision.demands.approval.length > 0) return ok(decision);
  return refused('BELAY_E_BAD_REQUEST', `This needs nobody's approval. Run it with sudo, which asks for ${demandTexts(decision.demands).join(' and ')}.`);
}

type Asking = { readonly sudo: SudoRequest; readonly wish: Wish; readonly peer: Peer; readonly launching: Gathered; readonly ruling: Ruling; readonly decision: Ask };

function file(number: number, { sudo, wish, peer, launching, ruling, decision }: Asking, deps: AheadDeps): Result<AskedFor, Failure> {
  const { request } = launching;
  const reason = reasonOf(wish.reason, decision);
  if (!reason.ok) return reason;
  const objection = wish.alsoOn.length === 0 ? undefined : objectionToOthers(decision, request);
  if (objection !== undefined) return refused('BELAY_E_BAD_REQUEST', objection);
  const scope = scopeOf(wish, request);
  if (!scope.ok) return refused('BELAY_E_BAD_REQUEST', scope.error);
  const around = ruling.asked(true)?.context.circumstances;
  if (around === undefined) return refused('BELAY_E_INTERNAL', 'A fault of Belay.');
  const { user } = subject(number, peer.actor, deps.platform);
  const typed = { path: sudo.typedPath, args: sudo.argv.slice(1) };
  const act = { number, actor: peer.actor, rules: rulesOf(decision).map(ruleName), manifest: deps.policy()?.manifest.number ?? 0, request, typed };
  const pinned = decision.obligations.sha256 === undefined ? undefined : ruling.sha256;
  const facts = {
    stance: 'ahead', sha256: ruling.sha256, session: undefined, reason: reason.value, reauthenticated: false, forMs: wish.forMs, uses: wish.uses, scope: scope.value, alsoOn: wish.alsoOn, emergency: decision.demands.emergency === true, around, pinned,
  } as const;
  const command = scope.value === undefined || wish.anyArguments === undefined ? commandText(sudo.argv) : scopeText(scope.value);
  const filed = fileForApproval({ act, demanded: decision.demands.approval, facts, user, command }, deps);
  return filed === undefined ? refused('BELAY_E_JOURNAL', 'Evidence cannot be written on this device (is the disk full?), so nothing can be asked for. Tell IT.') : ok(filed);
}

const ANY_REASON = { minLength: 1, patterns: [], suggestions: [] };

function reasonOf(typed: Uint8Array, { demands }: Ask): Result<string | undefined, Failure> {
  if (typed.length === 0 && demands.reason === undefined) return ok(undefined);
  const read = readReason(byteStringOf(typed), demands.reason ?? ANY_REASON);
  return read.ok ? read : refused('BELAY_E_BAD_REQUEST', sentence(read.error));
}

function refused(code: ErrorCode, message: string): Result<never, Failure> {
  return err(failure(code, message));
}

/** Texts that follow a number begin small. */
function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

