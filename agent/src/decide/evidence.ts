import { bytesOf, type ByteString } from '@belay/core/bytes';
import type { EventDraft } from '@belay/core/evidence';
import { sha256 } from '@belay/core/node-crypto';
import type { Scope } from '@belay/core/grants';
import type { AlertAnswer, Circumstances, Decision } from '@belay/core/policy';
import { type ElevationRequest, requestDigest } from '@belay/core/request';
import type { Actor, Platform } from '../platform/platform.ts';

export type Subject = { readonly request: number; readonly uid: number; readonly user: string | undefined };

/** What is known of an act, whether it could be gathered whole or not. */
export type Act = {
  readonly number: number;
  readonly actor: Pick<Actor, 'realUid' | 'loginSession'>;
  readonly rules: readonly string[];
  readonly manifest: number;
  readonly request: ElevationRequest | undefined;
  /** As typed; used where there is no request. */
  readonly typed: { readonly path: ByteString; readonly args: readonly ByteString[] };
  /** Undefined: no rule wants anybody to be told. */
  readonly alert?: Exclude<AlertAnswer, 'none'> | undefined;
};

export type Why =
  | 'denied-by-rule'
  | 'no-rule'
  | 'unsafe-file'
  | 'no-policy'
  | 'not-found'
  | 'bad-request'
  | 'reason-refused'
  | 'not-confirmed'
  | 'reauth-failed'
  | 'timeout'
  | 'fault'
  | 'expired'
  | 'abandoned'
  | 'approval-denied'
  | 'approval-expired'
  | 'approval-needed'
  | 'recorder-unable';

export function subject(number: number, actor: Pick<Actor, 'realUid'>, platform: Platform): Subject {
  return { request: number, uid: actor.realUid, user: platform.accounts.userById(actor.realUid)?.name };
}

/** How loudly the rules behind a decision want the SOC told. */
export function alertOf(decision: Decision | undefined): Exclude<AlertAnswer, 'none'> | undefined {
  if (decision === undefined) return undefined;
  const wanted = decision.kind !== 'deny' ? decision.obligations.alert : decision.reason.kind === 'denied-by-rule' ? decision.reason.alert : 'none';
  return wanted === 'none' ? undefined : wanted;
}

/** No id could be told. */
const NO_ID = -1;

function act({ number, actor, rules, manifest, request, typed, alert }: Act, platform: Platform) {
  return {
    ...subject(number, actor, platform),
    door: 'sudo',
    runAsUid: request?.runAs.uid ?? NO_ID,
    runAsGid: request?.runAs.gid ?? NO_ID,
    rules: [...rules],
    manifest,
    command: bytesOf(request?.executable.resolved ?? typed.path),
    argv: typed.args.map(bytesOf),
    cwd: bytesOf(request?.cwd ?? ('' as ByteString)),
    terminal: actor.loginSession.terminal,
    sessionId: actor.loginSession.sessionId,
    alert,
  };
}

export function deniedEvent(what: Act, why: Why, platform: Platform): EventDraft {
  return { type: 'elevation.denied', fields: { ...act(what, platform), why } };
}

export type Observation = { readonly seen: 'allowed' | 'refused'; readonly would: 'allow' | 'ask' | 'deny'; readonly why: Why | undefined };

export function observedEvent(what: Act, observation: Observation, platform: Platform): EventDraft {
  return { type: 'elevation.observed', fields: { ...act(what, platform), ...observation } };
}

export type IntentFacts = { readonly pinned: string | undefined; readonly reason: string | undefined; readonly reauthenticated: boolean; readonly outsideRules: boolean; readonly grant: string | undefined; readonly recording: 'session' | 'unable' | undefined };

export function intentEvent(what: Act & { readonly request: ElevationRequest }, facts: IntentFacts, platform: Platform): EventDraft {
  const { request } = what;
  return {
    type: 'elevation.intent',
    fields: {
      ...act(what, platform),
      digest: requestDigest(request, sha256, facts.pinned),
      sha256: facts.pinned,
      reason: facts.reason,
      reauthenticated: facts.reauthenticated,
      outsideRules: facts.outsideRules,
      grant: facts.grant,
      recording: facts.recording,
      environment: namesIn(request.env),
    },
  };
}

function namesIn(env: readonly ByteString[]): readonly Uint8Array[] {
  return env.map((entry) => bytesOf(entry.slice(0, entry.indexOf('=')) as ByteString));
}

/** What a request for approval says besides the act. */
export type FilingFacts = {
  readonly stance: 'waiting' | 'ahead';
  readonly digest: Uint8Array;
  readonly sha256: string | undefined;
  readonly session: Uint8Array | undefined;
  readonly reason: string | undefined;
  readonly reauthenticated: boolean;
  readonly approval: readonly string[];
  readonly forMs: number;
  readonly uses: number;
  readonly scope: Scope | undefined;
  /** Names of other devices. */
  readonly alsoOn: readonly string[];
  readonly emergency: boolean;
  readonly around: Pick<Circumstances, 'ownerOfExecutable' | 'posture' | 'origin'>;
};

/** All that whoever approves needs to judge it. */
export function filedEvent(what: Act & { readonly request: ElevationRequest }, facts: FilingFacts, platform: Platform): EventDraft {
  const { request } = what;
  const { around, scope, approval, alsoOn, ...rest } = facts;
  const { userName, uid, groupName, gid } = request.runAs;
  const [owner, origin] = [around.ownerOfExecutable(), around.origin()];
  return {
    type: 'request.filed',
    fields: {
      ...act(what, platform),
      ...rest,
      runAs: `${userName ?? `#${uid}`}:${groupName ?? `#${gid}`}`,
      environment: namesIn(request.env),
      approval: [...approval],
      scope: scope === undefined ? undefined : JSON.stringify(scope),
      alsoOn: alsoOn.length === 0 ? undefined : [...alsoOn],
      package: owner === undefined ? undefined : JSON.stringify(owner),
      posture: JSON.stringify(around.posture()),
      origin: origin === undefined ? undefined : JSON.stringify(origin),
    },
  };
}
