import type { ErrorCode } from '@belay/core/codes';

/** What `belayctl` ends with. Part of its interface: a number keeps its meaning. */
export const EXIT_CODES = {
  done: [0, 'Done.'],
  failed: [1, 'Failed for another reason; stderr says which.'],
  usage: [2, 'Wrong usage: an unknown option, a missing or malformed argument.'],
  unreachable: [3, 'The server cannot be reached, or its certificate is not trusted.'],
  unauthenticated: [4, 'Not signed in, or the credentials are wrong or no longer valid.'],
  notPermitted: [5, 'Not allowed, or does not exist.'],
  conflict: [6, 'Something else changed meanwhile.'],
  policyInvalid: [7, 'The policy files, or files of cases, have errors, or would remove the recovery rule. Nothing was applied.'],
  verification: [8, 'The export does not verify: it was changed, cut short, or is of another server.'],
  busy: [9, 'Too many attempts, or the server is too busy: wait and try again.'],
  different: [10, '`policy apply --dry-run --exit-code` and `policy diff --exit-code`: there are differences.'],
  casesFailed: [11, '`policy test`: cases failed, or fewer rules are covered than `--min-coverage` wants.'],
  findings: [12, '`policy check`: findings as severe as `--fail-on`, or more.'],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

export type ExitName = keyof typeof EXIT_CODES;

const BY_CODE: Partial<Record<ErrorCode, ExitName>> = {
  BELAY_E_BAD_REQUEST: 'usage',
  BELAY_E_UNAUTHENTICATED: 'unauthenticated',
  BELAY_E_SECOND_FACTOR: 'unauthenticated',
  BELAY_E_SIGN_IN_AGAIN: 'unauthenticated',
  BELAY_E_NOT_PERMITTED: 'notPermitted',
  BELAY_E_DENIED: 'notPermitted',
  BELAY_E_CONFLICT: 'conflict',
  BELAY_E_POLICY_INVALID: 'policyInvalid',
  BELAY_E_POLICY_RECOVERY: 'policyInvalid',
  BELAY_E_RATE_LIMITED: 'busy',
  BELAY_E_BUSY: 'busy',
  BELAY_E_SERVER_UNREACHABLE: 'unreachable',
};

export function exitNameOf(code: string): ExitName {
  return BY_CODE[code as ErrorCode] ?? 'failed';
}

export function exitCodesHelp(): string {
  return `Exit codes:\n${Object.values(EXIT_CODES).map(([number, about]) => `  ${String(number).padStart(2)}  ${about}`).join('\n')}`;
}

/** Ends the program with this code and, unless empty, this sentence on stderr; `before` are whole lines that come first, `code` the server's own. */
export class Ended extends Error {
  readonly exit: ExitName;
  readonly before: string;
  readonly code: string;
  constructor(exit: ExitName, message: string, before = '', code = '') {
    super(message);
    this.exit = exit;
    this.before = before;
    this.code = code;
  }
}
