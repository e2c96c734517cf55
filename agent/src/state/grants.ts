import type { Failure } from '@belay/core/codes';
import { decodeCanonical, encodeCanonical, type EventDraft, type Grant, type Manifest, type Trust } from '@belay/core/evidence';
import { type BootTime, budgetState, type BudgetState, type GrantUse, mismatch, newBudget, proven, refund, spend } from '@belay/core/grants';
import type { ApprovalDemand } from '@belay/core/policy';
import type { Clock } from '../platform/platform.ts';
import { decodeHeld, encodeHeld, type Held, openGrant } from './kept-grant.ts';
import type { ServerTime } from './server-time.ts';
import type { Item, StateStore } from './state-store.ts';

export type GrantsDeps = {
  readonly store: Pick<StateStore, 'items' | 'putItems'>;
  readonly clock: Pick<Clock, 'now' | 'boot' | 'bootId'>;
  readonly serverTime: Pick<ServerTime, 'signed' | 'now'>;
  record(event: EventDraft): void;
  refused(code: Failure['code']): void;
  /** `ended`: nobody waits for it any more, or it was cancelled, so no grant for it is taken. */
  requestOf(number: number): { readonly command: string; readonly stance: 'waiting' | 'ahead' | 'ended' } | undefined;
};

export type EndOfGrant = 'used' | 'expired' | 'given-back' | 'revoked' | 'withdrawn';
/** What a manifest makes of the grants: written with it, in one go, and then in force. */
export type GrantChange = { readonly items: readonly Item[]; apply(): void };

const LOOK_EVERY_MS = 30_000;
/** `request` of a grant that was asked on another device. */
const ASKED_ELSEWHERE = 0;

/**
 * The grants of this device: those that its manifest lists and that are not over. What is left of each is kept on disk; what is over is
 * remembered for as long as it could be listed again.
 */
export class Grants {
  readonly #deps: GrantsDeps;
  readonly #held = new Map<string, Held>();
  /** Id → when it would have expired, by the server's clock. */
  readonly #over = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #isUnproven = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: GrantsDeps) {
    this.#deps = deps;
  }

  /** The server's signed time is wanted: something waits for it, or came without. */
  get wantsTime(): boolean {
    return this.#isUnproven || this.all().some((held) => this.stateOf(held) === 'suspended');
  }

  all(): readonly Held[] {
    return [...this.#held.values()];
  }

  byId(id: string): Held | undefined {
    return this.#held.get(id);
  }

  stateOf({ budget }: Held): BudgetState {
    return budgetState(budget, this.#now());
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** From disk. `manifest`: the newest; what it does not list is no longer held. */
  load(trust: Trust, device: string, manifest: Manifest | undefined): void {
    for (const { name, content } of this.#deps.store.items('over')) this.#over.set(name, expiryIn(content));
    for (const { name, content } of this.#deps.store.items('grant')) {
      const held = decodeHeld(content, trust, device);
      const isListed = held.ok && manifest?.grants.some((one) => Buffer.from(one).equals(held.value.envelope)) === true;
      if (held.ok && isListed && held.value.grant.id === name && !this.#over.has(name)) this.#held.set(name, held.value);
      else this.#deps.store.putItems([{ kind: 'grant', name, content: undefined }]);
      if (!held.ok) this.#deps.refused(held.error.code);
    }
    for (const envelope of manifest?.grants ?? []) this.#missLost(envelope, trust, device);
    for (const { grant } of this.all()) if (this.#isForNobody(grant)) this.end(grant.id, 'given-back');
    this.#look();
  }

  /** SECURITY(T-25): one that was taken, and whose uses nobody knows any more, is over: the manifest, said again, would bring them all back. */
  #missLost(envelope: Uint8Array, trust: Trust, device: string): void {
    const opened = openGrant(envelope, trust, device, this.#deps.clock.now());
    if (!opened.ok || this.#held.has(opened.value.id) || this.#over.has(opened.value.id)) return;
    this.#write(overItems(opened.value));
    this.#forgetOne(opened.value, 'withdrawn');
  }

  /** Keys were revoked: what they signed counts for nothing. */
  reverify(trust: Trust, device: string): void {
    for (const { grant, envelope, acceptedAt } of this.all()) {
      const opened = openGrant(envelope, trust, device, acceptedAt);
      if (opened.ok) continue;
      this.#deps.refused(opened.error.code);
      this.end(grant.id, 'withdrawn');
    }
  }

  /** Another server, or none. The store has been cleared. */
  forget(): void {
    this.#held.clear();
    this.#over.clear();
    this.#isUnproven = false;
    this.#look();
    this.#tell();
  }

  /** What the manifest makes of them. It has been accepted, and is newer than any before. */
  change(manifest: Manifest, trust: Trust): GrantChange {
    this.#deps.serverTime.signed(manifest.issuedAt);
    const known = new Map(this.all().map((held) => [keyOf(held.envelope), held]));
    const taken: Held[] = [];
    const stays = new Set<string>();
    const refusedAtOnce: (readonly [Grant, EndOfGrant])[] = [];
    for (const envelope of manifest.grants) {
      const same = known.get(keyOf(envelope));
      if (same !== undefined) stays.add(same.grant.id);
      else this.#consider(envelope, manifest, trust, { taken, refusedAtOnce, stays });
    }
    const revoked = new Set(manifest.revocations);
    const gone = this.all().filter(({ grant }) => !stays.has(grant.id)).map(({ grant }) => [grant, revoked.has(grant.id) ? 'revoked' : 'withdrawn'] as const);
    const ended = [...gone, ...refusedAtOnce];
    const forgotten = [...this.#over].filter(([id, expiresAt]) => expiresAt < manifest.issuedAt && !ended.some(([grant]) => grant.id === id)).map(([id]) => id);
    return {
      items: [...taken.map(itemOf), ...ended.flatMap(([grant]) => overItems(grant)), ...forgotten.map((name) => ({ kind: 'over', name, content: undefined }) as const)],
      apply: () => {
        for (const id of forgotten) this.#over.delete(id);
        for (const held of taken) this.#take(held);
        for (const [grant, why] of ended) this.#forgetOne(grant, why);
        if (taken.length + ended.length > 0) this.#tell();
        this.#look();
      },
    };
  }

  #consider(envelope: Uint8Array, manifest: Manifest, trust: Trust, into: { readonly taken: Held[]; readonly refusedAtOnce: (readonly [Grant, EndOfGrant])[]; readonly stays: Set<string> }): void {
    const nowMs = this.#deps.clock.now();
    // SECURITY(T-36): signed by a grant key of this server's, for this device; that it is listed does not make it one.
    const opened = openGrant(envelope, trust, manifest.device, nowMs);
    if (!opened.ok) return this.#deps.refused(opened.error.code);
    const grant = opened.value;
    // SECURITY(T-18): what was used up or given back is listed until the server has heard of it, and stays over.
    if (this.#over.has(grant.id)) return;
    const serverNowMs = Math.max(manifest.issuedAt, this.#deps.serverTime.now() ?? 0);
    const before = this.#held.get(grant.id);
    if (grant.expiresAt <= serverNowMs) return void into.refusedAtOnce.push([grant, 'expired']);
    if (this.#isForNobody(grant)) return void into.refusedAtOnce.push([grant, 'given-back']);
    const budget = newBudget(grant, serverNowMs, this.#now());
    const command = this.#requestOf(grant)?.command ?? before?.command ?? '';
    const usesLeft = budget.usesLeft === undefined ? undefined : Math.max(0, budget.usesLeft - usesMade(before));
    into.stays.add(grant.id);
    into.taken.push({ grant, envelope: new Uint8Array(envelope), acceptedAt: nowMs, budget: { ...budget, usesLeft }, command });
  }

  /** SECURITY(T-33): a yes that somebody waited for is for the command that waits, and over with it. */
  #isForNobody(grant: Grant): boolean {
    const stance = this.#requestOf(grant)?.stance;
    return stance === 'ended' || (grant.session !== undefined && stance !== 'waiting');
  }

  /** SECURITY(T-18): what was asked on another device has no request here: no number of this device's is taken for it. */
  #requestOf({ request }: Grant): ReturnType<GrantsDeps['requestOf']> {
    return request === ASKED_ELSEWHERE ? undefined : this.#deps.requestOf(request);
  }

  /** One that stands for these approvals of this request, and is live: of several the one that ends first. */
  find(use: GrantUse, demanded: readonly ApprovalDemand[], waitingFor: number | undefined): Held | undefined {
    const fitting = this.all().filter((held) => this.#fits(held, use, demanded, waitingFor));
    return fitting.reduce<Held | undefined>((first, held) => (first === undefined || held.budget.deadlineMs < first.budget.deadlineMs ? held : first), undefined);
  }

  /** Whether it still does. */
  stands(id: string, use: GrantUse, demanded: readonly ApprovalDemand[], waitingFor: number | undefined): boolean {
    const held = this.#held.get(id);
    return held !== undefined && this.#fits(held, use, demanded, waitingFor);
  }

  #fits(held: Held, use: GrantUse, demanded: readonly ApprovalDemand[], waitingFor: number | undefined): boolean {
    const isAnothers = held.grant.request !== waitingFor && this.#requestOf(held.grant)?.stance === 'waiting';
    return !isAnothers && this.stateOf(held) === 'live' && mismatch(held.grant, use, demanded) === undefined;
  }

  /** Counts a use, durably; false: there is none left, or it cannot be written. `more`: written with it. */
  spend(id: string, more: readonly Item[] = []): boolean {
    const held = this.#held.get(id);
    if (held === undefined || this.stateOf(held) !== 'live') return false;
    const spent = { ...held, budget: spend(held.budget) };
    // SECURITY(T-18): on disk before the command starts, so a crash costs a use and never brings one back.
    if (!this.#write([itemOf(spent), ...more])) return false;
    this.#held.set(id, spent);
    this.#tell();
    return true;
  }

  /** The command did not start after all. */
  giveBackUse(id: string, more: readonly Item[] = []): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    const whole = { ...held, budget: refund(held.budget, held.grant) };
    if (!this.#write([itemOf(whole), ...more])) return;
    this.#held.set(id, whole);
    this.#tell();
  }

  /** Its last use has been made: the grant is over. */
  settle(id: string): void {
    const held = this.#held.get(id);
    if (held !== undefined && this.stateOf(held) === 'used') this.end(id, 'used');
  }

  end(id: string, why: EndOfGrant): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    // Where the disk refuses, it is over in this process at least.
    this.#write(overItems(held.grant));
    this.#forgetOne(held.grant, why);
    this.#tell();
    this.#look();
  }

  /** The one that was given for this request. */
  endOfRequest(request: number): void {
    if (request === ASKED_ELSEWHERE) return;
    for (const { grant } of this.all()) if (grant.request === request) this.end(grant.id, 'given-back');
  }

  /** `serverNowMs`: the latest that it can be at the server now, proven. */
  prove(serverNowMs: number): void {
    const counted = this.all().map((held) => ({ ...held, budget: proven(held.budget, held.grant, serverNowMs, this.#now()) }));
    this.#isUnproven = false;
    if (counted.length === 0 || !this.#write(counted.map(itemOf))) return;
    for (const held of counted) this.#held.set(held.grant.id, held);
    this.#look();
    this.#tell();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  #now(): BootTime {
    return { bootId: this.#deps.clock.bootId, bootMs: this.#deps.clock.boot() };
  }

  #write(items: readonly Item[]): boolean {
    try {
      this.#deps.store.putItems(items);
      return true;
    } catch {
      return false;
    }
  }

  #take(held: Held): void {
    const { id, request, uid, user } = held.grant;
    const isNew = !this.#held.has(id);
    this.#held.set(id, held);
    this.#isUnproven = true;
    if (isNew) this.#deps.record({ type: 'grant.received', fields: { grant: id, request, uid, user } });
  }

  #forgetOne({ id, uid, user, expiresAt }: Grant, why: EndOfGrant): void {
    this.#held.delete(id);
    this.#over.set(id, expiresAt);
    this.#deps.record({ type: 'grant.ended', fields: { grant: id, uid, user, why } });
  }

  /** Ends what has expired, and looks again when the next does. */
  #look(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const held of this.all()) if (this.stateOf(held) === 'expired') return this.end(held.grant.id, 'expired');
    const next = Math.min(...this.all().filter((held) => this.stateOf(held) === 'live').map(({ budget }) => budget.deadlineMs - this.#deps.clock.boot()));
    if (next === Number.POSITIVE_INFINITY) return;
    // Timers stand still while the machine sleeps.
    this.#timer = setTimeout(() => this.#look(), Math.min(LOOK_EVERY_MS, next + 1));
    this.#timer.unref();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function keyOf(envelope: Uint8Array): string {
  return Buffer.from(envelope).toString('latin1');
}

function usesMade(before: Held | undefined): number {
  return before?.grant.uses === undefined ? 0 : before.grant.uses - (before.budget.usesLeft ?? 0);
}

function itemOf(held: Held): Item {
  return { kind: 'grant', name: held.grant.id, content: encodeHeld(held) };
}

function overItems({ id, expiresAt }: Grant): readonly Item[] {
  return [{ kind: 'grant', name: id, content: undefined }, { kind: 'over', name: id, content: encodeCanonical({ expiresAt }) }];
}

function expiryIn(content: Uint8Array): number {
  const decoded = decodeCanonical(content);
  const { expiresAt } = (decoded.ok ? decoded.value : {}) as { readonly expiresAt?: unknown };
  return typeof expiresAt === 'number' ? expiresAt : Number.MAX_SAFE_INTEGER;
}
