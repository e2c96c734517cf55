import type { ByteString } from '../bytes.ts';
import type { ElevationRequest } from '../request/request.ts';
import type { Lineage, LoginOrigin, PackageFact, Posture } from './circumstances.ts';
import type { FailureAnswer } from './compiled.ts';
import type { Demands } from './demands.ts';
import type { AlertAnswer, RuleObligations } from './obligations.ts';

/** What a yes carries. Whoever enforces it and cannot enforce one of them must refuse. */
export type Obligations = Omit<RuleObligations, 'environment' | 'cwd'> & {
  /** The bytes that run must hash to one of these (hex SHA-256, lower case); undefined: not pinned. */
  readonly sha256: readonly string[] | undefined;
  /** argv[0] is this, never the caller's: the rule's command path; for `run: any`, the resolved path. */
  readonly argv0: ByteString;
  readonly environment: { readonly keep: readonly string[]; readonly set: readonly (readonly [name: string, value: string])[] };
  /** Where the command runs; undefined: where it was asked for. */
  readonly cwd: string | undefined;
  /** By the failure matrix: what to do when the journal cannot be written, or a recording not be made. */
  readonly diskFull: FailureAnswer;
  readonly recorderUnable: FailureAnswer;
  /** What the rules want at once and cannot have at once, in words: whoever enforces must refuse. */
  readonly conflicts: readonly string[];
};

/** Names a rule: `policy` is metadata.name, `rule` the rule's name. */
export type RuleRef = { readonly policy: string; readonly rule: string };

export type DenyReason =
  | { readonly kind: 'denied-by-rule'; readonly by: readonly RuleRef[]; readonly message: string | undefined; readonly alert: AlertAnswer }
  | { readonly kind: 'no-rule' }
  /** A rule would have matched were the file not writable by others. */
  | { readonly kind: 'unsafe-file'; readonly by: readonly RuleRef[] }
  /** No policy in force: not enrolled, or the manifest has expired or the server is out of reach, and no rule outlives that. */
  | { readonly kind: 'no-policy' };

/**
 * Decisions are values: an allow carries obligations, an ask demands and the obligations that hold once they are met, a
 * deny its reason. Nothing else can reach a launch.
 */
export type Decision =
  | { readonly kind: 'allow'; readonly by: readonly RuleRef[]; readonly message: string | undefined; readonly obligations: Obligations }
  | {
      readonly kind: 'ask';
      readonly by: readonly RuleRef[];
      readonly message: string | undefined;
      readonly demands: Demands;
      readonly obligations: Obligations;
    }
  | { readonly kind: 'deny'; readonly reason: DenyReason };

/** What an object on disk is right now. */
export type FileIdentity = { readonly resolved: ByteString; readonly device: bigint; readonly inode: bigint };

/**
 * What the engine asks of the device besides the request. All synchronous and quick. `undefined` is "unknown", which
 * satisfies a deny and never an allow or ask.
 */
export type DecisionContext = {
  /** Unix time, ms. */
  readonly nowMs: number;
  /** Minutes east of UTC of the device's zone at that time. */
  readonly utcOffsetMinutes: number;
  readonly device: { readonly id: string; readonly name: string; readonly groups: readonly string[]; readonly labels: Readonly<Record<string, string>> };
  /** Whether the manifest in force has expired. Then only rules that outlive it, and denies, hold. */
  readonly manifestExpired: boolean;
  /** Ms since the server was last heard of; undefined: not known. */
  readonly serverSilentMs?: number | undefined;
  /** The file a rule's path names now (links resolved); undefined when there is none. */
  objectOf(path: ByteString): FileIdentity | undefined;
  /** Rule paths that named this inode when the policy was loaded or last refreshed: aliases and hard links. */
  pathsOfObject(device: bigint, inode: bigint): readonly ByteString[];
  /** gid of a group name as of the last refresh; -1: there is no such group; undefined: not known. */
  groupId(name: string): number | undefined;
  /** uid of a user name as of the last refresh; -1: there is no such user; undefined: not known. */
  userId(name: string): number | undefined;
  /**
   * Primary group of a uid as of the last refresh, for rules that name a run-as user and no group. Without it a group of the
   * user's own name counts as the primary one.
   */
  primaryGroupId?(uid: number): number | undefined;
  /** SHA-256 (hex, lower case) of the bytes behind the request's descriptor; called only where a candidate rule pins one; undefined: could not be read. */
  executableSha256(): string | undefined;
  /** Left out: nothing is known of them. */
  readonly circumstances?: Circumstances | undefined;
};

/** What the device knows of a request's circumstances. Each is read when a rule asks for it, once. */
export type Circumstances = {
  /** The package that owns the request's file; `none`: no package does; undefined: not known. */
  ownerOfExecutable(): PackageFact | 'none' | undefined;
  lineage(): Lineage | undefined;
  origin(): LoginOrigin | undefined;
  posture(): Posture;
};

export type Decide = (request: ElevationRequest, context: DecisionContext) => Decision;
