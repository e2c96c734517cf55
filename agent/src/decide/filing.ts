import { approvalText } from '@belay/core/grants';
import { sha256 } from '@belay/core/node-crypto';
import type { ApprovalDemand } from '@belay/core/policy';
import type { ElevationRequest } from '@belay/core/request';
import { requestDigest } from '@belay/core/request';
import type { Journal } from '../journal/journal.ts';
import type { LiveSessions } from '../launch/live-sessions.ts';
import type { Platform } from '../platform/platform.ts';
import type { Grants } from '../state/grants.ts';
import type { AskedFor, Requests } from '../state/requests.ts';
import { type Act, filedEvent, type FilingFacts } from './evidence.ts';

/** What approvals need: the grants held, the requests that wait for one, the commands that run under one. */
export type Approvals = {
  readonly grants: Grants;
  readonly requests: Requests;
  readonly sessions: LiveSessions;
  /** The uplink has a server. */
  serverReached(): boolean;
  /** The server has receipted the journal up to there. */
  serverHas(seq: number): boolean;
};

export type FilingDeps = { readonly journal: Pick<Journal, 'commit'>; readonly platform: Platform; approvals(): Approvals };

export type ToFile = {
  readonly act: Act & { readonly request: ElevationRequest };
  readonly demanded: readonly ApprovalDemand[];
  readonly facts: Omit<FilingFacts, 'approval' | 'digest'> & { readonly pinned: string | undefined };
  readonly user: string | undefined;
  /** As people read it; inert. */
  readonly command: string;
};

/** How long somebody can say yes: until the last of the approvals is out of time. Which of them are there, the server knows. */
export function withinMs(demanded: readonly ApprovalDemand[]): number {
  return Math.max(...demanded.map((demand) => demand.withinMs));
}

/** Puts a request for approval on record, durably: that is how it reaches the server. Undefined: it cannot be recorded, so it is not asked. */
export function fileForApproval({ act, demanded, facts, user, command }: ToFile, { journal, platform, approvals }: FilingDeps): AskedFor | undefined {
  const { pinned, ...rest } = facts;
  const digest = requestDigest(act.request, sha256, pinned);
  const committed = journal.commit(filedEvent(act, { ...rest, digest, approval: demanded.map(approvalText) }, platform));
  if (!committed.ok) return undefined;
  const need = demanded.reduce((sum, { count }) => sum + count, 0);
  return approvals().requests.file({ number: act.number, uid: act.actor.realUid, user: user ?? '', command, stance: facts.stance, alsoOn: [...facts.alsoOn], need, withinMs: withinMs(demanded) }, committed.value);
}
