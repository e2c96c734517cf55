import { status } from '@grpc/grpc-js';
import type { EnrollTask } from '@belay/proto/local';
import { errorCodeOf, failure, type Failure } from '@belay/core/codes';
import { sha256 } from '@belay/core/node-crypto';
import { err, ok, type Result } from '@belay/core/result';
import { toHex } from '@belay/core/bytes';
import { renewalStatement } from '@belay/core/evidence';
import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Daemon } from './daemon.ts';
import { type Identity, type IdentityStore, pemOf } from './identity.ts';
import type { InventorySource } from './inventory.ts';
import { authorityOf, callTimeoutMs, enrollmentClient, explain, isServiceError, isUnanswered, unverifiedClient } from './server.ts';

export type EnrolDeps = { readonly daemon: Daemon; readonly identities: IdentityStore; readonly inventory: InventorySource };

/** So often in all, with this between two, when the server may have done it and its answer was lost: it answers the same device again. */
const TRIES = 3;
const PAUSE_MS = 1000;
/** All tries together end before belayd gives up, which is after a minute. */
const enrollTimeoutMs = 12_000;

/** Carries out belayd's task and tells it the result; belayd checks all of it once more against its own pin. */
export async function enrol(task: EnrollTask, deps: EnrolDeps): Promise<Result<Identity, Failure>> {
  const result = await attempt(task, deps).catch((error: unknown) => err(enrolmentFailure(error, task.enrollmentAddress)));
  if (!result.ok) await deps.daemon.ask({ case: 'enrollmentResult', value: { ok: false, code: result.error.code, error: result.error.message } }, 'done');
  return result;
}

async function attempt(task: EnrollTask, deps: EnrolDeps): Promise<Result<Identity, Failure>> {
  const trust = await fetchTrust(task);
  if (!trust.ok) return trust;
  const { authority, rootKey } = trust.value;
  const { createCertificateRequest } = await import('./csr.ts');
  const request = await createCertificateRequest(task.device);
  const proof = await deps.daemon.ask({ case: 'signEnrollment', value: { csrDigest: sha256(request.der) } }, 'enrollmentProof');
  const inventory = await deps.inventory.read();
  const client = enrollmentClient(task.enrollmentAddress, authority);
  try {
    const asked = { secret: task.secret, csr: request.der, evidenceKey: task.evidenceKey, evidenceProof: proof.signature, hostname: hostname(), inventory };
    const answer = await untilAnswered(() => client.enroll(asked, { timeoutMs: enrollTimeoutMs }));
    if (answer.device !== task.device) return err(failure('BELAY_E_WRONG_DEVICE', 'The server enrolled another device than this one.'));
    const identity: Identity = {
      device: task.device, serverId: toHex(task.serverId), rootKey: Buffer.from(rootKey).toString('base64'), fleetAddress: answer.fleetAddress,
      enrollmentAddress: task.enrollmentAddress, tlsKey: request.privateKeyPem, certificate: pemOf(answer.certificate), authority,
    };
    if (!isFor(identity.certificate, request.privateKeyPem)) return err(failure('BELAY_E_SIGNATURE', 'The server certified another key than ours.'));
    // Ours first: belayd counts as enrolled only when the uplink can speak for it.
    deps.identities.save(identity);
    const { roleKeys, admission, fleetAddress, deviceName } = answer;
    await deps.daemon.ask({ case: 'enrollmentResult', value: { ok: true, rootKey, roleKeys, admission, serverAddress: fleetAddress, deviceName } }, 'done');
    return ok(identity);
  } finally {
    client.close();
  }
}

async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (let left = TRIES - 1; ; left--) {
    try {
      return await ask();
    } catch (error) {
      if (left === 0 || !isUnanswered(error)) throw error;
      await pause(PAUSE_MS);
    }
  }
}

async function fetchTrust(task: EnrollTask): Promise<Result<{ readonly authority: string; readonly rootKey: Uint8Array }, Failure>> {
  const client = unverifiedClient(task.enrollmentAddress);
  try {
    const { rootKey, authority } = await client.getTrust({}, { timeoutMs: callTimeoutMs });
    const certificate = authorityOf(authority, { serverId: task.serverId, rootKey });
    return certificate.ok ? ok({ authority: certificate.value, rootKey }) : certificate;
  } finally {
    client.close();
  }
}

function isFor(certificatePem: string, privateKeyPem: string): boolean {
  return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(privateKeyPem));
}

function enrolmentFailure(error: unknown, address: string): Failure {
  if (!isServiceError(error)) return failure('BELAY_E_INTERNAL', explain(error, address));
  if (error.code === status.UNAUTHENTICATED) return failure('BELAY_E_TOKEN', 'The token is unknown to the server, has expired or has been used up: ask IT for a new one.');
  if (isUnanswered(error)) return failure('BELAY_E_SERVER_UNREACHABLE', explain(error, address));
  return failure(errorCodeOf(String(error.metadata?.get('belay-code')[0] ?? '')) ?? 'BELAY_E_INTERNAL', explain(error, address));
}

/** A new certificate for a new TLS key, by the present one's signature: also when it has expired. Saves and answers it. */
export async function renew(identity: Identity, identities: IdentityStore): Promise<Identity> {
  const { createCertificateRequest } = await import('./csr.ts');
  const request = await createCertificateRequest(identity.device);
  const serverId = Buffer.from(identity.serverId, 'hex');
  const statement = renewalStatement(serverId, identity.device, sha256(request.der));
  const client = enrollmentClient(identity.enrollmentAddress, identity.authority);
  try {
    const proof = sign('sha256', statement, createPrivateKey(identity.tlsKey));
    const answer = await client.renew({ certificate: new X509Certificate(identity.certificate).raw, csr: request.der, proof }, { timeoutMs: callTimeoutMs });
    const authority = authorityOf(answer.authority, { serverId, rootKey: Buffer.from(identity.rootKey, 'base64') });
    if (!authority.ok) throw new Error(authority.error.message);
    const certificate = pemOf(answer.certificate);
    if (!isFor(certificate, request.privateKeyPem)) throw new Error('the server certified another key than ours');
    const renewed = { ...identity, certificate, tlsKey: request.privateKeyPem, authority: authority.value };
    identities.save(renewed);
    return renewed;
  } finally {
    client.close();
  }
}
