import { bytesOf, type ByteString, byteStringOf, encodeUtf8 } from '@belay/core/bytes';
import { type AuditError, type ClientFrame, type Commit, type DemandsMet, DemandsMet_Authentication, type Observed, Observed_Seen, type Outcome, Outcome_End, type Recorded, Recorded_Cut, type SudoCheck } from '@belay/proto/local';
import { Elevation, type ElevationDeps } from '../decide/elevation.ts';
import type { End, Step } from '../decide/steps.ts';
import { deniedEvent } from '../decide/evidence.ts';
import type { Met } from '../decide/fulfilment.ts';
import { listCommand, type Listed, listing, Validation } from '../decide/listing.ts';
import { numbered } from '../decide/messages.ts';
import { observe, type Seen } from '../decide/observe.ts';
import { readSudoCheck, type SudoRequest } from '../decide/sudo-request.ts';
import type { RecordedEnd } from '../journal/recordings.ts';
import type { Peer } from '../platform/platform.ts';
import { challengeReply, commitReply, refusalReply, type Reply, verdictReply, waitingReply } from './replies.ts';

export type SudoDeps = ElevationDeps & {
  nextRequest(): number;
  readonly log: { error(detail: object, message: string): void; info(detail: object, message: string): void };
};

/** An answer that needs no person comes within this, or is a no. The plugin itself waits longer. */
const DEADLINE_MS = 2000;

/** sudo's front end on one connection: one request after the other, each to its end. */
export class SudoFrontEnd {
  readonly #peer: Peer;
  readonly #deps: SudoDeps;
  readonly #send: (reply: Reply) => void;
  #current: Elevation | Validation | undefined;

  /** `send`: for what is said later, without being asked. */
  constructor(peer: Peer, deps: SudoDeps, send: (reply: Reply) => void) {
    this.#peer = peer;
    this.#deps = deps;
    this.#send = send;
  }

  /** Undefined: nothing is said to that. Never throws: a fault denies this request, and the next is served. */
  handle(message: ClientFrame['message']): Reply | undefined | Promise<Reply> {
    try {
      switch (message.case) {
        case 'sudoCheck':
          return this.#check(message.value);
        case 'demandsMet':
          return this.#met(message.value);
        case 'commit':
          return this.#commit(message.value);
        case 'observed':
          return this.#observed(message.value);
        case 'outcome':
          return this.#outcome(message.value);
        case 'auditError':
          return this.#auditError(message.value);
        default:
          return undefined;
      }
    } catch (error) {
      return this.#fault(error, message.case);
    }
  }

  closed(): void {
    const current = this.#current;
    this.#current = undefined;
    if (current instanceof Elevation) current.close();
  }

  #check(check: SudoCheck): Reply | Promise<Reply> {
    this.closed();
    const number = this.#deps.nextRequest();
    const sudo = readSudoCheck(check);
    if (!sudo.ok) {
      const typed = { path: '' as ByteString, args: [] };
      this.#deps.journal.append(deniedEvent({ number, actor: this.#peer.actor, rules: [], manifest: 0, request: undefined, typed }, 'bad-request', this.#deps.platform));
      return verdictReply(number, { kind: 'deny', message: numbered(number, `${sudo.error}.`), rule: '' });
    }
    if (sudo.value.mode === 'list') return this.#list(number, sudo.value);
    if (sudo.value.mode === 'validate') {
      const validation = new Validation(number, sudo.value, this.#peer, this.#deps);
      this.#current = validation;
      return stepReply(number, validation.check());
    }
    const elevation = new Elevation(number, sudo.value, { peer: this.#peer, later: (step) => this.#send(stepReply(number, step)) }, this.#deps);
    this.#current = elevation;
    if (sudo.value.mode === 'list-command') {
      const abort = new AbortController();
      const listed = listCommand(elevation, sudo.value, { peer: this.#peer, deps: this.#deps, signal: abort.signal });
      return this.#inTime(elevation, abort, listed.then(listingReply));
    }
    // Seldom needed: most answers come at once.
    let abort: AbortController | undefined;
    const step = elevation.check(() => (abort = new AbortController()).signal);
    return step instanceof Promise ? this.#inTime(elevation, abort, step.then((late) => stepReply(number, late))) : stepReply(number, step);
  }

  #list(number: number, sudo: SudoRequest): Reply {
    const listed = listing(number, sudo, this.#peer, this.#deps);
    if (listed !== undefined) return listingReply(listed);
    return verdictReply(number, { kind: 'deny', message: numbered(number, 'you may not list what others may run.'), rule: '' });
  }

  /** The watchdog: whatever the check is still doing after two seconds, the answer is no. */
  async #inTime(elevation: Elevation, abort: AbortController | undefined, answer: Promise<Reply>): Promise<Reply> {
    const late = Promise.withResolvers<Reply>();
    const timer = setTimeout(() => {
      abort?.abort();
      late.resolve(stepReply(elevation.number, elevation.deny('timeout', 'the answer took too long. Try again.')));
    }, DEADLINE_MS);
    try {
      return await Promise.race([answer, late.promise]);
    } catch (error) {
      return this.#fault(error, 'sudoCheck');
    } finally {
      clearTimeout(timer);
    }
  }

  /** Monitor mode. What cannot be understood is recorded as a fault of the request, like any other. */
  async #observed({ what, seen }: Observed): Promise<Reply> {
    const sudo = what === undefined ? undefined : readSudoCheck(what);
    const answer = SEEN[seen];
    if (sudo?.ok !== true || sudo.value.mode !== 'run' || answer === undefined) return refusalReply('BELAY_E_BAD_REQUEST', 'What was observed cannot be understood.');
    try {
      await observe(this.#deps.nextRequest(), sudo.value, answer, { peer: this.#peer, deps: this.#deps });
    } catch (error) {
      return this.#fault(error, 'observed');
    }
    return { case: 'done', value: {} };
  }

  #met(met: DemandsMet): Reply {
    const current = this.#current;
    if (current === undefined || met.request !== BigInt(current.number)) return outOfTurn(met.request);
    return stepReply(current.number, current.met(readMet(met)));
  }

  #commit(commit: Commit): Reply {
    const current = this.#current;
    if (!(current instanceof Elevation) || commit.request !== BigInt(current.number)) return commitReply(false, numbered(Number(commit.request), 'this was not allowed.'));
    const { go, message } = current.commit(commit.token);
    return commitReply(go, message);
  }

  #outcome(outcome: Outcome): undefined {
    const current = this.#current;
    const end = readEnd(outcome);
    if (current instanceof Elevation && outcome.request === BigInt(current.number) && end !== undefined) current.outcome(end);
    return undefined;
  }

  #auditError(error: AuditError): undefined {
    // What sudo says may hold anything of the request: the log gets that it happened, not what.
    this.#deps.log.info({ request: Number(error.request), bytes: error.text.length }, 'sudo reported an error');
    return undefined;
  }

  #fault(error: unknown, where: string | undefined): Reply {
    const current = this.#current;
    const request = current?.number ?? 0;
    this.#deps.log.error({ request, where, cause: Error.isError(error) ? error.stack : 'fault' }, 'an unexpected fault; the request is denied');
    this.#deps.journal.append({ type: 'agent.fault', fields: { request, where: where ?? '' } });
    if (where === 'commit' && current instanceof Elevation) denyAfterFault(current);
    if (where === 'commit') return commitReply(false, numbered(request, 'a fault of Belay; it has been logged.'));
    const denied = current instanceof Elevation ? denyAfterFault(current) : undefined;
    return verdictReply(request, denied ?? { kind: 'deny', message: numbered(request, 'a fault of Belay; it has been logged. Give IT this number.'), rule: '' });
  }
}

const SEEN: Readonly<Record<number, Seen>> = { [Observed_Seen.ALLOWED]: 'allowed', [Observed_Seen.REFUSED]: 'refused' };

function denyAfterFault(elevation: Elevation): Extract<Step, { kind: 'deny' }> | undefined {
  try {
    return elevation.deny('fault', 'a fault of Belay; it has been logged. Give IT this number.');
  } catch {
    return undefined;
  }
}

function stepReply(number: number, step: Step): Reply {
  if (step.kind === 'wait') return waitingReply(number, step);
  return step.kind === 'challenge' ? challengeReply(number, step.wanted) : verdictReply(number, step);
}

function listingReply({ known, text }: Listed): Reply {
  return { case: 'listing', value: { known, text: bytesOf(encodeUtf8(text)) } };
}

function outOfTurn(request: bigint): Reply {
  return verdictReply(Number(request), { kind: 'deny', message: numbered(Number(request), 'this was asked out of turn.'), rule: '' });
}

const AUTHENTICATIONS: Readonly<Record<number, Met['authentication']>> = {
  [DemandsMet_Authentication.NOT_ASKED]: 'not-asked',
  [DemandsMet_Authentication.SUCCEEDED]: 'succeeded',
  [DemandsMet_Authentication.FAILED]: 'failed',
  [DemandsMet_Authentication.ACCOUNT_REFUSED]: 'account-refused',
  [DemandsMet_Authentication.CANCELLED]: 'cancelled',
};

function readMet(met: DemandsMet): Met {
  return { reason: byteStringOf(met.reason) satisfies ByteString, authentication: AUTHENTICATIONS[met.authentication] ?? 'failed', attempts: met.attempts, confirmed: met.confirmed };
}

const ENDS: Readonly<Record<number, End['end']>> = {
  [Outcome_End.EXITED]: 'exited',
  [Outcome_End.SIGNALED]: 'signaled',
  [Outcome_End.EXEC_FAILED]: 'exec-failed',
  [Outcome_End.SUDO_ERROR]: 'sudo-error',
};

function readEnd(outcome: Outcome): End | undefined {
  const end = ENDS[outcome.end];
  return end === undefined ? undefined : { end, value: outcome.value, recorded: readRecorded(outcome.recorded) };
}

const CUTS: Readonly<Record<number, RecordedEnd['cut']>> = { [Recorded_Cut.UNSPECIFIED]: undefined, [Recorded_Cut.LIMIT]: 'limit' };
const HASH_BYTES = 32;

/** Undefined: belayd looks at the file itself. */
function readRecorded(recorded: Recorded | undefined): RecordedEnd | undefined {
  if (recorded === undefined || recorded.hash.length !== HASH_BYTES) return undefined;
  const cut = recorded.cut in CUTS ? CUTS[recorded.cut] : 'unwritable';
  return { hash: recorded.hash, bytes: Number(recorded.length), durationMs: Math.round(Number(recorded.durationUs) / 1000), cut };
}
