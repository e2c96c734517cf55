/** What the API answers, as docs/openapi says it. Times are Unix ms. */

export type Ref = { readonly id: string; readonly name: string };
export type Binding = { readonly role: string; readonly groups: 'all' | readonly string[] };
export type Page<K extends string, T> = { readonly [P in K]: readonly T[] } & { readonly next?: string | number | null };

export type Session = {
  readonly account: Ref;
  readonly person: Ref | null;
  readonly bindings: readonly Binding[];
  readonly permissions: readonly string[];
  readonly csrf: string;
};
export type SecondFactor = 'totp' | 'passkey';
export type SignInAnswer = Partial<Session> & { readonly needs?: readonly SecondFactor[]; readonly challenge?: string };
export type SignInWays = { readonly oidc: readonly { readonly id: string; readonly label: string }[]; readonly passkeys: boolean };

export type RequestState = 'pending' | 'approved' | 'denied' | 'cancelled' | 'expired' | 'used' | 'revoked';
export type ApprovalState = { readonly stage: number; readonly from: readonly string[]; readonly count: number; readonly have: number; readonly open: boolean };

export type RequestSummary = {
  readonly id: string;
  readonly number: number;
  readonly device: Ref;
  readonly user: string;
  readonly uid: number;
  readonly person: Ref | null;
  readonly command: string;
  readonly runAs: string;
  readonly reason: string | null;
  readonly state: RequestState;
  readonly stance: 'waiting' | 'ahead';
  readonly emergency: boolean;
  readonly filedAt: number;
  readonly expiresAt: number;
  readonly rules: readonly string[];
  readonly approvals: readonly ApprovalState[];
  readonly mayAnswer: boolean;
  readonly whyNot: string | null;
  readonly answeredAt: number | null;
  /** An emergency that nobody has looked at yet. */
  readonly needsReview: boolean;
  /** Names of other devices that it is for as well. */
  readonly alsoOn: readonly string[];
};

export type Argument = { readonly text: string; readonly exact: string };
export type PackageInfo = { readonly name: string; readonly version: string; readonly repository: string | null; readonly key: string | null; readonly unmodified: boolean | null };
export type HistoryPart = { readonly total: number; readonly approved: number; readonly denied: number; readonly last: readonly HistoryItem[] };
export type HistoryItem = { readonly id: string; readonly command: string; readonly user: string; readonly device: string; readonly state: RequestState; readonly filedAt: number };
export type DecisionMade = { readonly by: string; readonly decision: 'approved' | 'denied'; readonly words: string | null; readonly at: number; readonly stage: number; readonly alsoOn: readonly string[] };
/** Another device that a request is for; of one outside the reader's roles only the name. */
export type Elsewhere = { readonly id: string | null; readonly name: string; readonly user: string | null; readonly mayAnswer: boolean; readonly whyNot: string | null; readonly grant: Grant | null };

export type RequestDetail = RequestSummary & {
  readonly argv: readonly Argument[];
  readonly executable: string;
  readonly cwd: string;
  readonly environment: readonly string[];
  readonly digest: string;
  readonly sha256: string | null;
  /** `none`: no package owns the file; null: the device does not know. */
  readonly package: PackageInfo | 'none' | null;
  readonly posture: Readonly<Record<string, unknown>>;
  readonly origin: Readonly<Record<string, unknown>> | null;
  readonly scope: GrantScope | null;
  readonly forMs: number;
  readonly uses: number;
  readonly policy: { readonly version: number; readonly message: string | null; readonly explanation: readonly string[] };
  readonly history: { readonly byUser: HistoryPart; readonly byCommand: HistoryPart };
  readonly elsewhere: readonly Elsewhere[];
  readonly decisions: readonly DecisionMade[];
  readonly grant: Grant | null;
  readonly review: { readonly by: string; readonly words: string; readonly at: number } | null;
};
export type GrantScope = { readonly text: string; /** No wider than the command itself. */ readonly isExact: boolean; readonly commands: readonly { readonly command: string; readonly args: readonly string[] | null }[] };
export type ApproveBody = { readonly words?: string; readonly forMs?: number; readonly uses?: number; readonly exact?: true; readonly devices?: readonly string[] };

export type Grant = {
  readonly id: string;
  readonly request: string | null;
  readonly device: Ref;
  readonly user: string;
  readonly person: Ref | null;
  readonly command: string;
  readonly uses: number | null;
  readonly usesLeft: number | null;
  /** Commands that run under it now. */
  readonly running: number;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly state: 'live' | 'used' | 'expired' | 'revoked' | 'ended';
  readonly approvedBy: readonly string[];
  readonly emergency: boolean;
};

export type Device = {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly state: 'active' | 'revoked' | 'decommissioned';
  readonly groups: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly enrolledAt: number;
  readonly certificateExpiresAt: number;
  readonly lastSeenAt: number | null;
  readonly silentSince: number | null;
  readonly manifest: { readonly epoch: number; readonly number: number; readonly issuedNumber: number };
  readonly agentVersion: string;
  readonly inventory: Readonly<Record<string, string | number>>;
  readonly problems: readonly string[];
  readonly evidence: { readonly state: 'none' | 'good' | 'gap' | 'refused'; readonly seq: number };
};
export type EnrollToken = { readonly id: string; readonly createdAt: number; readonly createdBy: string; readonly expiresAt: number; readonly usesLeft: number; readonly usesTotal: number; readonly groups: readonly string[]; readonly revokedAt: number | null };

export type FieldView = string | number | boolean | null | readonly FieldView[];
export type EventView = {
  readonly id: number;
  readonly device: string;
  readonly seq: number;
  readonly chain: string;
  readonly type: string;
  readonly deviceTime: number;
  readonly serverTime: number;
  readonly user: string | null;
  readonly uid: number | null;
  readonly request: number | null;
  readonly rule: string | null;
  readonly summary: string;
  readonly fields: Readonly<Record<string, FieldView>>;
};
/** Signed bytes are base64. */
export type EventProof = {
  readonly event: EventView;
  readonly server: string;
  readonly rootKey: string;
  readonly roleKeys: string;
  readonly admission: string;
  readonly writer: 'device' | 'server';
  readonly start: { readonly seq: number; readonly head: string; readonly keyIndex: number; readonly publicKey: string } | null;
  readonly records: readonly string[];
  readonly receipt: string | null;
  readonly newest: number;
};

export type PolicySummary = { readonly kind: string; readonly name: string; readonly fileName: string; readonly digest: string; readonly description: string; readonly targets: unknown };
export type PolicyDetail = PolicySummary & { readonly version: number; readonly source: string };
export type PolicyVersion = { readonly version: number; readonly createdAt: number; readonly createdBy: string; readonly comment: string; readonly rollbackOf: number | null };
export type PolicyChange = { readonly name: string; readonly change: 'added' | 'changed' | 'removed' | 'unchanged'; readonly diff: string };
export type Proposal = { readonly id: string; readonly request: string; readonly yaml: string; readonly by: string; readonly createdAt: number; readonly state: 'open' | 'taken' | 'declined'; readonly settledBy: string | null; readonly settledAt: number | null };

export type PersonUser = { readonly user: string; readonly device: Ref | null };
export type Person = { readonly id: string; readonly name: string; readonly email: string | null; readonly manager: Ref | null; readonly users: readonly PersonUser[]; readonly accounts: readonly Ref[]; readonly createdAt: number };
/** `source`: local, or the provider whose claims give the role. */
export type HeldBinding = Binding & { readonly source: string };
export type Account = {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly disabled: boolean;
  readonly person: Ref | null;
  readonly bindings: readonly HeldBinding[];
  readonly groups: readonly string[];
  readonly factors: { readonly password: boolean; readonly totp: boolean; readonly passkeys: number };
  readonly issuers: readonly string[];
  readonly lastLoginAt: number | null;
  readonly lockedUntil: number | null;
  readonly createdAt: number;
};
/** `password`: made up by the server, shown this once; null when it was given. */
export type WithPassword = { readonly account: Account; readonly password: string | null };
export type OwnSession = { readonly id: string; readonly transport: 'bearer' | 'cookie'; readonly createdAt: number; readonly expiresAt: number; readonly lastUsedAt: number | null; readonly peer: string | null; readonly agent: string | null; readonly current: boolean };
export type Passkey = { readonly id: string; readonly name: string; readonly createdAt: number; readonly lastUsedAt: number | null };
export type Factors = { readonly password: boolean; readonly totp: boolean; readonly recoveryCodes: number; readonly passkeys: readonly Passkey[] };
