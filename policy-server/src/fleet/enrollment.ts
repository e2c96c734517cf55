import { verify, X509Certificate } from 'node:crypto';
import { type Failure, failure } from '@belay/core/codes';
import { deviceIdOf, enrolmentStatement, renewalStatement } from '@belay/core/evidence';
import { ed25519VerifyAsync, sha256 } from '@belay/core/node-crypto';
import { createRateLimit, perMinute } from '@belay/core/rate-limit';
import { err, ok, type Result } from '@belay/core/result';
import type { EnrollRequest, EnrollResponseSchema, EnrollmentService, GetTrustResponseSchema, RenewRequest, RenewResponseSchema } from '@belay/proto/fleet';
import type { ServiceHandlers } from '@belay/proto/grpc';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServerContext } from '../context.ts';
import { deviceNameOf, findDevice, type NewDevice, renewDevice, spendToken, type Spent } from '../features/devices/enrol.ts';
import { inertText } from '../features/events/event-row.ts';
import { type Authority, deviceOfCertificate, provenKeyOf } from '../pki/authority.ts';
import { inventoryText } from './inventory.ts';
import { addressOfPeer } from './peer-address.ts';
import { unary } from './status.ts';

export type EnrollmentDeps = Pick<ServerContext, 'store' | 'keys' | 'clock' | 'config' | 'serverEvents' | 'publisher' | 'log'> & { readonly authority: Authority };

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const MAX_HOST_NAME = 253;

/** The port without client certificates: all that a caller without one may do. */
export function enrollmentHandlers(deps: EnrollmentDeps): ServiceHandlers<typeof EnrollmentService> {
  const { keys, config, clock, log } = deps;
  const calls = createRateLimit<string>(perMinute(config.limits.enrollmentsPerMinute), clock);
  const refusals = createRateLimit<string>(perMinute(REFUSALS_RECORDED_PER_MINUTE), clock);
  const limited = <I, O>(method: string, work: (request: I, peer: string) => Promise<Result<O, Failure>>) =>
    unary<I, O>(log, method, (call) => {
      const peer = addressOfPeer(call.getPeer());
      return calls.take(peer) ? work(call.request, peer) : Promise.resolve(err(failure('BELAY_E_RATE_LIMITED')));
    });
  return {
    getTrust: limited('GetTrust', () => Promise.resolve(ok<MessageInitShape<typeof GetTrustResponseSchema>>({
      rootKey: keys.rootKey, authority: keys.authorityEnvelope, roleKeys: keys.roleKeysEnvelope,
    }))),
    enroll: limited('Enroll', async (request: EnrollRequest, peer) => {
      const answer = await enroll(deps, request);
      // A flood of guesses must not fill the log: a few a minute for each address and cause are enough to see it.
      if (!answer.ok && refusals.take(`${peer} ${answer.error.why}`)) await recordRefusal(deps, peer, answer.error.why);
      return answer.ok ? answer : err(answer.error.failure);
    }),
    renew: limited('Renew', (request: RenewRequest) => renew(deps, request)),
  };
}

const REFUSALS_RECORDED_PER_MINUTE = 6;

type Refusal = { readonly failure: Failure; readonly why: 'bad-proof' | Extract<Spent, { kind: 'refused' }>['why'] };

async function recordRefusal({ serverEvents }: EnrollmentDeps, peer: string, why: Refusal['why']): Promise<void> {
  await serverEvents.append({ type: 'enroll-token.refused', fields: { peer, why } });
}

function badProof(message: string): Result<never, Refusal> {
  return err({ failure: failure('BELAY_E_SIGNATURE', message), why: 'bad-proof' });
}

type Enrolled = MessageInitShape<typeof EnrollResponseSchema>;

async function enroll(deps: EnrollmentDeps, request: EnrollRequest): Promise<Result<Enrolled, Refusal>> {
  const { keys, clock, config, authority } = deps;
  const { evidenceKey, evidenceProof, csr } = request;
  // Both keys are proven before the token is looked at: a bad proof says nothing about the token, and spends no use of it.
  const publicKey = await provenKeyOf(csr);
  if (publicKey === undefined) return badProof('The certificate request is not one for an ECDSA P-256 key, or does not prove possession of it.');
  if (evidenceKey.length !== KEY_BYTES || evidenceProof.length !== SIGNATURE_BYTES) return badProof('The evidence key or its proof has the wrong length.');
  const device = deviceIdOf(evidenceKey, sha256);
  const statement = enrolmentStatement(keys.serverId, device, sha256(csr));
  if (!(await ed25519VerifyAsync(evidenceKey, statement, evidenceProof))) return badProof('The evidence key\'s proof does not hold.');

  const now = clock();
  const certificate = await authority.issueDevice({ device, evidenceKey, publicKey, validForMs: config.devices.certificate }, now);
  const name = deviceNameOf(request.hostname, device);
  const fresh: NewDevice = { id: device, evidenceKey, name, hostname: inertText(request.hostname).slice(0, MAX_HOST_NAME), inventory: inventoryText(request.inventory), certificate };
  const spent = await spendToken(deps, request.secret, fresh, now);
  // SECURITY(T-26): unknown, expired, spent and revoked tokens answer alike.
  if (spent.kind === 'refused') return err({ failure: failure('BELAY_E_TOKEN'), why: spent.why });
  const admission = keys.seal('admission', { server: keys.serverId, device, evidenceKey, name: spent.name, time: now });
  return ok({
    device, certificate: certificate.der, authority: keys.authorityEnvelope, roleKeys: keys.roleKeysEnvelope, admission,
    fleetAddress: config.addresses.fleet, deviceName: spent.name,
  });
}

type Renewed = MessageInitShape<typeof RenewResponseSchema>;

async function renew(deps: EnrollmentDeps, request: RenewRequest): Promise<Result<Renewed, Failure>> {
  const { keys, clock, config, authority } = deps;
  const refused = err(failure('BELAY_E_UNAUTHENTICATED', 'This certificate cannot be renewed: enrol the device again.'));
  const present = parseCertificate(request.certificate);
  const id = present === undefined ? undefined : deviceOfCertificate(present);
  if (present === undefined || id === undefined || !authority.signed(present)) return refused;
  const now = clock();
  if (present.validToDate.getTime() + config.devices.renewWithin < now) return refused;
  const statement = renewalStatement(keys.serverId, id, sha256(request.csr));
  // SECURITY(T-26): a certificate is public; only its key's owner may renew it.
  if (!verify('sha256', statement, present.publicKey, request.proof)) return refused;
  const publicKey = await provenKeyOf(request.csr);
  if (publicKey === undefined) return err(failure('BELAY_E_SIGNATURE', 'The certificate request does not prove possession of its key.'));
  const device = await findDevice(deps.store.db, id);
  if (device === undefined || device.state !== 'active') return err(failure('BELAY_E_REVOKED', 'This device is not part of the fleet.'));
  const certificate = await authority.issueDevice({ device: id, evidenceKey: device.evidence_key, publicKey, validForMs: config.devices.certificate }, now);
  if (!(await renewDevice(deps, id, certificate))) return err(failure('BELAY_E_REVOKED', 'This device is not part of the fleet.'));
  return ok({ certificate: certificate.der, authority: keys.authorityEnvelope });
}

const MAX_CERTIFICATE_BYTES = 8192;

function parseCertificate(der: Uint8Array): X509Certificate | undefined {
  if (der.length > MAX_CERTIFICATE_BYTES) return undefined;
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}
