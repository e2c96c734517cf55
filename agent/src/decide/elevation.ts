import { timingSafeEqual } from 'node:crypto';
import { bytesOf, type ByteString } from '@belay/core/bytes';
import type { EventDraft, RecordingHeader } from '@belay/core/evidence';
import { randomBytes } from '@belay/core/node-crypto';
import { type Decision, NO_DEMANDS } from '@belay/core/policy';
import { Launch_By } from '@belay/proto/local';
import type { Journal, Prepared } from '../journal/journal.ts';
import { planLaunch } from '../launch/plan.ts';
import { type RecorderDeps, SessionRecorder } from '../launch/session-recorder.ts';
import type { Peer } from '../platform/platform.ts';
import { Approval, type ApprovalDeps } from './approval.ts';
import { askAheadText, commandText } from './command-text.ts';
import type { Decided } from './decided.ts';
import type { Permit } from './enforceable.ts';
import { type Act, alertOf, deniedEvent, intentEvent, subject, type Subject, type Why } from './evidence.ts';
import { Fulfilment, type FulfilmentDeps, type Met, type Progress, type Wanted } from './fulfilment.ts';
import { gather, type Gathered, isAsGathered, type Place, placeOf } from './gather.ts';
import { isSame } from './kept-variables.ts';
import { isSameFile, launchingOf, type Permitted } from './launching.ts';
import { confirmText, denialText, denied, NOT_ALLOWED, numbered, ruleName, rulesOf } from './messages.ts';
import { objectionTo } from './objection.ts';
import { Ruling, type RulingDeps } from './ruling.ts';
import type { CommitStep, End, Step } from './steps.ts';
import type { SudoRequest } from './sudo-request.ts';
import { waitingText } from './waiting.ts';

export type ElevationDeps = RulingDeps & FulfilmentDeps & ApprovalDeps & RecorderDeps & {
  readonly journal: Journal;
  /** For those who ask why. */
  readonly decided: Pick<Decided, 'add'>;
  deviceId(): string;
  settings(): { readonly pamAccount: boolean; readonly pamSession: boolean };
  /** What is still to be written before a stop. */
  writing(work: Promise<void>): void;
};

/** `launching`: the request as it will run, with what the decision's obligations change. */
type Yes = { readonly token: Uint8Array; readonly untilMs: number; readonly permitted: Permitted | undefined; readonly launching: Gathered; readonly place: Place | undefined };

export const VERDICT_MS = 5000;
const TOKEN_BYTES = 16;
/** There is nothing to commit. */
const NO_TOKEN = new Uint8Array(TOKEN_BYTES);
const NO_EVIDENCE = 'evidence cannot be written on this device (is the disk full?), so nothing is elevated. Tell IT.';
const NO_RECORDING = 'this has to be recorded, and cannot be recorded now (is the disk full?). Tell IT.';

/** One request from its arrival to its outcome: gather, decide, fulfil, commit. Any other order of calls denies. */
export class Elevation {
  readonly number: number;
  readonly #deps: ElevationDeps;
  readonly #peer: Peer;
  readonly #sudo: SudoRequest;
  readonly #fulfilment: Fulfilment;
  readonly #later: (step: Step) => void;
  #stage: 'new' | 'asked' | 'waiting' | 'allowed' | 'running' | 'over' = 'new';
  #gathered: Gathered | undefined;
  #ruling: Ruling | undefined;
  #permitted: Permitted | undefined;
  #asked = false;
  #approval: Approval | undefined;
  #yes: Yes | undefined;
  #wentAtMs = 0;
  #prepared: Prepared | undefined;
  #recorded = false;
  readonly #recorder: SessionRecorder;

  /** `later`: hears what follows a `wait`. */
  constructor(number: number, sudo: SudoRequest, { peer, later = () => {} }: { readonly peer: Peer; readonly later?: (step: Step) => void }, deps: ElevationDeps) {
    this.number = number;
    this.#later = later;
    this.#sudo = sudo;
    this.#peer = peer;
    this.#deps = deps;
    this.#fulfilment = new Fulfilment(sudo, peer.actor, deps);
    this.#recorder = new SessionRecorder(deps);
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
    const objection = objectionTo(decision, env, this.#gathered.variables, this.#sudo);
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
    if (progress.kind === 'met') return decision.demands.approval.length === 0 ? this.#allow(this.#permitted) : this.#approve(decision);
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

  /** Everything else that is demanded is met: a grant that stands for the approvals, or a wait for one. */
  #approve(decision: Extract<Permit, { kind: 'ask' }>): Step {
    if (this.#gathered === undefined) return this.deny('fault', 'a fault of Belay.', decision);
    const launching = launchingOf(this.#gathered, this.#permitted, this.#deps.platform);
    if (typeof launching === 'string') return this.deny('bad-request', launching, decision);
    const approval = new Approval(this.number, { request: launching.request, pinned: this.#pinned(decision) }, this.#peer, this.#deps);
    this.#approval = approval;
    if (approval.isGiven(decision.demands.approval)) return this.#allow(this.#permitted);
    if (this.#sudo.nonInteractive) return this.deny('approval-needed', askAheadText(this.#sudo, this.#fulfilment.reason, decision.demands.reason !== undefined), decision);
    const limit = this.#deps.approvals().requests.limit(this.#peer.actor.realUid);
    if (limit !== undefined) return this.deny('approval-needed', limit, decision);
    return this.#wait(approval, launching, decision);
  }

  #wait(approval: Approval, launching: Gathered, decision: Extract<Permit, { kind: 'ask' }>): Step {
    const { reason, reauthenticated } = this.#fulfilment;
    const demanded = decision.demands.approval;
    const place = placeOf(launching.request.cwd, this.#deps.platform);
    const around = this.#ruling?.asked(true)?.context.circumstances;
    if (around === undefined) return this.deny('fault', 'a fault of Belay.', decision);
    this.#stage = 'waiting';
    this.#fulfilment.hold();
    const isFiled = approval.file(
      { act: { ...this.#act(decision), request: launching.request }, demanded, user: this.#who.user, command: commandText(this.#sudo.argv), facts: { sha256: this.#ruling?.sha256, reason, reauthenticated, emergency: decision.demands.emergency === true, around } },
      {
        tell: (message) => this.#later({ kind: 'wait', message, leftMs: approval.leftMs }),
        granted: () => {
          if (this.#stage !== 'waiting' || !approval.isGiven(demanded)) return;
          this.#later({ kind: 'wait', message: approval.text, leftMs: approval.leftMs });
          this.#later(this.#resume(place));
        },
        over: (why, text) => {
          if (this.#stage === 'waiting') this.#later(this.deny(why, text));
        },
      },
    );
    if (!isFiled) return this.deny('fault', NO_EVIDENCE, decision);
    return { kind: 'wait', message: waitingText(this.number, decision), leftMs: approval.leftMs };
  }

  /** A grant is here: everything is looked at again before it is a yes. */
  #resume(place: Place | undefined): Step {
    this.#approval?.stopWaiting();
    if (this.#gathered === undefined || this.#permitted === undefined) return this.deny('fault', 'a fault of Belay.');
    // SECURITY(T-18): approved is what was asked for; anything else that runs now was not.
    const changed = this.#changed(this.#gathered, this.#permitted, place);
    return changed === undefined ? this.#allow(this.#permitted) : this.deny(changed.why, `it was approved, but ${changed.text}`);
  }

  /** The last word before exec: decides again, makes the intent durable, and only then says go. */
  commit(token: Uint8Array): CommitStep {
    const yes = this.#yes;
    const stop = (why: Why, message: string): CommitStep => ({ go: false, message: this.deny(why, message).message });
    if (this.#stage !== 'allowed' || yes === undefined || this.#gathered === undefined) return { go: false, message: numbered(this.number, 'this was not allowed.') };
    if (token.length !== yes.token.length || !timingSafeEqual(token, yes.token)) return stop('bad-request', 'this was not allowed.');
    if (this.#deps.platform.clock.boot() > yes.untilMs) return stop('expired', 'the answer is older than five seconds. Try again.');
    const changed = this.#changed(this.#gathered, yes.permitted, yes.place);
    return changed === undefined ? this.#go(yes.launching, yes.permitted?.decision) : stop(changed.why, changed.text);
  }

  /** What is no longer as it was decided on; undefined: nothing that matters. */
  #changed(gathered: Gathered, permitted: Permitted | undefined, place: Place | undefined): { readonly why: Why; readonly text: string } | undefined {
    const { platform } = this.#deps;
    if (!isSameFile(gathered, this.#ruling, this.#outsideRules, platform)) return { why: 'unsafe-file', text: 'the file was changed meanwhile. Try again.' };
    if (!this.#outsideRules && !isAsGathered(gathered, this.#sudo, this.#peer, { platform, place })) return { why: 'expired', text: 'the directory or the account was changed meanwhile. Try again.' };
    if (permitted !== undefined && !this.#stillHolds(permitted)) return { why: 'no-rule', text: 'policy changed meanwhile, or what it asks for did. Try again.' };
    return undefined;
  }

  /** The intent is durable before anybody hears the go, or the rule bears that it is not. */
  #go(launching: Gathered, decision: Permit | undefined): CommitStep {
    const approval = this.#approval?.grant === undefined ? undefined : this.#approval;
    if (approval?.spend(this.#sudo.startsAtOnce && this.#recorder.state !== 'session', this.#who.user) === false) return { go: false, message: this.deny('approval-expired', 'the approval has ended meanwhile, or was used up. Ask again.').message };
    if (!this.#record(launching, decision)) {
      approval?.unspend();
      this.#stage = 'over';
      this.#remember('fault', NO_EVIDENCE, decision);
      this.#release();
      return { go: false, message: numbered(this.number, NO_EVIDENCE) };
    }
    this.#stage = 'running';
    approval?.started();
    setImmediate(() => {
      this.#remember(undefined, '', decision);
      this.#ruling?.closeFile();
    });
    this.#wentAtMs = this.#deps.platform.clock.boot();
    return { go: true, message: '' };
  }

  /** How it ended; only the first counts. */
  outcome({ end, value, recorded }: End): void {
    if (this.#stage !== 'running') return;
    this.#stage = 'over';
    // Of one that was lost it is looked whether it still runs: a grant may be taken back from it.
    if (end !== 'lost') this.#approval?.ended();
    const durationMs = Math.max(0, this.#deps.platform.clock.boot() - this.#wentAtMs);
    const fields = { ...this.#who, end, value, durationMs };
    const written = this.#recorder.end(recorded, (recording) => this.#deps.journal.append({ type: 'elevation.outcome', fields: { ...fields, ...recording } }));
    if (written !== undefined) this.#deps.writing(written);
    this.#release();
  }

  /** The connection is gone. */
  close(): void {
    // SECURITY(T-33): after a go without an outcome nobody knows what happened: that is what is recorded.
    if (this.#stage === 'running') this.outcome({ end: 'lost', value: 0 });
    else if (this.#stage === 'asked' || this.#stage === 'waiting') this.deny('abandoned', 'it was abandoned.');
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

  #allow(permitted: Permitted | undefined): Step {
    if (this.#gathered === undefined || this.#ruling === undefined) return this.deny('fault', 'a fault of Belay.');
    const launching = launchingOf(this.#gathered, permitted, this.#deps.platform);
    if (typeof launching === 'string') return this.deny('bad-request', launching, permitted?.decision);
    const decision = permitted?.decision;
    if (!this.#recorder.begin(decision?.obligations, this.#sudo.records, () => this.#recordingHeader(launching, decision))) return this.deny('recorder-unable', NO_RECORDING, decision);
    const recording = this.#recorder.launch();
    const { pamAccount, pamSession } = this.#deps.settings();
    const { loginShell, fileModeMask, pamAvailable } = this.#sudo;
    const { sealed, sha256 } = this.#ruling;
    const launch = planLaunch({
      gathered: launching, obligations: decision?.obligations, sealed, hashed: sha256 !== undefined, loginShell, fileModeMask,
      pamAccount: pamAccount && pamAvailable && !this.#asked, pamSession: pamSession && pamAvailable, recording,
    });
    if (launch.by === Launch_By.UNSPECIFIED) return this.deny('fault', 'the file could not be sealed in memory.', decision);
    const rule = decision?.by[0] === undefined ? '' : ruleName(decision.by[0]);
    const message = decision?.kind === 'allow' ? (decision.message ?? '') : '';
    const opensPam = launch.pamAccount || launch.pamSession;
    if (this.#sudo.startsAtOnce && !this.#asked && !opensPam && this.#approval?.isFiled !== true && recording === undefined) {
      // Decided in this very turn, and nothing is to come: a second look would see the same, but for bytes that were hashed meanwhile.
      if (sha256 !== undefined && !isSameFile(launching, this.#ruling, this.#outsideRules, this.#deps.platform)) return this.deny('unsafe-file', 'the file was changed meanwhile. Try again.', decision);
      const { go, message: stopped } = this.#go(launching, decision);
      return go ? { kind: 'allow', message, rule, token: NO_TOKEN, launch, go } : { kind: 'deny', message: stopped, rule: '' };
    }
    this.#yes = { token: randomBytes(TOKEN_BYTES), untilMs: this.#deps.platform.clock.boot() + VERDICT_MS, permitted, launching, place: this.#outsideRules ? undefined : placeOf(launching.request.cwd, this.#deps.platform) };
    this.#stage = 'allowed';
    setImmediate(() => this.#prepare(opensPam));
    return { kind: 'allow', message, rule, token: this.#yes.token, launch, go: false };
  }

  #recordingHeader({ request, account }: Gathered, decision: Permit | undefined): RecordingHeader {
    const { journal, platform, deviceId } = this.#deps;
    const { uid, user = null } = this.#who;
    return {
      request: this.number, device: deviceId(), chain: journal.chain.id, startedAt: platform.clock.now(), uid, user, runAsUid: account.uid,
      rules: (decision?.by ?? []).map(ruleName), command: bytesOf(request.executable.resolved), argv: request.args.map(bytesOf),
    };
  }

  /**
   * While the front end opens its PAM session: the intent is made durable ahead, so that the commit has only to check again. If
   * nothing comes of it, its outcome says so. Without PAM the commit is here at once: then the intent is only signed ahead.
   */
  #prepare(opensPam: boolean): void {
    if (this.#stage !== 'allowed' || this.#gathered === undefined || this.#yes === undefined) return;
    const prepared = this.#deps.journal.prepare(this.#intent(this.#yes.launching, this.#yes.permitted?.decision));
    // A use of a grant is counted before its intent is on record, and only once it is certain: an intent is what the server counts.
    if (opensPam && this.#approval?.grant === undefined) this.#recorded = this.#deps.journal.commitAhead(prepared);
    this.#prepared = prepared;
  }

  #record(launching: Gathered, decision: Permit | undefined): boolean {
    if (this.#recorded) return true;
    const event = this.#prepared ?? this.#intent(launching, decision);
    return this.#deps.journal.commitOr(event, this.#outsideRules ? 'allow' : (decision?.obligations.diskFull ?? 'deny'));
  }

  /** SECURITY(T-18): decided again by what is so now; the same environment, the same obligations, nothing new demanded. */
  #stillHolds(then: Permitted): boolean {
    const now = this.#ruling?.again();
    if (now === undefined || now.decision.kind === 'deny' || !isSame(now.env, then.env)) return false;
    const demands = now.decision.kind === 'ask' ? now.decision.demands : NO_DEMANDS;
    if (this.#fulfilment.unmet(demands) || (demands.approval.length > 0 && this.#approval === undefined)) return false;
    if (this.#approval?.stillStands(demands.approval) === false) return false;
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

  #pinned(decision: Permit | undefined): string | undefined {
    return decision?.obligations.sha256 === undefined ? undefined : this.#ruling?.sha256;
  }

  #intent({ request }: Gathered, decision: Permit | undefined): EventDraft {
    const pinned = this.#pinned(decision);
    const grant = this.#approval?.grant;
    const { reason, reauthenticated } = this.#fulfilment;
    const facts = { pinned, reason, reauthenticated, outsideRules: decision === undefined, grant, recording: this.#recorder.state };
    return intentEvent({ ...this.#act(decision), request }, facts, this.#deps.platform);
  }

  #release(): void {
    this.#approval?.close();
    // Nothing has run: what did has ended it before.
    if (this.#stage === 'over') this.#recorder.discard();
    this.#ruling?.close();
    this.#gathered = undefined;
  }
}
