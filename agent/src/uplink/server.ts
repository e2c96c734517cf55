import { ChannelCredentials, type ChannelOptions, type ServiceError, status } from '@grpc/grpc-js';
import { createSecureContext } from 'node:tls';
import { openEnvelope } from '@belay/core/evidence';
import { ed25519Verify, rawOfSpki, sha256 } from '@belay/core/node-crypto';
import { equalBytes } from '@belay/core/bytes';
import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import { EnrollmentService, FleetService } from '@belay/proto/fleet';
import { createGrpcClient, type ServiceClient } from '@belay/proto/grpc';
import { type Identity, pemOf } from './identity.ts';

export type EnrollmentClient = ServiceClient<typeof EnrollmentService>;
export type FleetClient = ServiceClient<typeof FleetService>;

export const callTimeoutMs = 20_000;
const maxMessageBytes = 16 * 1024 * 1024;

const channelOptions: ChannelOptions = {
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.max_send_message_length': maxMessageBytes,
  // Names come from the token; a TXT record must not change how they are reached.
  'grpc.service_config_disable_resolution': 1,
  // A channel is used for one attempt; who retries, and when, is decided in one place.
  'grpc.enable_retries': 0,
};

/** A channel that believes nobody: for GetTrust, whose answer is checked against the pinned root key before anything else is said. */
export function unverifiedClient(address: string): EnrollmentClient {
  // SECURITY(T-26): no secret goes over it and nothing from it counts but what the root key has signed.
  const credentials = ChannelCredentials.createSsl(null, null, null, { rejectUnauthorized: false });
  return createGrpcClient(EnrollmentService, address, credentials, channelOptions);
}

export function enrollmentClient(address: string, authorityPem: string): EnrollmentClient {
  const context = createSecureContext({ ca: authorityPem, minVersion: 'TLSv1.3' });
  return createGrpcClient(EnrollmentService, address, ChannelCredentials.createFromSecureContext(context), channelOptions);
}

export function fleetClient(identity: Identity): FleetClient {
  const context = createSecureContext({ ca: identity.authority, cert: identity.certificate, key: identity.tlsKey, minVersion: 'TLSv1.3' });
  return createGrpcClient(FleetService, identity.fleetAddress, ChannelCredentials.createFromSecureContext(context), channelOptions);
}

/** What was pinned by the token, or is kept since: the server's id and, once seen, its root key (SPKI DER). */
export type Pin = { readonly serverId: Uint8Array; readonly rootKey: Uint8Array };

/** The authority's certificate as PEM, if the pinned root key has signed it. */
export function authorityOf(envelope: Uint8Array, pin: Pin): Result<string, Failure> {
  const rootKey = rawOfSpki(pin.rootKey);
  // SECURITY(T-26): the root key is the one whose hash the token carried, or the server is somebody else.
  if (rootKey === undefined || !equalBytes(sha256(pin.rootKey), pin.serverId)) return err(failure('BELAY_E_WRONG_SERVER', 'This is not the server that the token was made for.'));
  const opened = openEnvelope(envelope, 'authority', { serverId: pin.serverId, rootKey, keys: [] }, ed25519Verify, Date.now());
  if (!opened.ok) return opened;
  try {
    return ok(pemOf(opened.value.certificate));
  } catch {
    return err(failure('BELAY_E_MALFORMED'));
  }
}

export function isServiceError(error: unknown): error is ServiceError {
  return typeof (error as { code?: unknown } | null)?.code === 'number' && typeof (error as { details?: unknown }).details === 'string';
}

/** Whether the server knows us and has turned us away: trying again soon is of no use. */
export function isRefusal(error: unknown): boolean {
  if (!isServiceError(error)) return false;
  // An expired certificate is mended by renewing it, which the next attempt begins with.
  if (error.metadata?.get('belay-code').includes('BELAY_E_EXPIRED')) return false;
  return error.code === status.UNAUTHENTICATED || error.code === status.PERMISSION_DENIED;
}

/** Nobody has answered: it may have been done or not. */
export function isUnanswered(error: unknown): boolean {
  return isServiceError(error) && (error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED);
}

/** What went wrong, in words for whoever reads `belay status`. */
export function explain(error: unknown, address: string): string {
  if (!isServiceError(error)) return error instanceof Error || Error.isError(error) ? (error as Error).message : String(error);
  if (isUnanswered(error)) return `The server at ${address} cannot be reached: ${error.details}`;
  return `The server at ${address} refused: ${error.details}`;
}
