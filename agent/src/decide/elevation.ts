import { timingSafeEqual } from 'node:crypto';
import { type ByteString, decodeUtf8 } from '@belay/core/bytes';
import type { EventDraft } from '@belay/core/evidence';
import { randomBytes } from '@belay/core/node-crypto';
import { decide, type Decision, type Demands, type Obligations } from '@belay/core/policy';
import { type Launch, Launch_By } from '@belay/proto/local';
import type { Journal, Prepared } from '../journal/journal.ts';
import { planLaunch } from '../launch/plan.ts';
import type { Peer, Platform, SealedCopy } from '../platform/platform.ts';
import type { Aliases } from '../state/aliases.ts';
import type { PolicyInForce } from '../state/device-state.ts';
import { unenforceable } from './enforceable.ts';
import { reasonFromEnvironment } from './environment.ts';
import { type Act, deniedEvent, intentEvent, subject, type Subject, type Why } from './evidence.ts';
import { decisionContext } from './facts.ts';
import { gather, type Gathered } from './gather.ts';
import { denialText, NOT_ALLOWED, numbered, ruleName, ruleNames, rulesOf } from './messages.ts';
import type { Reauthentications } from './reauthentication.ts';
import type { SudoRequest } from './sudo-request.ts';

export type ElevationDeps = {
  readonly platform: Platform;
  readonly journal: Journal;
  readonly aliases: Aliases;
  readonly reauthentications: Reauthentications;
  policy(): PolicyInForce | undefined;
  deviceId(): string;
  settings(): { readonly pamAccount: boolean; readonly pamSession: boolean };
};

export type Answer = 'asked' | 'succeeded' | 'failed' | 'account-refused' | 'cancelled' | 'not-asked';
export type Met = { readonly reason: ByteString; readonly authentication: Exclude<Answer, 'asked'>; readonly attempts: number };
export type Wanted = { readonly reason: boolean; readonly reasonMinLength: number; readonly reauth: boolean; readonly message: string; readonly account: boolean };
/** What the front end is told. Only `allow` leads to a launch, and only through `commit`. */
export type Step =
  | { readonly kind: 'challenge'; readonly wanted: Wanted }
  | { readonly kind: 'allow'; readonly message: string; readonly rule: string; readonly token: Uint8Array; readonly launch: Launch | undefined; readonly go: boolean }
  | { readonly kind: 'deny'; readonly message: string; readonly rule: string };
export type CommitStep = { readonly go: boolean; readonly message: string };
export type End = { readonly end: 'exited' | 'signaled' | 'exec-failed' | 'sudo-error' | 'lost'; readonly value: number };

type Permit = Exclude<Decision, { kind: 'deny' }>;
type Yes = { readonly token: Uint8Array; readonly untilMs: number; readonly decision: Permit | undefined };

export const VERDICT_MS = 5000;
const TOKEN_BYTES = 16;
/** There is nothing to commit. */
const NO_TOKEN = new Uint8Array(TOKEN_BYTES);
const SEAL_LIMIT = 256 * 1024 * 1024;
const LONGEST_REASON = 1000;
const SHORTEST_REASON = 1;
const NO_RULE: Decision = { kind: 'deny', reason: { kind: 'no-rule' } };

/** One request from its arrival to its outcome: gather, decide, fulfil, commit. Any other order of calls denies. */
export class Elevation {
  readonly number: number;
  readonly #deps: ElevationDeps;
  readonly #peer: Peer;
  readonly #sudo: SudoRequest;
  #stage: 'new' | 'asked' | 'allowed' | 'running' | 'over' = 'new';
  #gathered: Gathered | undefined;
  #sealed: SealedCopy | undefined;
  #decision: Permit | undefined;
  #yes: Yes | undefined;
  #reason: string | undefined;
  #reauthenticated = false;
  #wentAtMs = 0;
  #sealing = false;
  #prepared: Prepared | undefined;
  #recorded = false;

  constructor(number: number, sudo: SudoRequest, peer: Peer, deps: ElevationDeps) {
    this.number = number;
    this.#sudo = sudo;
    this.#peer = peer;
    this.#deps = deps;
  }

  get #outsideRules(): boolean {
    return this.#peer.actor.realUid === 0;
  }

  /** First answer, at once unless bytes have to be hashed. Aborting `signal` makes whatever still happens a deny. */
  check(signal: () => AbortSignal): Step | Promise<Step> {
    if (this.#stage !== 'new') return this.deny('bad-request', 'this was asked out of turn.');
    const gathered = gather(this.#sudo, this.#peer, this.#deps);
    if (!gathered.ok) return this.deny(gathered.error.why, gathered.error.message === '' ? NOT_ALLOWED : `${gathered.error.message}.`);
    this.#gathered = gathered.value;
    // Principle 10: uid 0 may run what it could run anyway; recorded like the rest.
    if (this.#outsideRules) return this.#allow(undefined);
    const first = this.#decideUnhashed();
    return first.decision === undefined ? this.#decideHashed(signal()).then((decision) => this.#settle(decision)) : this.#settle(first.decision);
  }

  #settle(decision: Decision): Step {
    if (this.#stage !== 'new') return this.deny('timeout', 'the answer took too long. Try again.');
    if (decision.kind === 'deny') return this.deny(decision.reason.kind, denialText(decision.reason), decision);
    const missing = unenforceable(decision);
    if (missing.length > 0) return this.deny('bad-request', `the rule "${ruleNames(decision.by)}" needs "${missing.join('", "')}", which this agent cannot enforce.`, decision);
    return this.#fulfil(decision);
  }

  /** The person's answer to the challenge. */
  met(answer: Met): Step {
    const decision = this.#decision;
    if (this.#stage !== 'asked' || decision?.kind !== 'ask') return this.deny('bad-request', 'this was asked out of turn.');
    this.#stage = 'new';
    if (answer.authentication === 'succeeded') {
      this.#reauthenticated = true;
      this.#deps.reauthentications.record(this.#peer.actor);
    }
    if (answer.authentication === 'account-refused') return this.deny('reauth-failed', 'your account may not be used now.', decision);
    if (answer.authentication === 'cancelled') return this.deny('reauth-failed', 'it was cancelled.', decision);
    if (answer.authentication === 'failed') {
      this.#deps.journal.append({ type: 'reauth.failed', fields: { ...this.#who, attempts: answer.attempts } });
      return this.deny('reauth-failed', 'the password was not right.', decision);
    }
    if (decision.demands.reason !== undefined && this.#reason === undefined) {
      const refusal = this.#takeReason(answer.reason, decision.demands.reason.minLength);
      if (refusal !== undefined) return this.deny('reason-refused', refusal, decision);
    }
    return this.#unmet(decision.demands) ? this.deny('reauth-failed', 'a password is needed.', decision) : this.#allow(decision);
  }

  /** The last word before exec: decides again, makes the intent durable, and only then says go. */
  commit(token: Uint8Array): CommitStep {
    const yes = this.#yes;
    const stop = (why: Why, message: string): CommitStep => ({ go: false, message: this.deny(why, message).message });
    if (this.#stage !== 'allowed' || yes === undefined || this.#gathered === undefined) return { go: false, message: numbered(this.number, 'this was not allowed.') };
    if (token.length !== yes.token.length || !timingSafeEqual(token, yes.token)) return stop('bad-request', 'this was not allowed.');
    if (this.#deps.platform.clock.boot() > yes.untilMs) return stop('expired', 'the answer is older than five seconds. Try again.');
    // SECURITY(T-14): the same file as was decided on, with the same owner and mode; by path, the same path still root's.
    if (!this.#sameFile(this.#gathered)) return stop('unsafe-file', 'the file was changed meanwhile. Try again.');
    if (yes.decision !== undefined && !this.#stillHolds(yes.decision)) return stop('no-rule', 'policy changed meanwhile. Try again.');
    return this.#go(this.#gathered, yes.decision);
  }

  /** The intent is durable before anybody hears the go. */
  #go(gathered: Gathered, decision: Permit | undefined): CommitStep {
    if (!this.#record(gathered, decision) && !this.#outsideRules) {
      this.#stage = 'over';
      this.#release();
      return { go: false, message: numbered(this.number, 'evidence cannot be written on this device (is the disk full?), so nothing is elevated. Tell IT.') };
    }
    this.#stage = 'running';
    this.#releaseFile();
    this.#wentAtMs = this.#deps.platform.clock.boot();
    return { go: true, message: '' };
  }

  /** How it ended; only the first counts. */
  outcome({ end, value }: End): void {
    if (this.#stage !== 'running') return;
    this.#stage = 'over';
    this.#release();
    const durationMs = Math.max(0, this.#deps.platform.clock.boot() - this.#wentAtMs);
    this.#deps.journal.append({ type: 'elevation.outcome', fields: { ...this.#who, end, value, durationMs } });
  }

  /** The connection is gone. */
  close(): void {
    // SECURITY(T-33): after a go without an outcome nobody knows what happened: that is what is recorded.
    if (this.#stage === 'running') this.outcome({ end: 'lost', value: 0 });
    else if (this.#stage === 'asked') this.deny('abandoned', 'it was abandoned.');
    else if (this.#stage === 'allowed') this.deny('expired', 'it was abandoned.');
    this.#release();
  }

  /** Ends this request with a no. Recorded. */
  deny(why: Why, text: string, decision?: Decision): Extract<Step, { kind: 'deny' }> {
    const message = numbered(this.number, text);
    const rules = decision === undefined ? [] : rulesOf(decision);
    const rule = rules[0] === undefined ? '' : ruleName(rules[0]);
    if (this.#stage === 'over' || this.#stage === 'running') return { kind: 'deny', message, rule };
    this.#stage = 'over';
    this.#deps.journal.append(deniedEvent(this.#act(decision), why, this.#deps.platform));
    if (this.#recorded) this.#deps.journal.append({ type: 'elevation.outcome', fields: { ...this.#who, end: 'refused-at-commit', value: 0, durationMs: 0 } });
    this.#release();
    return { kind: 'deny', message, rule };
  }

  /** `-l COMMAND`: what the decision would be, with nothing recorded as elevated. */
  async wouldAllow(signal: AbortSignal): Promise<Gathered | undefined> {
    const gathered = gather(this.#sudo, this.#peer, this.#deps);
    if (!gathered.ok) return undefined;
    this.#gathered = gathered.value;
    const permitted = this.#outsideRules || (this.#decideUnhashed().decision ?? (await this.#decideHashed(signal))).kind !== 'deny';
    this.#stage = 'over';
    this.#release();
    return permitted && !signal.aborted ? gathered.value : undefined;
  }

  /** Undefined: a rule that may hold pins the bytes, so they must be hashed first. */
  #decideUnhashed(): { readonly decision: Decision | undefined } {
    let wanted = false;
    const decision = this.#decideNow(() => {
      wanted = true;
      return undefined;
    });
    return { decision: wanted ? undefined : decision };
  }

  /** The bytes are copied, sealed and hashed; then the engine is asked again. */
  async #decideHashed(signal: AbortSignal): Promise<Decision> {
    if (this.#gathered === undefined) return NO_RULE;
    // The descriptor must not be closed, and its number given to another file, while it is being read.
    this.#sealing = true;
    const sealed = await this.#deps.platform.seal(this.#gathered.fd, SEAL_LIMIT, signal);
    this.#sealing = false;
    if (sealed.ok) this.#sealed = sealed.value;
    if (this.#stage !== 'new' || signal.aborted) {
      if (this.#stage === 'over') this.#release();
      return NO_RULE;
    }
    return this.#decideNow(() => (sealed.ok ? sealed.value.sha256 : undefined));
  }

  #decideNow(hash: () => string | undefined): Decision {
    const policy = this.#deps.policy();
    const request = this.#gathered?.request;
    if (policy === undefined || request === undefined) return { kind: 'deny', reason: { kind: 'no-policy' } };
    return decide(policy.set, request, decisionContext(policy, this.#deps, request.executable, hash));
  }

  #fulfil(decision: Permit): Step {
    if (decision.kind === 'allow') return this.#allow(decision);
    const { demands } = decision;
    const ahead = reasonFromEnvironment(this.#sudo.environment);
    if (demands.reason !== undefined && ahead !== undefined) {
      const refusal = this.#takeReason(ahead, demands.reason.minLength);
      if (refusal !== undefined) return this.deny('reason-refused', refusal, decision);
    }
    const reason = demands.reason !== undefined && this.#reason === undefined;
    const reauth = this.#reauthNeeded(demands);
    if (!reason && !reauth) return this.#allow(decision);
    if (this.#sudo.nonInteractive && reauth) return this.deny('reauth-failed', 'a password is needed, and -n forbids to ask for it.', decision);
    if (this.#sudo.nonInteractive) return this.deny('reason-refused', 'a reason is needed: set BELAY_REASON, as -n forbids to ask for it.', decision);
    if (reauth && !this.#sudo.pamAvailable) return this.deny('reauth-failed', 'a password is needed, and it cannot be checked here.', decision);
    this.#stage = 'asked';
    this.#decision = decision;
    const account = this.#deps.settings().pamAccount && this.#sudo.pamAvailable;
    return { kind: 'challenge', wanted: { reason, reasonMinLength: demands.reason?.minLength ?? 0, reauth, message: decision.message ?? '', account } };
  }

  #reauthNeeded(demands: Demands): boolean {
    if (demands.reauth === undefined || this.#reauthenticated) return false;
    const age = this.#sudo.ignoreCachedReauth ? undefined : this.#deps.reauthentications.ageMs(this.#peer.actor);
    return age === undefined || age > demands.reauth.maxAgeMs;
  }

  #unmet(demands: Demands): boolean {
    const short = demands.reason !== undefined && (this.#reason === undefined || Array.from(this.#reason).length < demands.reason.minLength);
    return short || this.#reauthNeeded(demands);
  }

  /** Why it cannot be taken; undefined: taken. */
  #takeReason(typed: ByteString, minLength: number): string | undefined {
    const text = decodeUtf8(typed)?.trim();
    if (text === undefined) return 'the reason is not valid text.';
    const length = Array.from(text).length;
    if (length < Math.max(minLength, SHORTEST_REASON)) return `the reason needs at least ${Math.max(minLength, SHORTEST_REASON)} characters.`;
    if (length > LONGEST_REASON) return `the reason may have at most ${LONGEST_REASON} characters.`;
    this.#reason = text;
    return undefined;
  }

  #allow(decision: Permit | undefined): Step {
    const gathered = this.#gathered;
    if (gathered === undefined) return this.deny('fault', 'a fault of Belay.');
    const obligations: Obligations | undefined = decision?.obligations;
    const { pamAccount, pamSession } = this.#deps.settings();
    const asked = this.#decision !== undefined;
    const { loginShell, fileModeMask, pamAvailable } = this.#sudo;
    const launch = planLaunch({ gathered, obligations, sealed: this.#sealed, loginShell, fileModeMask, pamAccount: pamAccount && pamAvailable && !asked, pamSession: pamSession && pamAvailable });
    if (launch.by === Launch_By.UNSPECIFIED) return this.deny('fault', 'the file could not be sealed in memory.', decision);
    const by = decision?.by[0];
    const rule = by === undefined ? '' : ruleName(by);
    const message = decision?.kind === 'allow' ? (decision.message ?? '') : '';
    const opensPam = launch.pamAccount || launch.pamSession;
    if (this.#sudo.startsAtOnce && !asked && !opensPam) {
      // Decided in this very turn, and nothing is to come: a second look would see the same.
      const { go, message: stopped } = this.#go(gathered, decision);
      return go ? { kind: 'allow', message, rule, token: NO_TOKEN, launch, go } : { kind: 'deny', message: stopped, rule: '' };
    }
    this.#yes = { token: randomBytes(TOKEN_BYTES), untilMs: this.#deps.platform.clock.boot() + VERDICT_MS, decision };
    this.#stage = 'allowed';
    setImmediate(() => this.#prepare(opensPam));
    return { kind: 'allow', message, rule, token: this.#yes.token, launch, go: false };
  }

  /**
   * While the front end opens its PAM session: the intent is made durable ahead, so that the commit has only to check again. If
   * nothing comes of it, its outcome says so. Without PAM the commit is here at once: then the intent is only signed ahead.
   */
  #prepare(opensPam: boolean): void {
    if (this.#stage !== 'allowed' || this.#gathered === undefined || this.#yes === undefined) return;
    const prepared = this.#deps.journal.prepare(this.#intent(this.#gathered, this.#yes.decision));
    if (opensPam) this.#recorded = this.#deps.journal.commitAhead(prepared);
    this.#prepared = prepared;
  }

  #record(gathered: Gathered, decision: Permit | undefined): boolean {
    if (this.#recorded) return true;
    const event = this.#prepared ?? this.#intent(gathered, decision);
    return this.#deps.journal.commit(event).ok;
  }

  #sameFile({ fd, inspected, request }: Gathered): boolean {
    const now = this.#deps.platform.fileState(fd);
    const then = inspected.file;
    if (now.device !== then.device || now.inode !== then.inode || now.uid !== then.uid || now.gid !== then.gid || now.mode !== then.mode) return false;
    if (this.#sealed !== undefined || !request.executable.script || this.#outsideRules) return true;
    const again = this.#deps.platform.inspect(fd, request.executable.resolved);
    return again.ok && again.value.executable.rootOnly;
  }

  #stillHolds(then: Permit): boolean {
    const now = this.#decideNow(() => this.#sealed?.sha256);
    if (now.kind === 'deny') return false;
    if (now.kind === 'ask' && this.#unmet(now.demands)) return false;
    return JSON.stringify(now.obligations) === JSON.stringify(then.obligations);
  }

  get #who(): Subject {
    return subject(this.number, this.#peer.actor, this.#deps.platform);
  }

  #act(decision: Decision | undefined): Act {
    const rules = decision === undefined ? [] : rulesOf(decision).map(ruleName);
    const { argv, typedPath } = this.#sudo;
    const manifest = this.#deps.policy()?.manifest.number ?? 0;
    return { number: this.number, actor: this.#peer.actor, rules, manifest, request: this.#gathered?.request, typed: { path: typedPath, args: argv.slice(1) } };
  }

  #intent({ request }: Gathered, decision: Permit | undefined): EventDraft {
    const pinned = decision?.obligations.sha256 === undefined ? undefined : this.#sealed?.sha256;
    const facts = { pinned, reason: this.#reason, reauthenticated: this.#reauthenticated, outsideRules: decision === undefined };
    return intentEvent({ ...this.#act(decision), request }, facts, this.#deps.platform);
  }

  #release(): void {
    if (this.#sealing) return;
    this.#releaseFile();
    if (this.#sealed !== undefined) this.#deps.platform.closeDescriptor(this.#sealed.fd);
    this.#sealed = undefined;
  }

  #releaseFile(): void {
    if (this.#gathered !== undefined) this.#deps.platform.closeDescriptor(this.#gathered.fd);
    this.#gathered = undefined;
  }
}
