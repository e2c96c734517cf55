import { timingSafeEqual } from 'node:crypto';
import { type ByteString, encodeUtf8 } from '@belay/core/bytes';
import type { EventDraft } from '@belay/core/evidence';
import { randomBytes } from '@belay/core/node-crypto';
import type { Decision } from '@belay/core/policy';
import { type Launch, Launch_By } from '@belay/proto/local';
import type { Journal, Prepared } from '../journal/journal.ts';
import { planLaunch } from '../launch/plan.ts';
import type { Peer } from '../platform/platform.ts';
import type { Decided } from './decided.ts';
import type { Permit } from './enforceable.ts';
import { type Act, alertOf, deniedEvent, intentEvent, subject, type Subject, type Why } from './evidence.ts';
import { Fulfilment, type FulfilmentDeps, type Met, type Progress, type Wanted } from './fulfilment.ts';
import { gather, type Gathered, isAsGathered, type Place, placeOf } from './gather.ts';
import { inert } from './inert.ts';
import { isSame, setVariables } from './kept-variables.ts';
import { confirmText, denialText, denied, NOT_ALLOWED, numbered, ruleName, ruleNames, rulesOf } from './messages.ts';
import { objectionTo } from './objection.ts';
import { Ruling, type RulingDeps } from './ruling.ts';
import type { SudoRequest } from './sudo-request.ts';

export type ElevationDeps = RulingDeps & FulfilmentDeps & {
  readonly journal: Journal;
  /** For those who ask why. */
  readonly decided: Pick<Decided, 'add'>;
  deviceId(): string;
  settings(): { readonly pamAccount: boolean; readonly pamSession: boolean };
};

/** What the front end is told. Only `allow` leads to a launch, and only through `commit`. */
export type Step =
  | { readonly kind: 'challenge'; readonly wanted: Wanted }
  | { readonly kind: 'allow'; readonly message: string; readonly rule: string; readonly token: Uint8Array; readonly launch: Launch | undefined; readonly go: boolean }
  | { readonly kind: 'deny'; readonly message: string; readonly rule: string };
export type CommitStep = { readonly go: boolean; readonly message: string };
export type End = { readonly end: 'exited' | 'signaled' | 'exec-failed' | 'sudo-error' | 'lost'; readonly value: number };

/** A decision and the environment that it was made under. */
type Permitted = { readonly decision: Permit; readonly env: readonly ByteString[] };
/** `launching`: the request as it will run, with what the decision's obligations change. */
type Yes = { readonly token: Uint8Array; readonly untilMs: number; readonly permitted: Permitted | undefined; readonly launching: Gathered; readonly place: Place | undefined };

export const VERDICT_MS = 5000;
const TOKEN_BYTES = 16;
/** There is nothing to commit. */
const NO_TOKEN = new Uint8Array(TOKEN_BYTES);
const NO_EVIDENCE = 'evidence cannot be written on this device (is the disk full?), so nothing is elevated. Tell IT.';

/** One request from its arrival to its outcome: gather, decide, fulfil, commit. Any other order of calls denies. */
export class Elevation {
  readonly number: number;
  readonly #deps: ElevationDeps;
  readonly #peer: Peer;
  readonly #sudo: SudoRequest;
  readonly #fulfilment: Fulfilment;
  #stage: 'new' | 'asked' | 'allowed' | 'running' | 'over' = 'new';
  #gathered: Gathered | undefined;
  #ruling: Ruling | undefined;
  #permitted: Permitted | undefined;
  #asked = false;
  #yes: Yes | undefined;
  #wentAtMs = 0;
  #prepared: Prepared | undefined;
  #recorded = false;

  constructor(number: number, sudo: SudoRequest, peer: Peer, deps: ElevationDeps) {
    this.number = number;
    this.#sudo = sudo;
    this.#peer = peer;
    this.#deps = deps;
    this.#fulfilment = new Fulfilment(sudo, peer.actor, deps);
  }

  get #outsideRules(): boolean {
    return this.#peer.actor.realUid === 0;
  }

  /** First answer, at once unless bytes have to be hashed. Aborting `signal` makes whatever still happens a deny. */
  check(signal: () => AbortSignal): Step | Promise<Step> {
    if (this.#stage !== 'new') return this.deny('bad-request', 'this was asked out of turn.');
    const gathered = gather(this.#sudo, this.#peer, this.#deps);
    if (!gathered.ok) return this.deny(gathered.error.why, gathered.error.message === '' ? NOT_ALLOWED : `${gathered.error.message}.`);
    const ruling = this.#begin(gathered.value);
    // Principle 10: uid 0 may run what it could run anyway; recorded like the rest.
    if (this.#outsideRules) return this.#allow(undefined);
    const first = ruling.now();
    return first === undefined ? ruling.hashed(signal()).then((ruled) => this.#settle(ruled)) : this.#settle(first);
  }

  #begin(gathered: Gathered): Ruling {
    this.#gathered = gathered;
    this.#ruling = new Ruling(gathered, this.#peer, this.#deps);
    return this.#ruling;
  }

  #settle({ decision, env }: { readonly decision: Decision; readonly env: readonly ByteString[] }): Step {
    if (this.#stage !== 'new') return this.deny('timeout', 'the answer took too long. Try again.');
    if (decision.kind === 'deny') return this.deny(decision.reason.kind, denialText(decision.reason), decision);
    if (this.#gathered === undefined) return this.deny('fault', 'a fault of Belay.', decision);
    const objection = objectionTo(decision, env, this.#gathered.variables);
    if (objection !== undefined) return this.deny('bad-request', objection, decision);
    this.#permitted = { decision, env };
    return decision.kind === 'allow' ? this.#allow(this.#permitted) : this.#advance(this.#fulfilment.begin(decision.demands), decision);
  }

  /** The person's answer to the challenge. */
  met(answer: Met): Step {
    const decision = this.#permitted?.decision;
    if (this.#stage !== 'asked' || decision?.kind !== 'ask') return this.deny('bad-request', 'this was asked out of turn.');
    this.#stage = 'new';
    if (answer.authentication === 'failed') this.#deps.journal.append({ type: 'reauth.failed', fields: { ...this.#who, attempts: answer.attempts } });
    return this.#advance(this.#fulfilment.take(answer, decision.demands), decision);
  }

  #advance(progress: Progress, decision: Extract<Permit, { kind: 'ask' }>): Step {
    if (progress.kind === 'refuse') return this.deny(progress.why, progress.text, decision);
    if (progress.kind === 'met') return this.#allow(this.#permitted);
    const { reason, reauth, confirm, complaint } = progress;
    const account = !this.#asked && this.#deps.settings().pamAccount && this.#sudo.pamAvailable;
    this.#stage = 'asked';
    this.#asked = true;
    const message = complaint === '' ? (decision.message ?? '') : numbered(this.number, complaint);
    const { minLength = 0, suggestions = [] } = decision.demands.reason ?? {};
    const wanted: Wanted = { reason, reasonMinLength: minLength, suggestions: reason ? suggestions : [], reauth, message, account, confirm: confirm ? this.#confirmation() : '' };
    return { kind: 'challenge', wanted };
  }

  #confirmation(): string {
    return this.#gathered === undefined ? '' : confirmText(this.number, this.#gathered.request);
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
    if (!this.#outsideRules && !isAsGathered(this.#gathered, this.#sudo, this.#peer, { platform: this.#deps.platform, place: yes.place })) return stop('expired', 'the directory or the account was changed meanwhile. Try again.');
    if (yes.permitted !== undefined && !this.#stillHolds(yes.permitted)) return stop('no-rule', 'policy changed meanwhile, or what it asks for did. Try again.');
    return this.#go(yes.launching, yes.permitted?.decision);
  }

  /** The intent is durable before anybody hears the go, or the rule bears that it is not. */
  #go(launching: Gathered, decision: Permit | undefined): CommitStep {
    if (!this.#record(launching, decision)) {
      this.#stage = 'over';
      this.#remember('fault', NO_EVIDENCE, decision);
      this.#release();
      return { go: false, message: numbered(this.number, NO_EVIDENCE) };
    }
    this.#stage = 'running';
    setImmediate(() => this.#remember(undefined, '', decision));
    this.#ruling?.closeFile();
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
  deny(why: Why, text: string, decision: Decision | undefined = this.#permitted?.decision): Extract<Step, { kind: 'deny' }> {
    const message = denied(this.number, why, text, decision);
    const rules = decision === undefined ? [] : rulesOf(decision);
    const rule = rules[0] === undefined ? '' : ruleName(rules[0]);
    if (this.#stage === 'over' || this.#stage === 'running') return { kind: 'deny', message, rule };
    this.#stage = 'over';
    this.#deps.journal.append(deniedEvent(this.#act(decision), why, this.#deps.platform));
    this.#remember(why, text, decision);
    if (this.#recorded) this.#deps.journal.append({ type: 'elevation.outcome', fields: { ...this.#who, end: 'refused-at-commit', value: 0, durationMs: 0 } });
    this.#release();
    return { kind: 'deny', message, rule };
  }

  /** For those who ask why. Of a denial everything is kept; of what was allowed, only what decided, unless policies watch. */
  #remember(why: Why | undefined, text: string, decision: Decision | undefined): void {
    const { clock, accounts } = this.#deps.platform;
    const uid = this.#peer.actor.realUid;
    const { typedPath: path, argv } = this.#sudo;
    const policy = this.#deps.policy();
    const isWatched = policy?.monitored !== undefined;
    const [asked, outsideRules] = [this.#ruling?.asked(why !== undefined || isWatched), this.#outsideRules];
    this.#deps.decided.add({ number: this.number, uid, user: accounts.userById(uid)?.name, atMs: clock.now(), typed: { path, argv }, why, text, decision, outsideRules, policy, asked });
  }

  /** `-l COMMAND`: what the decision would be, with nothing recorded as elevated. */
  async wouldAllow(signal: AbortSignal): Promise<Gathered | undefined> {
    const gathered = gather(this.#sudo, this.#peer, this.#deps);
    if (!gathered.ok) return undefined;
    const ruling = this.#begin(gathered.value);
    const permitted = this.#outsideRules || (ruling.now() ?? (await ruling.hashed(signal))).decision.kind !== 'deny';
    this.#stage = 'over';
    this.#release();
    return permitted && !signal.aborted ? gathered.value : undefined;
  }

  /** What the obligations make of the request. Errors: a sentence for the requester. */
  #launching(gathered: Gathered, permitted: Permitted | undefined): Gathered | string {
    if (permitted === undefined) return gathered;
    const { environment, cwd } = permitted.decision.obligations;
    // SECURITY(T-20): a rule may say where its command runs, and then it runs nowhere else.
    const directory = cwd === undefined ? gathered.directory : this.#deps.platform.openRootFolder(encodeUtf8(cwd));
    if (cwd !== undefined && directory === undefined) {
      return `the rule "${ruleNames(permitted.decision.by)}" runs this in ${inert(cwd)}, which is no folder of root's that everybody may enter. Tell IT.`;
    }
    const request = { ...gathered.request, env: setVariables(permitted.env, environment.set), cwd: cwd === undefined ? gathered.request.cwd : (directory as ByteString) };
    return { ...gathered, request, directory };
  }

  #allow(permitted: Permitted | undefined): Step {
    if (this.#gathered === undefined || this.#ruling === undefined) return this.deny('fault', 'a fault of Belay.');
    const launching = this.#launching(this.#gathered, permitted);
    if (typeof launching === 'string') return this.deny('bad-request', launching, permitted?.decision);
    const decision = permitted?.decision;
    const { pamAccount, pamSession } = this.#deps.settings();
    const { loginShell, fileModeMask, pamAvailable } = this.#sudo;
    const { sealed, sha256 } = this.#ruling;
    const launch = planLaunch({
      gathered: launching, obligations: decision?.obligations, sealed, hashed: sha256 !== undefined, loginShell, fileModeMask,
      pamAccount: pamAccount && pamAvailable && !this.#asked, pamSession: pamSession && pamAvailable,
    });
    if (launch.by === Launch_By.UNSPECIFIED) return this.deny('fault', 'the file could not be sealed in memory.', decision);
    const rule = decision?.by[0] === undefined ? '' : ruleName(decision.by[0]);
    const message = decision?.kind === 'allow' ? (decision.message ?? '') : '';
    const opensPam = launch.pamAccount || launch.pamSession;
    if (this.#sudo.startsAtOnce && !this.#asked && !opensPam) {
      // Decided in this very turn, and nothing is to come: a second look would see the same, but for bytes that were hashed meanwhile.
      if (sha256 !== undefined && !this.#sameFile(launching)) return this.deny('unsafe-file', 'the file was changed meanwhile. Try again.', decision);
      const { go, message: stopped } = this.#go(launching, decision);
      return go ? { kind: 'allow', message, rule, token: NO_TOKEN, launch, go } : { kind: 'deny', message: stopped, rule: '' };
    }
    this.#yes = { token: randomBytes(TOKEN_BYTES), untilMs: this.#deps.platform.clock.boot() + VERDICT_MS, permitted, launching, place: this.#outsideRules ? undefined : placeOf(launching.request.cwd, this.#deps.platform) };
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
    const prepared = this.#deps.journal.prepare(this.#intent(this.#yes.launching, this.#yes.permitted?.decision));
    if (opensPam) this.#recorded = this.#deps.journal.commitAhead(prepared);
    this.#prepared = prepared;
  }

  #record(launching: Gathered, decision: Permit | undefined): boolean {
    if (this.#recorded) return true;
    const event = this.#prepared ?? this.#intent(launching, decision);
    return this.#deps.journal.commitOr(event, this.#outsideRules ? 'allow' : (decision?.obligations.diskFull ?? 'deny'));
  }

  #sameFile({ fd, inspected, request }: Gathered): boolean {
    const now = this.#deps.platform.fileState(fd);
    const then = inspected.file;
    if (now.device !== then.device || now.inode !== then.inode || now.uid !== then.uid || now.gid !== then.gid || now.mode !== then.mode) return false;
    if (this.#ruling?.sealed !== undefined) return true;
    if (this.#ruling?.sha256 !== undefined && now.changedNs !== then.changedNs) return false;
    if (!request.executable.script || this.#outsideRules) return true;
    const again = this.#deps.platform.inspect(fd, request.executable.resolved);
    return again.ok && again.value.executable.rootOnly;
  }

  /** SECURITY(T-18): decided again by what is so now; the same environment, the same obligations, nothing new demanded. */
  #stillHolds(then: Permitted): boolean {
    const now = this.#ruling?.again();
    if (now === undefined || now.decision.kind === 'deny' || !isSame(now.env, then.env)) return false;
    if (now.decision.kind === 'ask' && this.#fulfilment.unmet(now.decision.demands)) return false;
    return JSON.stringify(now.decision.obligations) === JSON.stringify(then.decision.obligations);
  }

  get #who(): Subject {
    return subject(this.number, this.#peer.actor, this.#deps.platform);
  }

  #act(decision: Decision | undefined): Act {
    const rules = decision === undefined ? [] : rulesOf(decision).map(ruleName);
    const { argv, typedPath } = this.#sudo;
    const manifest = this.#deps.policy()?.manifest.number ?? 0;
    return { number: this.number, actor: this.#peer.actor, rules, manifest, request: this.#gathered?.request, typed: { path: typedPath, args: argv.slice(1) }, alert: alertOf(decision) };
  }

  #intent({ request }: Gathered, decision: Permit | undefined): EventDraft {
    const pinned = decision?.obligations.sha256 === undefined ? undefined : this.#ruling?.sha256;
    const { reason, reauthenticated } = this.#fulfilment;
    const facts = { pinned, reason, reauthenticated, outsideRules: decision === undefined };
    return intentEvent({ ...this.#act(decision), request }, facts, this.#deps.platform);
  }

  #release(): void {
    this.#ruling?.close();
    this.#gathered = undefined;
  }
}
