import type { Grant } from '@belay/core/evidence';
import { NO_DEMANDS } from '@belay/core/policy';
import type { AskedFor } from '../state/requests.ts';
import { demandTexts } from './demand-texts.ts';
import type { Permit } from './enforceable.ts';
import type { Why } from './evidence.ts';
import type { Approvals } from './filing.ts';
import { inert } from './inert.ts';
import { numbered } from './messages.ts';

export type WaitEvents = {
  /** Something for the person, whole lines; empty: still waiting. */
  tell(text: string): void;
  /** A grant may have come. */
  granted(): void;
  over(why: Why, text: string): void;
};

/** Silence for three times as long means that belayd is gone. */
export const TICK_MS = 4000;
const REACHED_AFTER_MS = 2500;

/** Somebody's command that waits for approval, from the filing to the answer. Says something at each change, and now and then. */
export class Wait {
  readonly #number: number;
  readonly #approvals: Approvals;
  readonly #events: WaitEvents;
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #unsubscribe: readonly (() => void)[];
  #isOver = false;

  constructor(number: number, approvals: Approvals, events: WaitEvents) {
    this.#number = number;
    this.#approvals = approvals;
    this.#events = events;
    this.#unsubscribe = [
      approvals.requests.onChange((changed) => this.#changed(changed)),
      approvals.grants.onChange(() => this.#unlessOver(() => events.granted())),
    ];
    this.#timers = [
      setInterval(() => this.#unlessOver(() => events.tell('')), TICK_MS),
      setTimeout(() => this.#unlessOver(() => this.#sayWhetherReached()), REACHED_AFTER_MS),
    ];
  }

  get leftMs(): number {
    const asked = this.#approvals.requests.byNumber(this.#number);
    return asked === undefined ? 0 : this.#approvals.requests.leftMs(asked);
  }

  close(): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #unlessOver(act: () => void): void {
    if (!this.#isOver) act();
  }

  #sayWhetherReached(): void {
    const asked = this.#approvals.requests.byNumber(this.#number);
    if (asked?.version !== 0 || this.#approvals.serverReached()) return;
    this.#events.tell(numbered(this.#number, 'the server is not reached; the request goes to it as soon as it is.'));
  }

  #changed(asked: AskedFor): void {
    if (this.#isOver || asked.number !== this.#number) return;
    switch (asked.state) {
      case 'pending':
        return this.#events.tell(pendingText(asked));
      case 'approved':
        // Said when the grant is here.
        return undefined;
      case 'denied':
        return this.#events.over('approval-denied', deniedText(asked));
      case 'expired':
        return this.#events.over('approval-expired', 'nobody approved it in time.');
      case 'cancelled':
        return this.#events.over('abandoned', asked.version === 0 || asked.message === '' ? 'the request was cancelled.' : `the request was cancelled: ${asked.message}`);
    }
  }
}

/** What the wait begins with. */
export function waitingText(request: number, { demands, message }: Extract<Permit, { kind: 'ask' }>): string {
  const wanted = demandTexts({ ...NO_DEMANDS, approval: demands.approval }).join(' and ');
  const parts = [`this needs ${wanted}.`, ...(message === undefined ? [] : [message]), ...(demands.emergency === true ? ['It is an emergency: everybody is told.'] : []), 'Waiting for it; Ctrl-C cancels.'];
  return numbered(request, parts.join(' '));
}

function pendingText({ number, approvers, have, need, by }: AskedFor): string {
  const given = have === 0 ? '' : ` ${have} of ${need} approvals ${have === 1 ? 'is' : 'are'} there${by.length === 0 ? '' : ` (${by.join(', ')})`}.`;
  const text = `${approvers === '' ? 'the request has reached the server.' : `who can approve: ${approvers}.`}${given}`;
  return numbered(number, inert(text, 1500));
}

export function approvedText({ request, approvedBy, message }: Pick<Grant, 'request' | 'approvedBy' | 'message'>): string {
  return numbered(request, `approved${byText(approvedBy)}${message === '' ? '.' : `: ${message}`}`);
}

function deniedText({ by, message }: AskedFor): string {
  return `denied${byText(by)}${message === '' ? '.' : `: ${message}`}`;
}

function byText(by: readonly string[]): string {
  return by.length === 0 ? '' : ` by ${by.join(', ')}`;
}
