/**
 * Every expected failure has a code from this list; `docs/errors.md` explains each. The caller gets code, plain message and
 * request id; the log gets the cause.
 */
export const ERROR_CODES = {
  BELAY_E_BAD_REQUEST: 'The request cannot be understood.',
  BELAY_E_TOO_LARGE: 'The request is larger than is accepted.',
  BELAY_E_UNSUPPORTED: 'This option is not supported.',
  BELAY_E_DENIED: 'Policy does not allow this.',
  BELAY_E_NO_POLICY: 'No policy is in force on this device.',
  BELAY_E_NOT_PERMITTED: 'Not allowed, or does not exist.',
  BELAY_E_UNAUTHENTICATED: 'Sign in first, or the credentials are wrong.',
  BELAY_E_SECOND_FACTOR: 'A second factor is needed as well.',
  BELAY_E_SIGN_IN_AGAIN: 'This changes how you sign in: sign in again first.',
  BELAY_E_CSRF: 'The request does not come from the page that was signed in to; load it again.',
  BELAY_E_RATE_LIMITED: 'Too many attempts; wait and try again.',
  BELAY_E_CONFLICT: 'Something else changed meanwhile; look again.',
  BELAY_E_TIMEOUT: 'No answer in time.',
  BELAY_E_BUSY: 'Too much at once; try again.',
  BELAY_E_INTERNAL: 'A fault of Belay; it has been logged.',
  BELAY_E_POLICY_INVALID: 'The policy files have errors.',
  BELAY_E_POLICY_RECOVERY: 'The change would remove the recovery rule.',
  BELAY_E_SIGNATURE: 'A signature does not hold, or the key is not trusted for this.',
  BELAY_E_MALFORMED: 'Signed content has an unknown form.',
  BELAY_E_STALE: 'Older than what is already in force.',
  BELAY_E_EXPIRED: 'No longer valid.',
  BELAY_E_NOT_YET_VALID: 'Valid only in the future: check the clocks.',
  BELAY_E_WRONG_DEVICE: 'Meant for another device.',
  BELAY_E_WRONG_SERVER: 'Signed for another server.',
  BELAY_E_FEATURE: 'Needs a feature this version does not have.',
  BELAY_E_NOT_ENROLLED: 'This device is not enrolled.',
  BELAY_E_ALREADY_ENROLLED: 'This device is already enrolled.',
  BELAY_E_TOKEN: 'The token is unknown, expired or used up.',
  BELAY_E_REVOKED: 'This device has been revoked.',
  BELAY_E_CHAIN_GAP: 'Events are missing from the chain.',
  BELAY_E_CHAIN_FORK: 'Two different events claim the same place in the chain.',
  BELAY_E_CHAIN_BROKEN: 'An event does not follow from the one before it.',
  BELAY_E_JOURNAL: 'Evidence cannot be written, so nothing is elevated.',
  BELAY_E_SERVER_UNREACHABLE: 'The server cannot be reached.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An expected failure, ready for whoever called. */
export type Failure = { readonly code: ErrorCode; readonly message: string };

/** What another process calls a failure; undefined: nothing that we know. */
export function errorCodeOf(text: string): ErrorCode | undefined {
  return Object.hasOwn(ERROR_CODES, text) ? (text as ErrorCode) : undefined;
}

export function failure(code: ErrorCode, message: string = ERROR_CODES[code]): Failure {
  return { code, message };
}
