import type { ByteString } from '@belay/core/bytes';
import type { Demands } from '@belay/core/policy';
import type { Actor } from '../platform/platform.ts';
import { reasonFromEnvironment } from './environment.ts';
import type { Why } from './evidence.ts';
import type { Reauthentications } from './reauthentication.ts';
import { isReason, readReason } from './reasons.ts';
import type { SudoRequest } from './sudo-request.ts';

export type Answer = 'asked' | 'succeeded' | 'failed' | 'account-refused' | 'cancelled' | 'not-asked';
export type Met = { readonly reason: ByteString; readonly authentication: Exclude<Answer, 'asked'>; readonly attempts: number; readonly confirmed: boolean };
export type Wanted = {
  readonly reason: boolean;
  readonly reasonMinLength: number;
  readonly suggestions: readonly string[];
  readonly reauth: boolean;
  readonly message: string;
  readonly account: boolean;
  /** What the person is to say yes to; empty: nothing. */
  readonly confirm: string;
};

/** What is still to be asked of the person, why there can be no yes any more, or that everything is met. */
export type Progress =
  | { readonly kind: 'ask'; readonly reason: boolean; readonly reauth: boolean; readonly confirm: boolean; /** What was wrong with the last answer. */ readonly complaint: string }
  | { readonly kind: 'refuse'; readonly why: Why; readonly text: string }
  | { readonly kind: 'met' };

export type FulfilmentDeps = { readonly reauthentications: Reauthentications };

/** As sudo with passwords. */
const REASON_TRIES = 3;

/** What one person has given so far of what a rule demands. */
export class Fulfilment {
  readonly #sudo: SudoRequest;
  readonly #actor: Actor;
  readonly #deps: FulfilmentDeps;
  #reason: string | undefined;
  #reauthenticated = false;
  #confirmed = false;
  #isHeld = false;
  #tries = 0;

  constructor(sudo: SudoRequest, actor: Actor, deps: FulfilmentDeps) {
    this.#sudo = sudo;
    this.#actor = actor;
    this.#deps = deps;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  /** Whether a password was entered for this request. */
  get reauthenticated(): boolean {
    return this.#reauthenticated;
  }

  begin(demands: Demands): Progress {
    const ahead = reasonFromEnvironment(this.#sudo.environment);
    if (demands.reason !== undefined && ahead !== undefined) {
      const read = readReason(ahead, demands.reason);
      if (!read.ok) return { kind: 'refuse', why: 'reason-refused', text: read.error };
      this.#reason = read.value;
    }
    const progress = this.#progress(demands, '');
    return progress.kind === 'ask' ? (this.#unaskable(progress) ?? progress) : progress;
  }

  /** `failed` authentications are the caller's to record. */
  take(answer: Met, demands: Demands): Progress {
    const refuse = (why: Why, text: string): Progress => ({ kind: 'refuse', why, text });
    if (answer.authentication === 'succeeded') {
      this.#reauthenticated = true;
      this.#deps.reauthentications.record(this.#actor);
    }
    if (answer.authentication === 'account-refused') return refuse('reauth-failed', 'your account may not be used now.');
    if (answer.authentication === 'cancelled') return refuse('reauth-failed', 'it was cancelled.');
    if (answer.authentication === 'failed') return refuse('reauth-failed', 'the password was not right.');
    if (demands.confirm && !this.#confirmed && !answer.confirmed) return refuse('not-confirmed', 'it was not confirmed.');
    this.#confirmed ||= answer.confirmed;
    const fault = this.#takeReason(answer.reason, demands);
    if (fault !== undefined && ++this.#tries >= REASON_TRIES) return refuse('reason-refused', fault);
    if (fault === undefined && this.#reauthNeeded(demands)) return refuse('reauth-failed', 'a password is needed.');
    return this.#progress(demands, fault ?? '');
  }

  /** While somebody else is waited for, the password that was fresh when that began does not grow old. */
  hold(): void {
    this.#isHeld = true;
  }

  unmet(demands: Demands): boolean {
    return this.#progress(demands, '').kind !== 'met';
  }

  #progress(demands: Demands, complaint: string): Progress {
    const reason = demands.reason !== undefined && !isReason(this.#reason, demands.reason);
    const reauth = this.#reauthNeeded(demands);
    const confirm = demands.confirm && !this.#confirmed;
    return reason || reauth || confirm ? { kind: 'ask', reason, reauth, confirm, complaint } : { kind: 'met' };
  }

  #unaskable({ reauth, confirm }: Extract<Progress, { kind: 'ask' }>): Progress | undefined {
    const refuse = (why: Why, text: string): Progress => ({ kind: 'refuse', why, text });
    if (this.#sudo.nonInteractive && reauth) return refuse('reauth-failed', 'a password is needed, and -n forbids to ask for it.');
    if (this.#sudo.nonInteractive && confirm) return refuse('not-confirmed', 'it must be confirmed, and -n forbids to ask.');
    if (this.#sudo.nonInteractive) return refuse('reason-refused', 'a reason is needed: set BELAY_REASON, as -n forbids to ask for it.');
    if (reauth && !this.#sudo.pamAvailable) return refuse('reauth-failed', 'a password is needed, and it cannot be checked here.');
    return undefined;
  }

  #reauthNeeded({ reauth }: Demands): boolean {
    if (reauth === undefined || this.#reauthenticated || this.#isHeld) return false;
    const age = this.#sudo.ignoreCachedReauth ? undefined : this.#deps.reauthentications.ageMs(this.#actor);
    return age === undefined || age > reauth.maxAgeMs;
  }

  /** Why it cannot be taken; undefined: taken, or not asked for. */
  #takeReason(typed: ByteString, { reason }: Demands): string | undefined {
    if (reason === undefined || this.#reason !== undefined) return undefined;
    const read = readReason(typed, reason);
    if (!read.ok) return read.error;
    this.#reason = read.value;
    return undefined;
  }
}
