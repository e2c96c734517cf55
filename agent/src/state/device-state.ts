import { type Failure, failure } from '@belay/core/codes';
import { acceptManifest, decodeCanonical, encodeCanonical, type Manifest, openEnvelope, type Trust } from '@belay/core/evidence';
import { ed25519Verify, sha256 } from '@belay/core/node-crypto';
import { decodeBundle, loadPolicySet, type PolicySet } from '@belay/core/policy';
import { err, ok, type Result } from '@belay/core/result';
import type { GrantChange } from './grants.ts';
import { differsInGrantsAlone } from './manifest-difference.ts';
import type { StateStore } from './state-store.ts';
import { decodeEnrolment, encodeEnrolment, type Enrolment, openRoleKeys, rootTrust } from './trust.ts';

/** What decides now. Replaced as a whole, never changed. */
export type PolicyInForce = {
  readonly manifest: Manifest;
  readonly set: PolicySet;
  /** As if policies in monitor mode were enforced as well; undefined: there is none. */
  readonly monitored: PolicySet | undefined;
};

export type StateEvents = {
  /** A manifest came into force, and more than its grants is new. */
  applied(manifest: Manifest): void;
  /** These grants are taken back, whatever runs under them. */
  revoked(ids: readonly string[]): void;
  /** Something signed, or on disk, was refused; what was in force stays. */
  refused(what: 'manifest' | 'bundle' | 'role-keys' | 'order' | 'grant' | 'answer' | 'time', code: Failure['code']): void;
  /** Called before a set decides anything. */
  inForce(set: PolicySet): void;
  /** Whatever the uplink is told has changed. */
  changed(): void;
};

/** Those whom a manifest gives something: see `Grants`. */
export type GrantsHeld = {
  load(trust: Trust, device: string, manifest: Manifest | undefined): void;
  change(manifest: Manifest, trust: Trust): GrantChange;
  reverify(trust: Trust, device: string): void;
  forget(): void;
};

export type ManifestAnswer = { readonly inForce: boolean; readonly wanted: readonly Uint8Array[] };
type Signed = { readonly envelope: Uint8Array; readonly acceptedAt: number; readonly manifest: Manifest };

export class DeviceState {
  readonly #store: StateStore;
  readonly #events: StateEvents;
  readonly #grants: GrantsHeld;
  readonly #now: () => number;
  #enrolment: Enrolment | undefined;
  #trust: Trust | undefined;
  #roleKeys = { version: 0, epoch: 0 };
  #mark = { epoch: 0, number: 0 };
  #inForce: PolicyInForce | undefined;
  #pending: Signed | undefined;
  #acceptedAt: number | undefined;
  readonly #problems = new Map<string, string>();

  constructor(store: StateStore, events: StateEvents, grants: GrantsHeld, now: () => number) {
    this.#store = store;
    this.#events = events;
    this.#grants = grants;
    this.#now = now;
  }

  get enrolment(): Enrolment | undefined {
    return this.#enrolment;
  }

  get trust(): Trust | undefined {
    return this.#trust;
  }

  get policy(): PolicyInForce | undefined {
    return this.#inForce;
  }

  /** When the newest manifest came, Unix time, ms; undefined: there is none. */
  get manifestAcceptedAt(): number | undefined {
    return this.#acceptedAt;
  }

  get roleKeysVersion(): number {
    return this.#roleKeys.version;
  }

  get problems(): readonly string[] {
    return [...this.#problems.values()];
  }

  setProblem(name: string, text: string | undefined): void {
    if (this.#problems.get(name) === text) return;
    if (text === undefined) this.#problems.delete(name);
    else this.#problems.set(name, text);
    this.#events.changed();
  }

  /** Digests still to be fetched before the pending manifest can come into force. */
  get wanted(): readonly Uint8Array[] {
    return this.#pending === undefined ? [] : this.#missing(this.#pending.manifest);
  }

  /** Whose chain the journal must be, as the enrolment on disk says; undefined: not enrolled. */
  identityOnDisk(): { readonly server: Uint8Array; readonly device: string } | undefined {
    const enrolment = map(this.#store.get('enrolment'), decodeEnrolment);
    return enrolment === undefined ? undefined : { server: sha256(enrolment.rootKey), device: enrolment.device };
  }

  /** The chain of this enrolment cannot be continued: whatever was signed for it is void. */
  abandon(): void {
    this.#store.clear();
    this.#grants.forget();
    this.setProblem('evidence', 'The evidence key of this device is gone: enrol it again.');
  }

  // SECURITY(T-25): everything on disk is verified again, as if it had just come from the network.
  load(): void {
    const enrolment = map(this.#store.get('enrolment'), decodeEnrolment);
    const trust = enrolment === undefined ? undefined : rootTrust(enrolment.rootKey, undefined);
    if (enrolment === undefined || trust?.ok !== true) {
      if (this.#store.get('enrolment') !== undefined) this.setProblem('enrolment', 'The enrolment on disk is damaged: enrol this device again.');
      return;
    }
    this.#enrolment = enrolment;
    this.#trust = trust.value;
    this.#loadRoleKeys();
    this.#loadMark();
    const stored = this.#loadSigned('manifest');
    if (stored !== undefined && !this.#activate(stored)) this.#pending = stored;
    const pending = this.#loadSigned('pending');
    if (pending !== undefined && !this.#activate(pending)) this.#pending = pending;
    const newest = pending ?? stored;
    this.#grants.load(this.#trust, enrolment.device, newest?.manifest);
    this.#events.revoked(newest?.manifest.revocations ?? []);
  }

  /** Takes the device's place with this server; what an earlier server said is forgotten. Durable when it returns. */
  enrol(enrolment: Enrolment, trust: Trust, roleKeys: Uint8Array): Result<void, Failure> {
    const list = openRoleKeys(roleKeys, trust, 0, this.#now());
    if (!list.ok) return list;
    this.#store.clear();
    this.#store.put({ enrolment: encodeEnrolment(enrolment), 'role-keys': roleKeys });
    this.#forget();
    this.#enrolment = enrolment;
    this.#trust = { ...trust, keys: list.value.keys };
    this.#roleKeys = list.value;
    this.#events.changed();
    return ok(undefined);
  }

  unenrol(): void {
    this.#store.clear();
    this.#forget();
    this.#events.changed();
  }

  deliverRoleKeys(envelope: Uint8Array): Result<void, Failure> {
    if (this.#trust === undefined) return err(failure('BELAY_E_NOT_ENROLLED'));
    const list = openRoleKeys(envelope, this.#trust, this.#roleKeys.version, this.#now());
    if (!list.ok) return this.#refuse('role-keys', list.error);
    this.#store.put({ 'role-keys': envelope });
    this.#roleKeys = list.value;
    this.#trust = { ...this.#trust, keys: list.value.keys };
    this.#reconsider();
    if (this.#enrolment !== undefined) this.#grants.reverify(this.#trust, this.#enrolment.device);
    this.#events.changed();
    return ok(undefined);
  }

  deliverManifest(envelope: Uint8Array): Result<ManifestAnswer, Failure> {
    if (this.#trust === undefined || this.#enrolment === undefined) return err(failure('BELAY_E_NOT_ENROLLED'));
    const nowMs = this.#now();
    const opened = openEnvelope(envelope, 'manifest', this.#trust, ed25519Verify, nowMs);
    if (!opened.ok) return this.#refuse('manifest', opened.error);
    const accepted = acceptManifest(opened.value, this.#mark, { id: this.#enrolment.device, nowMs, minimumEpoch: this.#roleKeys.epoch });
    if (!accepted.ok) return this.#refuse('manifest', accepted.error);
    const signed = { envelope, acceptedAt: nowMs, manifest: accepted.value };
    this.#mark = { epoch: signed.manifest.epoch, number: signed.manifest.number };
    // Grants come and go with it at once, whether its policy is here whole or not: what is taken back must not wait for a bundle.
    const grants = this.#grants.change(signed.manifest, this.#trust);
    this.#store.put({ pending: encodeSigned(signed), mark: encodeCanonical(this.#mark) }, grants.items);
    this.#pending = signed;
    this.#acceptedAt = nowMs;
    const inForce = this.#renew(signed) || this.#activate(signed);
    grants.apply();
    this.#events.revoked(signed.manifest.revocations);
    this.#events.changed();
    return ok({ inForce, wanted: this.wanted });
  }

  deliverBundle(digest: Uint8Array, content: Uint8Array): Result<void, Failure> {
    const pending = this.#pending;
    if (pending === undefined || !this.#missing(pending.manifest).some((one) => Buffer.from(one).equals(digest))) return ok(undefined);
    // SECURITY(T-36): the digest is under the manifest's signature; the bytes may come from anybody.
    if (!Buffer.from(sha256(content)).equals(digest)) return this.#refuse('bundle', failure('BELAY_E_SIGNATURE'));
    const decoded = decodeBundle(content);
    if (!decoded.ok) return this.#refuse('bundle', decoded.error);
    this.#store.putBundle(digest, content);
    this.#activate(pending);
    this.#events.changed();
    return ok(undefined);
  }

  #loadRoleKeys(): void {
    const envelope = this.#store.get('role-keys');
    const list = envelope === undefined || this.#trust === undefined ? undefined : openRoleKeys(envelope, this.#trust, 0, this.#now());
    if (list?.ok !== true) {
      this.#events.refused('role-keys', list?.error.code ?? 'BELAY_E_MALFORMED');
      this.setProblem('role-keys', 'The role keys on disk do not verify; they are fetched again.');
      return;
    }
    this.#roleKeys = list.value;
    this.#trust = { ...(this.#trust as Trust), keys: list.value.keys };
  }

  #loadMark(): void {
    const stored = this.#store.get('mark');
    const decoded = stored === undefined ? undefined : decodeCanonical(stored);
    if (decoded?.ok !== true) return;
    const { epoch, number } = decoded.value as { epoch?: unknown; number?: unknown };
    if (typeof epoch === 'number' && typeof number === 'number') this.#mark = { epoch, number };
  }

  #loadSigned(key: 'manifest' | 'pending'): Signed | undefined {
    const stored = this.#store.get(key);
    if (stored === undefined) return undefined;
    const signed = this.#verifySigned(stored);
    if (signed.ok) {
      this.#acceptedAt = Math.max(this.#acceptedAt ?? 0, signed.value.acceptedAt);
      return signed.value;
    }
    this.#events.refused('manifest', signed.error.code);
    this.setProblem('manifest', 'The policy on disk does not verify and is not used; it is fetched again.');
    return undefined;
  }

  #verifySigned(stored: Uint8Array): Result<Signed, Failure> {
    const decoded = decodeCanonical(stored);
    const { envelope, acceptedAt } = (decoded.ok ? decoded.value : {}) as { envelope?: unknown; acceptedAt?: unknown };
    if (!ArrayBuffer.isView(envelope) || typeof acceptedAt !== 'number' || this.#trust === undefined) return err(failure('BELAY_E_MALFORMED'));
    // The key must have lived when the manifest came; it may have been retired since. A revoked one counts for nothing.
    const opened = openEnvelope(envelope as Uint8Array, 'manifest', this.#trust, ed25519Verify, acceptedAt);
    if (!opened.ok) return opened;
    if (opened.value.device !== this.#enrolment?.device) return err(failure('BELAY_E_WRONG_DEVICE'));
    return ok({ envelope: envelope as Uint8Array, acceptedAt, manifest: opened.value });
  }

  /** The signer of what is in force may have been revoked by newer role keys. */
  #reconsider(): void {
    if (this.#roleKeys.version > 0) this.setProblem('role-keys', undefined);
    const stored = this.#store.get('manifest');
    if (this.#inForce === undefined || stored === undefined) return;
    const signed = this.#verifySigned(stored);
    if (signed.ok && signed.value.manifest.epoch >= this.#roleKeys.epoch) return;
    this.#inForce = undefined;
    this.#events.refused('manifest', signed.ok ? 'BELAY_E_STALE' : signed.error.code);
  }

  #missing(manifest: Manifest): readonly Uint8Array[] {
    return manifest.bundles.filter((digest) => this.#bundle(digest) === undefined);
  }

  #bundle(digest: Uint8Array): Uint8Array | undefined {
    const content = this.#store.bundle(digest);
    return content !== undefined && Buffer.from(sha256(content)).equals(digest) ? content : undefined;
  }

  /** A manifest that differs in its grants alone: the policy in force stays as it is, loaded. False: it is another. */
  #renew(signed: Signed): boolean {
    const held = this.#inForce;
    if (held === undefined || !differsInGrantsAlone(held.manifest, signed.manifest)) return false;
    this.#store.put({ manifest: encodeSigned(signed), pending: undefined });
    this.#pending = undefined;
    this.#inForce = { ...held, manifest: signed.manifest };
    this.setProblem('manifest', undefined);
    return true;
  }

  /** Brings a manifest into force if all of its bundles are here; false: not yet, and what was in force stays. */
  #activate(signed: Signed): boolean {
    const policies = [];
    for (const digest of signed.manifest.bundles) {
      const content = this.#bundle(digest);
      const policy = content === undefined ? undefined : decodeBundle(content);
      if (policy === undefined) return false;
      if (!policy.ok) {
        this.#events.refused('bundle', policy.error.code);
        return false;
      }
      policies.push(policy.value);
    }
    const set = loadPolicySet(policies);
    this.#store.put({ manifest: encodeSigned(signed), pending: undefined });
    this.#store.keepBundles(signed.manifest.bundles);
    this.#pending = undefined;
    const monitored = policies.some(({ mode }) => mode === 'monitor') ? loadPolicySet(policies, 'monitor') : undefined;
    this.#events.inForce(monitored ?? set);
    this.#inForce = { manifest: signed.manifest, set, monitored };
    this.setProblem('manifest', undefined);
    this.#events.applied(signed.manifest);
    return true;
  }

  #refuse(what: 'manifest' | 'bundle' | 'role-keys', error: Failure): Result<never, Failure> {
    this.#events.refused(what, error.code);
    return err(error);
  }

  #forget(): void {
    this.#enrolment = undefined;
    this.#trust = undefined;
    this.#inForce = undefined;
    this.#pending = undefined;
    this.#acceptedAt = undefined;
    this.#roleKeys = { version: 0, epoch: 0 };
    this.#mark = { epoch: 0, number: 0 };
    this.#problems.clear();
    this.#grants.forget();
  }
}

function encodeSigned(signed: Signed): Uint8Array {
  return encodeCanonical({ envelope: signed.envelope, acceptedAt: signed.acceptedAt });
}

function map<T, U>(value: T | undefined, convert: (value: T) => U): U | undefined {
  return value === undefined ? undefined : convert(value);
}
