import { randomUUID } from 'node:crypto';
import { ERROR_CODES, type ErrorCode, type Failure } from '@belay/core/codes';
import type { Result } from '@belay/core/result';
import { Metadata, type sendUnaryData, type ServerErrorResponse, type ServerUnaryCall, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';

/** How each expected failure looks to a gRPC caller. */
export const GRPC_STATUS: Readonly<Record<ErrorCode, status>> = {
  BELAY_E_BAD_REQUEST: status.INVALID_ARGUMENT,
  BELAY_E_TOO_LARGE: status.INVALID_ARGUMENT,
  BELAY_E_UNSUPPORTED: status.UNIMPLEMENTED,
  BELAY_E_DENIED: status.PERMISSION_DENIED,
  BELAY_E_NO_POLICY: status.FAILED_PRECONDITION,
  BELAY_E_NOT_PERMITTED: status.NOT_FOUND,
  BELAY_E_UNAUTHENTICATED: status.UNAUTHENTICATED,
  BELAY_E_SECOND_FACTOR: status.UNAUTHENTICATED,
  BELAY_E_SIGN_IN_AGAIN: status.PERMISSION_DENIED,
  BELAY_E_CSRF: status.PERMISSION_DENIED,
  BELAY_E_RATE_LIMITED: status.RESOURCE_EXHAUSTED,
  BELAY_E_CONFLICT: status.ABORTED,
  BELAY_E_TIMEOUT: status.DEADLINE_EXCEEDED,
  BELAY_E_BUSY: status.UNAVAILABLE,
  BELAY_E_INTERNAL: status.INTERNAL,
  BELAY_E_POLICY_INVALID: status.INVALID_ARGUMENT,
  BELAY_E_POLICY_RECOVERY: status.FAILED_PRECONDITION,
  BELAY_E_SIGNATURE: status.INVALID_ARGUMENT,
  BELAY_E_MALFORMED: status.INVALID_ARGUMENT,
  BELAY_E_STALE: status.FAILED_PRECONDITION,
  BELAY_E_EXPIRED: status.UNAUTHENTICATED,
  BELAY_E_NOT_YET_VALID: status.FAILED_PRECONDITION,
  BELAY_E_WRONG_DEVICE: status.PERMISSION_DENIED,
  BELAY_E_WRONG_SERVER: status.PERMISSION_DENIED,
  BELAY_E_FEATURE: status.FAILED_PRECONDITION,
  BELAY_E_NOT_ENROLLED: status.UNAUTHENTICATED,
  BELAY_E_ALREADY_ENROLLED: status.ALREADY_EXISTS,
  BELAY_E_TOKEN: status.UNAUTHENTICATED,
  BELAY_E_REVOKED: status.PERMISSION_DENIED,
  BELAY_E_CHAIN_GAP: status.FAILED_PRECONDITION,
  BELAY_E_CHAIN_FORK: status.FAILED_PRECONDITION,
  BELAY_E_CHAIN_BROKEN: status.FAILED_PRECONDITION,
  BELAY_E_JOURNAL: status.INTERNAL,
  BELAY_E_SERVER_UNREACHABLE: status.UNAVAILABLE,
};

export function statusOf(failure: Failure, requestId: string): ServerErrorResponse {
  const metadata = new Metadata();
  metadata.set('belay-code', failure.code);
  metadata.set('belay-request', requestId);
  return Object.assign(new Error(failure.message), { code: GRPC_STATUS[failure.code], details: failure.message, metadata });
}

type UnaryWork<I, O> = (call: ServerUnaryCall<I, O>) => Promise<Result<O, Failure>>;

/** The caller gets code, message and request id; the log gets the cause. */
export function unary<I, O>(log: Logger, method: string, work: UnaryWork<I, O>) {
  return (call: ServerUnaryCall<I, O>, done: sendUnaryData<O>): void => {
    const requestId = randomUUID();
    const settle = async (): Promise<void> => {
      try {
        const result = await work(call);
        if (result.ok) return done(null, result.value);
        log.info({ method, requestId, code: result.error.code, peer: call.getPeer() }, result.error.message);
        return done(statusOf(result.error, requestId));
      } catch (error) {
        log.error({ err: error, method, requestId }, 'a call failed unexpectedly');
        return done(statusOf({ code: 'BELAY_E_INTERNAL', message: `${ERROR_CODES.BELAY_E_INTERNAL} Request ${requestId}.` }, requestId));
      }
    };
    void settle();
  };
}
