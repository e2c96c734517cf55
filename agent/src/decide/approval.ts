import { type GrantUse, loginSessionDigest } from '@belay/core/grants';
import { sha256 } from '@belay/core/node-crypto';
import type { ApprovalDemand } from '@belay/core/policy';
import { type ElevationRequest, requestDigest } from '@belay/core/request';
import type { LiveSession } from '../launch/live-sessions.ts';
import type { Peer } from '../platform/platform.ts';
import { type FilingDeps, fileForApproval, type ToFile } from './filing.ts';
import { approvedText, Wait, type WaitEvents } from './waiting.ts';

export type ApprovalDeps = FilingDeps;
type Facts = Omit<ToFile['facts'], 'session' | 'stance' | 'forMs' | 'uses' | 'scope' | 'alsoOn' | 'pinned'>;

/** The approvals that one request needs: a grant that stands for them, or a wait for one. */
export class Approval {
  readonly #number: number;
  readonly #peer: Peer;
  readonly #deps: ApprovalDeps;
  readonly #pinned: string | undefined;
  readonly #use: GrantUse;
  #grant: string | undefined;
  #session: Omit<LiveSession, 'bootId'> | undefined;
  #wait: Wait | undefined;
  #isFiled = false;
  #hasStarted = false;

  /** `request`: as it will run. `pinned`: SHA-256 of the bytes, where a rule pins them. */
  constructor(number: number, asked: { readonly request: ElevationRequest; readonly pinned: string | undefined }, peer: Peer, deps: ApprovalDeps) {
    this.#number = number;
    this.#peer = peer;
    this.#deps = deps;
    this.#pinned = asked.pinned;
    // SECURITY(T-12): a waited-for yes is this login session's alone.
    const session = loginSessionDigest(peer.actor.realUid, peer.actor.loginSession, deps.platform.clock.bootId, sha256);
    this.#use = { request: asked.request, digest: requestDigest(asked.request, sha256, asked.pinned), session };
  }

  /** The grant that stands for them; undefined: none is used. */
  get grant(): string | undefined {
    return this.#grant;
  }

  /** What its approvers say. */
  get text(): string {
    const held = this.#grant === undefined ? undefined : this.#deps.approvals().grants.byId(this.#grant);
    return held === undefined ? '' : approvedText(held.grant);
  }

  get isFiled(): boolean {
    return this.#isFiled;
  }

  get leftMs(): number {
    return this.#wait?.leftMs ?? 0;
  }

  /** Whether a grant stands for these approvals now; then that one is used. */
  isGiven(demanded: readonly ApprovalDemand[]): boolean {
    this.#grant = this.#deps.approvals().grants.find(this.#use, demanded, this.#isFiled ? this.#number : undefined)?.grant.id;
    return this.#grant !== undefined;
  }

  /** Whether the one that was found still stands for what is demanded now. Where nothing is, none is used. */
  stillStands(demanded: readonly ApprovalDemand[]): boolean {
    if (demanded.length === 0) this.#grant = undefined;
    return demanded.length === 0 || (this.#grant !== undefined && this.#deps.approvals().grants.stands(this.#grant, this.#use, demanded, this.#isFiled ? this.#number : undefined));
  }

  /** Asks for them and waits. False: it cannot be recorded, so nobody is asked. */
  file(toFile: Omit<ToFile, 'facts'> & { readonly facts: Facts }, events: WaitEvents): boolean {
    const facts = { ...toFile.facts, session: this.#use.session, stance: 'waiting', forMs: 0, uses: 1, scope: undefined, alsoOn: [], pinned: this.#pinned } as const;
    if (fileForApproval({ ...toFile, facts }, this.#deps) === undefined) return false;
    this.#isFiled = true;
    this.#wait = new Wait(this.#number, this.#deps.approvals(), events);
    return true;
  }

  stopWaiting(): void {
    this.#wait?.close();
  }

  /** Counts the use, durably, before the intent is. False: the grant is over, or nobody is there to run it. */
  spend(becomes: boolean, user: string | undefined): boolean {
    const { grants, sessions } = this.#deps.approvals();
    const process = this.#deps.platform.processes.identify(this.#peer.actor.pid);
    if (this.#grant === undefined || process === undefined) return false;
    this.#session = { request: this.#number, uid: this.#peer.actor.realUid, user: user ?? '', grant: this.#grant, ...process, becomes };
    return grants.spend(this.#grant, [sessions.itemOf(this.#session)]);
  }

  /** There was no intent after all. */
  unspend(): void {
    const { grants, sessions } = this.#deps.approvals();
    if (this.#grant !== undefined) grants.giveBackUse(this.#grant, [sessions.noItem(this.#number)]);
  }

  started(): void {
    const { grants, sessions, requests } = this.#deps.approvals();
    this.#hasStarted = true;
    if (this.#session !== undefined) sessions.begin(this.#session);
    if (this.#isFiled) requests.settle(this.#number);
    if (this.#grant !== undefined) grants.settle(this.#grant);
  }

  /** The command has ended, as its front end says. */
  ended(): void {
    if (this.#session !== undefined) this.#deps.approvals().sessions.over(this.#number);
  }

  /** Nothing comes of it any more: what was asked for is cancelled, and a yes that was given for it is over. */
  close(): void {
    this.#wait?.close();
    if (!this.#isFiled || this.#hasStarted) return;
    this.#hasStarted = true;
    this.#deps.approvals().requests.end(this.#number, 'cancelled', 'abandoned');
    this.#deps.approvals().grants.endOfRequest(this.#number);
  }
}
