import { type ByteString, encodeUtf8, equalBytes } from '../bytes.ts';
import type { Grant } from '../evidence/payloads.ts';
import { compileArguments, matchArguments } from '../policy/argument-pattern.ts';
import type { ApprovalDemand } from '../policy/demands.ts';
import { TRUE } from '../policy/truth.ts';
import type { ElevationRequest } from '../request/request.ts';
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
  if (grant.uid !== use.request.requester.uid) return 'user';
  if (grant.session !== undefined && (use.session === undefined || !equalBytes(grant.session, use.session))) return 'session';
  if (!isAbout(grant, use)) return 'request';
  return demanded.every((demand) => grant.met.includes(approvalText(demand))) ? undefined : 'approval';
}

/** Exactly one of the two binds it: one with both, or with neither, is about nothing. */
function isAbout({ digest, scope }: Grant, use: GrantUse): boolean {
  if (digest !== undefined) return scope === undefined && equalBytes(digest, use.digest);
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

/** What is wrong with the argument patterns of a scope, in words for whoever wrote them; undefined: nothing. */
export function scopeFault(patterns: readonly string[]): string | undefined {
  const compiled = compileArguments(patterns);
  return compiled.ok ? undefined : `${compiled.error.message}. ${compiled.error.remedy}`;
}
