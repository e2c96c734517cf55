import { type ByteString, encodeUtf8, equalBytes } from '../bytes.ts';
import type { Grant } from '../evidence/payloads.ts';
import { compileArguments, literalPattern, matchArguments } from '../policy/argument-pattern.ts';
import type { ApprovalDemand } from '../policy/demands.ts';
import { TRUE } from '../policy/truth.ts';
import type { ElevationRequest, Requester, RunAs } from '../request/request.ts';
import { approvalText } from './approval-text.ts';

export type Scope = NonNullable<Grant['scope']>;

/** One use that somebody wants to make of a grant: the request as it will run. */
export type GrantUse = {
  readonly request: Pick<ElevationRequest, 'deviceId' | 'requester' | 'executable' | 'args' | 'runAs'>;
  /** `requestDigest` of the same. */
  readonly digest: Uint8Array;
  /** `loginSessionDigest`; undefined: it cannot be told which session this is. */
  readonly session: Uint8Array | undefined;
};

/** Why a grant does not stand for a request; undefined: it does. */
export type Mismatch = 'device' | 'user' | 'session' | 'request' | 'approval';

/**
 * Whether a grant stands for the approvals that a rule demands of this request. It says nothing of the grant's budget, and nothing of
 * what else the rule demands.
 *
 * SECURITY(T-18): bound to device, user and digest (or scope), and to the login session where somebody waited for it in place (T-12).
 */
export function mismatch(grant: Grant, use: GrantUse, demanded: readonly ApprovalDemand[]): Mismatch | undefined {
  if (grant.device !== use.request.deviceId) return 'device';
  if (!isHolder(grant, use.request.requester)) return 'user';
  if (grant.session !== undefined && (use.session === undefined || !equalBytes(grant.session, use.session))) return 'session';
  if (!isWellBound(grant) || !isAbout(grant, use)) return 'request';
  return demanded.every((demand) => grant.met.includes(approvalText(demand))) ? undefined : 'approval';
}

/**
 * Whether a grant is somebody's. `name`: as this device's name service tells it of the kernel's uid.
 *
 * SECURITY(T-12): a number says who it is on the device it was asked on; elsewhere the same number may be anybody, so there the name
 * alone does. Root is outside the rules and holds none by name.
 */
export function isHolder({ uid, user }: Pick<Grant, 'uid' | 'user'>, who: Pick<Requester, 'uid' | 'name'>): boolean {
  if (uid !== undefined) return uid === who.uid;
  return who.uid !== 0 && who.name !== undefined && who.name === user;
}

/**
 * Whether what binds a grant goes together: exactly one of digest and scope; and without a uid a name and a scope, as digest, session and
 * request's number are another device's there, and an emergency is for one device.
 *
 * SECURITY(T-18): one that is bound otherwise is malformed, and stands for nothing.
 */
export function isWellBound({ uid, user, request, digest, scope, session, emergency }: Grant): boolean {
  if ((digest === undefined) === (scope === undefined)) return false;
  if (uid !== undefined) return request !== 0;
  return request === 0 && isName(user) && scope !== undefined && session === undefined && !emergency;
}

/** A uid without a name is written `#UID`. */
function isName(user: string): boolean {
  return user !== '' && !user.startsWith('#');
}

function isAbout({ digest, scope }: Grant, use: GrantUse): boolean {
  if (digest !== undefined) return equalBytes(digest, use.digest);
  return scope !== undefined && isInScope(scope, use.request);
}

/** A scope names commands by their resolved path; arguments match as in a policy. Whatever is unknown is no match. */
export function isInScope({ commands, runAsUid, runAsGid }: Scope, { executable, args, runAs }: GrantUse['request']): boolean {
  if (runAs.uid !== runAsUid || runAs.gid !== runAsGid) return false;
  return commands.some(({ command, args: patterns }) => encodeUtf8(command) === executable.resolved && areInScope(patterns, args));
}

function areInScope(patterns: readonly string[] | undefined, args: readonly ByteString[]): boolean {
  if (patterns === undefined) return true;
  const compiled = compileArguments(patterns);
  return compiled.ok && matchArguments(compiled.value, args) === TRUE;
}

/** The scope of one command with these very arguments. */
export function exactScope(command: string, args: readonly string[], runAs: Pick<RunAs, 'uid' | 'gid'>): Scope {
  return { commands: [{ command, args: args.map(literalPattern) }], runAsUid: runAs.uid, runAsGid: runAs.gid };
}

/** What is wrong with the argument patterns of a scope, in words for whoever wrote them; undefined: nothing. */
export function scopeFault(patterns: readonly string[]): string | undefined {
  const compiled = compileArguments(patterns);
  return compiled.ok ? undefined : `${compiled.error.message}. ${compiled.error.remedy}`;
}
