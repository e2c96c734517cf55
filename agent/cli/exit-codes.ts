/** What `belay` ends with. Listed in its help, which a test compares with these. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  needsRoot: 4,
  serverUnreachable: 5,
  tokenRefused: 6,
  notEnrolled: 7,
  hasProblems: 8,
  noSuchRequest: 9,
  wouldBeRefused: 10,
  denied: 11,
  expired: 12,
  cancelled: 13,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodesHelp = `Exit codes:
  0  done; for status: enrolled and without problems; for why with a COMMAND: it would be allowed, or asked about
  1  refused or failed; the reason is on stderr
  2  wrong usage
  3  belayd does not answer
  4  only root may do this
  5  the server cannot be reached
  6  the token is wrong, expired or used up
  7  status: this device is not enrolled
  8  status: there are problems
  9  no such request or approval of yours is there
  10  why with a COMMAND: it would be refused
  11  request --wait: denied
  12  request --wait: nobody approved it in time
  13  request --wait: it was cancelled`;
