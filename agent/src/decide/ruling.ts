import type { ByteString } from '@belay/core/bytes';
import { decide, type Decision } from '@belay/core/policy';
import type { Peer, Platform, SealedCopy } from '../platform/platform.ts';
import type { PolicyInForce } from '../state/device-state.ts';
import { type CircumstanceDeps, circumstancesOf, type SeenCircumstances } from './circumstances.ts';
import type { Asked } from './decided.ts';
import { decisionContext, type FactsDeps } from './facts.ts';
import type { Gathered } from './gather.ts';
import { type Consistent, decideConsistently, patternsOf } from './kept-variables.ts';

export type RulingDeps = FactsDeps & CircumstanceDeps & { readonly platform: Platform; policy(): PolicyInForce | undefined };

const SEAL_LIMIT = 256 * 1024 * 1024;
const NO_POLICY: Decision = { kind: 'deny', reason: { kind: 'no-policy' } };
const NO_RULE: Decision = { kind: 'deny', reason: { kind: 'no-rule' } };

/** What policy says of one gathered request, now and once more at the end; and the bytes that it may run, where a rule pins them. */
export class Ruling {
  readonly #deps: RulingDeps;
  readonly #peer: Peer;
  readonly #gathered: Gathered;
  #sealed: SealedCopy | undefined;
  #hashed: string | undefined;
  #sealing = false;
  #fileOpen = true;
  #closed = false;
  #circumstances: SeenCircumstances | undefined;
  #asked: Asked | undefined;

  constructor(gathered: Gathered, peer: Peer, deps: RulingDeps) {
    this.#gathered = gathered;
    this.#peer = peer;
    this.#deps = deps;
  }

  get sealed(): SealedCopy | undefined {
    return this.#sealed;
  }

  /** Of the bytes that run, as far as it was wanted. Not sealed: of a file that only root can write, as it was when it was gathered. */
  get sha256(): string | undefined {
    return this.#sealed?.sha256 ?? this.#hashed;
  }

  /**
   * What was last asked of the engine, and all that it saw, to be looked at later: it reads nothing and holds nothing open. `whole`: with
   * the facts that no rule asked for, which are read now. Undefined: nothing was asked, or there was no policy.
   */
  asked(whole: boolean): Asked | undefined {
    const [asked, around, sha256] = [this.#asked, this.#circumstances, this.sha256];
    if (asked === undefined || around === undefined) return undefined;
    if (whole) void [around.ownerOfExecutable(), around.lineage(), around.origin(), around.posture()];
    return { ...asked, context: { ...asked.context, executableSha256: () => sha256, circumstances: around.seen() } };
  }

  /** Undefined: a rule that may hold pins the bytes, so they must be hashed first. */
  now(): Consistent | undefined {
    let wanted = false;
    const ruled = this.#rule(() => {
      this.#hashed ??= this.#pinsByDescriptor ? this.#deps.platform.hashes.known(this.#file) : undefined;
      wanted ||= this.sha256 === undefined;
      return this.sha256;
    });
    return wanted ? undefined : ruled;
  }

  /** The bytes are hashed, sealed in memory where others could change them; then the engine is asked again. */
  async hashed(signal: AbortSignal): Promise<Consistent> {
    const unread: Consistent = { decision: NO_RULE, env: this.#gathered.variables.usual };
    if (this.#pinsByDescriptor) this.#hashed = await this.#deps.platform.hashes.of(this.#file, signal);
    if (this.#closed || signal.aborted) return unread;
    if (this.#hashed === undefined) await this.#seal(signal);
    return this.#closed || signal.aborted ? unread : this.#rule(() => this.sha256);
  }

  /** By all that is known at this moment. */
  again(): Consistent {
    this.#circumstances = undefined;
    // SECURITY(T-18): where the rule's path leads now, not where it led when the file was opened.
    return this.#rule(() => this.sha256, { walkAgain: true });
  }

  /** Closes every descriptor; one that is being read, once it has been. */
  close(): void {
    this.#closed = true;
    if (this.#sealing) return;
    if (this.#sealed !== undefined) this.#deps.platform.closeDescriptor(this.#sealed.fd);
    this.#sealed = undefined;
    this.closeFile();
  }

  /** Once it runs only the sealed copy is still needed. */
  closeFile(): void {
    if (!this.#fileOpen || this.#sealing) return;
    this.#fileOpen = false;
    this.#deps.platform.closeDescriptor(this.#gathered.fd);
  }

  get #file() {
    return { fd: this.#gathered.fd, rootOnly: this.#gathered.inspected.executable.rootOnly };
  }

  /** SECURITY(T-15): an interpreter reads a script while it runs, so a pinned one runs from a sealed copy, whosever it is. */
  get #pinsByDescriptor(): boolean {
    const { rootOnly, script } = this.#gathered.inspected.executable;
    return rootOnly && !script;
  }

  async #seal(signal: AbortSignal): Promise<void> {
    // The descriptor must not be closed, and its number given to another file, while it is being read.
    this.#sealing = true;
    const sealed = await this.#deps.platform.seal(this.#gathered.fd, SEAL_LIMIT, signal);
    this.#sealing = false;
    if (sealed.ok) this.#sealed = sealed.value;
    if (this.#closed) this.close();
  }

  #rule(sha256: () => string | undefined, { walkAgain = false } = {}): Consistent {
    const policy = this.#deps.policy();
    const { request, variables } = this.#gathered;
    if (policy === undefined) return { decision: NO_POLICY, env: variables.usual };
    this.#circumstances ??= circumstancesOf(this.#peer, this.#gathered, this.#deps);
    const context = decisionContext(policy, this.#deps, { executable: walkAgain ? undefined : request.executable, circumstances: this.#circumstances, sha256 });
    const ruled = decideConsistently(variables, patternsOf(policy.set), (env: readonly ByteString[]) => decide(policy.set, { ...request, env }, context));
    this.#asked = { request: { ...request, env: ruled.env }, context };
    return ruled;
  }
}
