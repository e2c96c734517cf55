import { type Failure, failure } from '@belay/core/codes';
import { type Answer, type CborValue, decodeCanonical, encodeCanonical, type EventDraft, openEnvelope, type Trust } from '@belay/core/evidence';
import { ed25519Verify } from '@belay/core/node-crypto';
import { createRateLimit, type Rate, type RateLimit } from '@belay/core/rate-limit';
import { err, ok, type Result } from '@belay/core/result';
import * as z from 'zod';
import type { Clock } from '../platform/platform.ts';
import type { StateStore } from './state-store.ts';

export type RequestState = 'pending' | 'approved' | 'denied' | 'cancelled' | 'expired';

const shape = z.strictObject({
  number: z.number().int(),
  uid: z.number().int(),
  user: z.string(),
  /** Inert. */
  command: z.string(),
  stance: z.enum(['waiting', 'ahead']),
  /** Names of other devices that it is asked for on as well. */
  alsoOn: z.array(z.string()).default([]),
  state: z.enum(['pending', 'approved', 'denied', 'cancelled', 'expired']),
  /** Of the newest answer; 0: there was none. */
  version: z.number().int(),
  /** Of a pending one: who may approve. */
  approvers: z.string(),
  have: z.number().int(),
  need: z.number().int(),
  by: z.array(z.string()),
  /** The approver's words. */
  message: z.string(),
  grant: z.string(),
  /** Place of its event in the journal. */
  seq: z.number().int(),
  /** Unix time, ms: for people. */
  filedMs: z.number().int(),
  expiresMs: z.number().int(),
  endedMs: z.number().int(),
  /** By CLOCK_BOOTTIME of that boot. */
  bootId: z.string(),
  deadlineMs: z.number().int(),
});
/** A request for approval as this device knows it. Replaced, never changed. */
export type AskedFor = Readonly<z.infer<typeof shape>>;

export type Filing = Pick<AskedFor, 'number' | 'uid' | 'user' | 'command' | 'stance' | 'alsoOn' | 'need'> & { readonly withinMs: number };

export type RequestsDeps = {
  readonly store: Pick<StateStore, 'items' | 'putItems'>;
  readonly clock: Pick<Clock, 'now' | 'boot' | 'bootId'>;
  record(event: EventDraft): void;
  /** Tells the uplink at once that there is something to carry. */
  announce(): void;
  refused(code: Failure['code']): void;
  /** How often one person may ask: somebody is told of each, and it is on record, even when it is taken back at once. */
  asking(): Rate;
};

// SECURITY(T-08): each is kept, shown and sent on: so many wait for one person, and on one device.
export const MOST_PENDING = { perUser: 8, all: 64 } as const;
const MOST_ENDED = 256;
/** How long one that has ended is shown. */
const SHOWN_MS = 60 * 60_000;
/** An approved one's grant may be a moment behind its answer. */
const GRACE_MS = 60_000;
const MOST_ACKNOWLEDGED = 1000;

/** What people of this device have asked approval for, and what became of it. */
export class Requests {
  readonly #deps: RequestsDeps;
  readonly #all = new Map<number, AskedFor>();
  readonly #listeners = new Set<(changed: AskedFor) => void>();
  /** Final answers to what this device no longer knows, acknowledged once. */
  readonly #acknowledged = new Set<string>();
  readonly #asking: RateLimit<number>;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: RequestsDeps) {
    this.#deps = deps;
    // SECURITY(T-08): what waits is limited below; this is for who asks and takes back.
    this.#asking = createRateLimit(deps.asking, () => deps.clock.boot());
  }

  all(): readonly AskedFor[] {
    return [...this.#all.values()];
  }

  byNumber(number: number): AskedFor | undefined {
    return this.#all.get(number);
  }

  onChange(listener: (changed: AskedFor) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** As the grants ask. */
  stanceOf(number: number): { readonly command: string; readonly stance: 'waiting' | 'ahead' | 'ended' } | undefined {
    const found = this.#all.get(number);
    if (found === undefined) return undefined;
    const isOver = found.state !== 'pending' && found.state !== 'approved';
    return { command: found.command, stance: isOver ? 'ended' : found.stance };
  }

  /** From disk. Nobody waits any more for what the last run waited for. */
  load(): void {
    for (const { name, content } of this.#deps.store.items('request')) {
      const decoded = decodeCanonical(content);
      const parsed = decoded.ok ? shape.safeParse(decoded.value) : undefined;
      if (parsed?.success === true && `${parsed.data.number}` === name) this.#all.set(parsed.data.number, parsed.data);
      else this.#deps.store.putItems([{ kind: 'request', name, content: undefined }]);
    }
    for (const each of this.all()) if (each.stance === 'waiting' && isOpen(each)) this.end(each.number, 'cancelled', 'abandoned');
    this.#look();
  }

  /** Another server, or none: whoever waits is told. */
  forget(): void {
    for (const each of this.all()) {
      if (isOpen(each)) this.#set({ ...each, state: 'cancelled', endedMs: this.#deps.clock.now() });
      this.#remove(each.number);
    }
    clearTimeout(this.#timer);
  }

  /** Why there can be no more; undefined: there can. */
  limit(uid: number): string | undefined {
    const pending = this.all().filter(({ state }) => state === 'pending');
    const mine = pending.filter((each) => each.uid === uid);
    if (mine.length >= MOST_PENDING.perUser) {
      return `you have ${mine.length} requests waiting for approval, which is as many as one may have. Cancel one: belay request --cancel ${mine[0]?.number ?? 0}`;
    }
    const waitMs = this.#asking.waitMs(uid);
    if (waitMs > 0) return `you have asked for approval as often as one may (${this.#deps.asking().burst} times at once). Ask again in ${Math.ceil(waitMs / 1000)} seconds.`;
    return pending.length >= MOST_PENDING.all ? `${pending.length} requests of this device wait for approval, which is as many as it may have. Try again later.` : undefined;
  }

  /** Its event is in the journal at `seq`. */
  file({ withinMs, ...filing }: Filing, seq: number): AskedFor {
    const { clock } = this.#deps;
    const filedMs = clock.now();
    const asked: AskedFor = {
      ...filing, state: 'pending', version: 0, approvers: '', have: 0, by: [], message: '', grant: '', seq, filedMs, expiresMs: filedMs + withinMs, endedMs: 0, bootId: clock.bootId, deadlineMs: clock.boot() + withinMs,
    };
    this.#asking.take(asked.uid);
    this.#set(asked);
    this.#deps.announce();
    this.#look();
    return asked;
  }

  leftMs(asked: AskedFor): number {
    return Math.max(0, this.#remaining(asked));
  }

  #remaining({ bootId, deadlineMs, expiresMs }: AskedFor): number {
    const { clock } = this.#deps;
    return bootId === clock.bootId ? deadlineMs - clock.boot() : expiresMs - clock.now();
  }

  /** It is no longer wanted, or its time is up. Recorded; the server hears of it at once. */
  end(number: number, state: 'cancelled' | 'expired', why: 'by-requester' | 'abandoned' | 'expired'): void {
    const found = this.#all.get(number);
    if (found === undefined || !isOpen(found)) return;
    this.#set({ ...found, state, endedMs: this.#deps.clock.now() });
    this.#deps.record({ type: 'request.cancelled', fields: { request: number, uid: found.uid, user: found.user === '' ? undefined : found.user, why } });
    this.#deps.announce();
  }

  /** What was approved runs: nothing more comes of it. */
  settle(number: number): void {
    const found = this.#all.get(number);
    if (found === undefined || !isOpen(found)) return;
    this.#set({ ...found, state: 'approved', endedMs: this.#deps.clock.now() });
  }

  /** Errors: those of envelopes, BELAY_E_WRONG_DEVICE. An older answer than is known changes nothing. */
  answer(envelope: Uint8Array, trust: Trust | undefined, device: string | undefined): Result<void, Failure> {
    if (trust === undefined) return err(failure('BELAY_E_NOT_ENROLLED'));
    const opened = openEnvelope(envelope, 'answer', trust, ed25519Verify, this.#deps.clock.now());
    const error = !opened.ok ? opened.error : opened.value.device === device ? undefined : failure('BELAY_E_WRONG_DEVICE');
    if (!opened.ok || error !== undefined) {
      this.#deps.refused((error as Failure).code);
      return err(error as Failure);
    }
    this.#take(opened.value);
    return ok(undefined);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  #take(answer: Answer): void {
    const { request, version, state, approvers, have, need, by, message } = answer;
    const found = this.#all.get(request);
    const name = `${request}.${version}`;
    if (found === undefined ? this.#acknowledged.has(name) : version <= found.version) return;
    if (state !== 'pending') this.#acknowledge(answer, found);
    if (found === undefined) return;
    const isOver = !isOpen(found);
    const told = { version, approvers, have, need, by, message, grant: answer.grant ?? '' };
    // What is over here stays so, whatever the server says of it. Who said yes may be told after the command has started.
    if (isOver) return this.#set(state === found.state ? { ...found, ...told } : { ...found, version });
    const isEnd = state !== 'pending' && !(state === 'approved' && found.stance === 'waiting');
    this.#set({ ...found, ...told, state, endedMs: isEnd ? this.#deps.clock.now() : 0 });
    this.#look();
  }

  #acknowledge({ request, version, state }: Answer, found: AskedFor | undefined): void {
    const user = found === undefined || found.user === '' ? undefined : found.user;
    this.#deps.record({ type: 'request.answered', fields: { request, uid: found?.uid ?? -1, user, state, version } });
    if (found !== undefined) return;
    if (this.#acknowledged.size >= MOST_ACKNOWLEDGED) this.#acknowledged.clear();
    this.#acknowledged.add(`${request}.${version}`);
  }

  #set(next: AskedFor): void {
    this.#all.set(next.number, next);
    this.#write(next.number, encodeCanonical(next as unknown as CborValue));
    for (const listener of this.#listeners) listener(next);
  }

  /** What cannot be written is known to this process alone: a restart then forgets it, and the server's answer finds nobody. */
  #write(number: number, content: Uint8Array | undefined): void {
    try {
      this.#deps.store.putItems([{ kind: 'request', name: `${number}`, content }]);
    } catch {
      // As said.
    }
  }

  #look(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const nowMs = this.#deps.clock.now();
    for (const each of this.all()) if (isOpen(each) && this.#untilEnd(each) <= 0) this.end(each.number, 'expired', 'expired');
    const ended = this.all().filter((each) => !isOpen(each));
    for (const each of ended.slice(0, Math.max(0, ended.length - MOST_ENDED))) this.#remove(each.number);
    for (const each of ended) if (nowMs - each.endedMs > SHOWN_MS || nowMs < each.endedMs - SHOWN_MS) this.#remove(each.number);
    if (this.#all.size === 0) return;
    const next = Math.min(SHOWN_MS / 60, ...this.all().filter(isOpen).map((each) => this.#untilEnd(each)));
    this.#timer = setTimeout(() => this.#look(), Math.max(1, next + 1));
    this.#timer.unref();
  }

  #untilEnd(each: AskedFor): number {
    return this.#remaining(each) + (each.state === 'approved' ? GRACE_MS : 0);
  }

  #remove(number: number): void {
    this.#all.delete(number);
    this.#write(number, undefined);
  }
}

/** Not yet answered; or approved, and somebody still waits for the grant. */
export function isOpen({ state, endedMs }: AskedFor): boolean {
  return state === 'pending' || (state === 'approved' && endedMs === 0);
}
