import { errorCodeOf, type Failure, failure } from '@belay/core/codes';
import { deviceIdOf, enrolmentStatement, type EnrollmentToken, openEnvelope, parseToken, type Trust } from '@belay/core/evidence';
import { type Ed25519Key, ed25519Verify, sha256 } from '@belay/core/node-crypto';
import { err, ok, type Result } from '@belay/core/result';
import type { EvidenceKeys } from '../journal/evidence-keys.ts';
import type { Journal } from '../journal/journal.ts';
import type { DeviceState } from './device-state.ts';
import { openRoleKeys, rootTrust } from './trust.ts';

/** What the uplink is asked to do with a token. */
export type EnrolTask = { readonly address: string; readonly secret: string; readonly serverId: Uint8Array; readonly evidenceKey: Uint8Array; readonly device: string };
/** What the uplink brought back. Believed only as far as it is signed. */
export type EnrolResult = {
  readonly ok: boolean;
  /** Of the failures; anything else is a fault. */
  readonly code: string;
  readonly error: string;
  readonly rootKey: Uint8Array;
  readonly roleKeys: Uint8Array;
  readonly admission: Uint8Array;
  readonly serverAddress: string;
  readonly deviceName: string;
};

export type EnrolmentDeps = {
  readonly state: DeviceState;
  readonly journal: Journal;
  readonly keys: EvidenceKeys;
  now(): number;
  /** False: no uplink is there to do it. */
  announce(task: EnrolTask): boolean;
};

export interface Enrolments {
  /** Root typed a token in. Resolves when it is done or has failed; at most one at a time. */
  begin(token: string, replace: boolean): Promise<Result<{ readonly device: string; readonly name: string }, Failure>>;
  /** The evidence key's signature under a certificate request. */
  sign(csrDigest: Uint8Array): Result<Uint8Array, Failure>;
  finish(result: EnrolResult): Result<void, Failure>;
  /** The task under way, for an uplink that has just come. */
  current(): EnrolTask | undefined;
  leave(): void;
}

type Attempt = { readonly token: EnrollmentToken; readonly key: Ed25519Key; readonly task: EnrolTask; readonly settle: (result: Result<{ device: string; name: string }, Failure>) => void; readonly timer: NodeJS.Timeout };

const ATTEMPT_MS = 60_000;

export function createEnrolments(deps: EnrolmentDeps): Enrolments {
  let attempt: Attempt | undefined;

  function settle(result: Result<{ device: string; name: string }, Failure>): void {
    if (attempt === undefined) return;
    clearTimeout(attempt.timer);
    const { settle: tell, key } = attempt;
    attempt = undefined;
    if (!result.ok) deps.keys.erase(key.publicKey);
    tell(result);
  }

  function begin(typed: string, replace: boolean): Promise<Result<{ device: string; name: string }, Failure>> {
    const token = parseToken(typed, sha256);
    if (!token.ok) return Promise.resolve(token);
    if (deps.state.enrolment !== undefined && !replace) return Promise.resolve(err(failure('BELAY_E_ALREADY_ENROLLED', 'This device is already enrolled: "belay enroll --replace TOKEN" leaves the server it is enrolled with.')));
    if (attempt !== undefined) return Promise.resolve(err(failure('BELAY_E_BUSY', 'An enrolment is under way already.')));
    const key = deps.keys.make();
    const task: EnrolTask = { address: token.value.address, secret: token.value.secret, serverId: token.value.serverId, evidenceKey: key.publicKey, device: deviceIdOf(key.publicKey, sha256) };
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(err(failure('BELAY_E_TIMEOUT', 'The server did not enrol this device within a minute.'))), ATTEMPT_MS);
      attempt = { token: token.value, key, task, settle: resolve, timer };
      if (!deps.announce(task)) settle(err(failure('BELAY_E_SERVER_UNREACHABLE', 'belay-uplink is not running: start it with "systemctl start belay-uplink".')));
    });
  }

  function finish(result: EnrolResult): Result<void, Failure> {
    if (attempt === undefined) return err(failure('BELAY_E_CONFLICT', 'No enrolment is under way.'));
    if (!result.ok) {
      settle(err(failure(errorCodeOf(result.code) ?? 'BELAY_E_INTERNAL', result.error)));
      return ok(undefined);
    }
    const { token, key, task } = attempt;
    const trust = admitted(result, attempt, deps.now());
    if (!trust.ok) {
      settle(trust);
      return trust;
    }
    // The chain first: a crash in between leaves a device that is not enrolled, never one that cannot sign.
    deps.journal.begin({ server: token.serverId, device: task.device }, key);
    const enrolment = { rootKey: result.rootKey, device: task.device, deviceName: result.deviceName, serverAddress: result.serverAddress, enrollmentAddress: token.address };
    const taken = deps.state.enrol(enrolment, trust.value, result.roleKeys);
    if (taken.ok) deps.journal.commit({ type: 'agent.enrolled', fields: { address: token.address } });
    settle(taken.ok ? ok({ device: task.device, name: result.deviceName }) : taken);
    return taken;
  }

  return {
    begin,
    finish,
    sign(csrDigest) {
      if (attempt === undefined || csrDigest.length !== 32) return err(failure('BELAY_E_CONFLICT', 'No enrolment is under way.'));
      return ok(attempt.key.sign(enrolmentStatement(attempt.token.serverId, attempt.task.device, csrDigest)));
    },
    current: () => attempt?.task,
    leave() {
      deps.state.unenrol();
      const key = deps.keys.make();
      deps.journal.begin(localIdentity(key), key);
    },
  };
}

/** A device without a server: it still keeps a chain. */
export function localIdentity(key: Ed25519Key): { readonly server: Uint8Array; readonly device: string } {
  return { server: new Uint8Array(32), device: deviceIdOf(key.publicKey, sha256) };
}

function admitted(result: EnrolResult, { token, task }: Attempt, nowMs: number): Result<Trust, Failure> {
  const root = rootTrust(result.rootKey, token.serverId);
  if (!root.ok) return root;
  const roleKeys = openRoleKeys(result.roleKeys, root.value, 0, nowMs);
  if (!roleKeys.ok) return roleKeys;
  const trust = { ...root.value, keys: roleKeys.value.keys };
  const admission = openEnvelope(result.admission, 'admission', trust, ed25519Verify, nowMs);
  if (!admission.ok) return admission;
  const ours = admission.value.device === task.device && Buffer.from(admission.value.evidenceKey).equals(task.evidenceKey);
  return ours ? ok(trust) : err(failure('BELAY_E_WRONG_DEVICE', 'The server admitted another device than this one.'));
}
