import { ERROR_CODES, type ErrorCode, type Failure } from '@belay/core/codes';

/** Every code of ours and the HTTP status it is answered with. */
export const STATUS_OF = {
  BELAY_E_BAD_REQUEST: 400,
  BELAY_E_TOO_LARGE: 413,
  BELAY_E_UNSUPPORTED: 400,
  BELAY_E_DENIED: 403,
  BELAY_E_NO_POLICY: 409,
  BELAY_E_NOT_PERMITTED: 404,
  BELAY_E_UNAUTHENTICATED: 401,
  BELAY_E_SECOND_FACTOR: 401,
  BELAY_E_SIGN_IN_AGAIN: 403,
  BELAY_E_CSRF: 403,
  BELAY_E_RATE_LIMITED: 429,
  BELAY_E_CONFLICT: 409,
  BELAY_E_TIMEOUT: 504,
  BELAY_E_BUSY: 503,
  BELAY_E_INTERNAL: 500,
  BELAY_E_POLICY_INVALID: 422,
  BELAY_E_POLICY_RECOVERY: 422,
  BELAY_E_SIGNATURE: 400,
  BELAY_E_MALFORMED: 400,
  BELAY_E_STALE: 409,
  BELAY_E_EXPIRED: 409,
  BELAY_E_NOT_YET_VALID: 409,
  BELAY_E_WRONG_DEVICE: 400,
  BELAY_E_WRONG_SERVER: 400,
  BELAY_E_FEATURE: 409,
  BELAY_E_NOT_ENROLLED: 409,
  BELAY_E_ALREADY_ENROLLED: 409,
  BELAY_E_TOKEN: 400,
  BELAY_E_REVOKED: 409,
  BELAY_E_CHAIN_GAP: 409,
  BELAY_E_CHAIN_FORK: 409,
  BELAY_E_CHAIN_BROKEN: 409,
  BELAY_E_JOURNAL: 503,
  BELAY_E_SERVER_UNREACHABLE: 503,
} as const satisfies Readonly<Record<ErrorCode, number>>;

/** RFC 9457. `code` is from docs/errors.md; `request` is in the server's log too. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly request: string;
  /** BELAY_E_POLICY_INVALID: each error, with file, line, column and what to do. */
  readonly problems?: readonly unknown[];
};

export function problemOf(failed: Failure & { readonly problems?: readonly unknown[] }, requestId: string): Problem {
  return {
    type: `urn:belay:error:${failed.code}`,
    title: ERROR_CODES[failed.code],
    status: STATUS_OF[failed.code],
    detail: failed.message,
    code: failed.code,
    request: requestId,
    ...(failed.problems === undefined ? {} : { problems: failed.problems }),
  };
}
