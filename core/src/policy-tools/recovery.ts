import { type ByteString, encodeUtf8 } from '../bytes.ts';
import { type Failure, failure } from '../codes.ts';
import type { Posture } from '../policy/circumstances.ts';
import type { CompiledPolicy, CompiledRule, Subject } from '../policy/compiled.ts';
import { decide } from '../policy/decide.ts';
import type { DecisionContext } from '../policy/decision.ts';
import { namesInPolicy } from '../policy/names.ts';
import { NO_OBLIGATIONS } from '../policy/obligations.ts';
import { loadPolicySet, type PolicySet } from '../policy/policy-set.ts';
import { targetsEveryDevice } from '../policy/targets.ts';
import type { ElevationRequest } from '../request/request.ts';

/**
 * Whether somebody could still get in and mend things: a rule `recovery: true` on every device, allow or ask, for named people,
 * that runs anything as root under no condition, and no deny that always takes it away. Undefined: there is one; else
 * BELAY_E_POLICY_RECOVERY with what is missing.
 */
export function checkRecovery(policies: readonly CompiledPolicy[]): Failure | undefined {
  const candidates = policies.flatMap((policy) => policy.rules.filter((rule) => rule.recovery).map((rule) => ({ policy, rule })));
  if (candidates.length === 0) return refusal('no rule is marked recovery: true');
  const faults = candidates.map(({ policy, rule }) => faultOf(policy, rule));
  const sound = candidates.filter((_, index) => faults[index] === undefined);
  if (sound.length === 0) return refusal(faults.filter((fault) => fault !== undefined).join('; '));
  const set = loadPolicySet(policies);
  if (sound.some(({ rule }) => getsIn(set, rule))) return undefined;
  const { policy, rule } = sound[0] as (typeof sound)[number];
  return refusal(`${label(policy, rule)} is always overruled: ${overrulers(set, rule)}`);
}

function refusal(why: string): Failure {
  return failure(
    'BELAY_E_POLICY_RECOVERY',
    `There would be no way left to recover a device: ${why}. Keep a rule with recovery: true for named people, on every device, run: any as root, without when, and no deny that takes it away.`,
  );
}

function label(policy: CompiledPolicy, rule: CompiledRule): string {
  return `${policy.name}/${rule.name}`;
}

function faultOf(policy: CompiledPolicy, rule: CompiledRule): string | undefined {
  const named = label(policy, rule);
  if (!targetsEveryDevice(policy)) return `${named} is not for every device (its policy has targets)`;
  if (!rule.run.any || rule.run.not.length > 0) return `${named} does not run everything (run: any, no exceptions)`;
  if (policy.mode === 'monitor') return `${named} enforces nothing (mode: monitor)`;
  if (rule.when !== undefined) return `${named} has a condition (when)`;
  if (Object.values(rule.circumstances).some((each) => each !== undefined)) return `${named} has a condition (cwd, env, parent, ancestor, from, during or device)`;
  if (rule.demands.approval.length > 0) return `${named} waits for somebody else (require.approval)`;
  if (JSON.stringify(rule.obligations) !== JSON.stringify({ ...NO_OBLIGATIONS, alert: rule.obligations.alert })) return `${named} limits or records what runs (limits, record), which may not be possible`;
  if (!rule.who.any && rule.who.is.length === 0) return `${named} is for nobody`;
  return runsAsRoot(rule) ? undefined : `${named} does not run as root`;
}

function runsAsRoot({ as }: CompiledRule): boolean {
  const isRoot = (identity: object): boolean => ('id' in identity ? identity.id === 0 : 'name' in identity && identity.name === 'root');
  const users = as.users === 'any' || (Array.isArray(as.users) && as.users.some(isRoot));
  const groups = as.groups === 'any' || as.groups === 'own' || (Array.isArray(as.groups) && as.groups.some(isRoot));
  return users && groups;
}

const HOUR_MS = 3_600_000;
/** Some moments: a deny by night or on Sundays does not always take the rule away. All hours of a week. */
const MOMENTS = Array.from({ length: 7 * 24 }, (_, hour) => Date.UTC(2026, 0, 4) + hour * HOUR_MS);

/** Found by deciding, not by reading: whatever denies do, they do it to this too. The rule must also hold when the manifest has expired. */
function getsIn(set: PolicySet, rule: CompiledRule): boolean {
  return subjectsOf(rule).some((subject) =>
    [false, true].every((expired) => [true, false].some((terminal) => MOMENTS.some((nowMs) => isLetIn(set, probe(set, subject, { terminal, expired, nowMs }))))),
  );
}

type Probe = { readonly request: ElevationRequest; readonly context: DecisionContext };

function isLetIn(set: PolicySet, { request, context }: Probe): boolean {
  return decide(set, request, context).kind !== 'deny';
}

function subjectsOf(rule: CompiledRule): readonly (Subject | undefined)[] {
  return rule.who.any ? [undefined, ...rule.who.is] : rule.who.is;
}

function overrulers(set: PolicySet, rule: CompiledRule): string {
  const { request, context } = probe(set, subjectsOf(rule)[0], { terminal: true, expired: false, nowMs: MOMENTS[36] as number });
  const decision = decide(set, request, context);
  if (decision.kind !== 'deny' || decision.reason.kind !== 'denied-by-rule') return 'at some times, or when the policy has expired';
  return decision.reason.by.map((ref) => `${ref.policy}/${ref.rule}`).join(', ');
}

type Circumstances = { readonly terminal: boolean; readonly expired: boolean; readonly nowMs: number };

/** A device as its owner would have it: a deny for others does not always take the rule away. */
const SOUND: Posture = { encrypted: true, secureBoot: true, osId: 'recovery-probe', osVersion: '', patchAgeDays: 0, firewall: true, agentHealthy: true };

/** Ids that no policy would write down. */
const FIRST_ID = 3_000_000_000;
const COMMAND = encodeUtf8('/usr/sbin/belay-recovery-probe');

/** Somebody whom the rule names and who is in nothing else, running a file that no rule names. */
function probe(set: PolicySet, subject: Subject | undefined, circumstances: Circumstances): Probe {
  const names = namesInPolicy(set);
  const userIds = new Map(names.users.map((name, index) => [name, name === 'root' ? 0 : FIRST_ID + index]));
  const groupIds = new Map(names.groups.map((name, index) => [name, name === 'root' ? 0 : FIRST_ID + index]));
  const isUser = subject?.kind === 'user';
  const uid = isUser ? (userIds.get(subject.name) as number) : subject?.kind === 'uid' ? subject.id : FIRST_ID - 1;
  const gid = subject?.kind === 'group' ? (groupIds.get(subject.name) as number) : subject?.kind === 'gid' ? subject.id : FIRST_ID - 1;
  const executable = { typed: COMMAND, links: [], resolved: COMMAND, device: 0n, inode: 0n, rootOnly: true, script: false };
  return {
    request: {
      door: 'sudo',
      deviceId: 'd-recovery-probe',
      requester: { uid, gid, groups: [gid], name: isUser ? subject.name : 'belay-recovery-probe' },
      loginSession: { sessionId: 1, leaderStart: 1, terminal: circumstances.terminal ? 1 : 0 },
      executable,
      args: [],
      cwd: '/' as ByteString,
      env: [],
      runAs: { uid: 0, gid: 0, groups: [0], userName: 'root', groupName: 'root' },
    },
    context: {
      nowMs: circumstances.nowMs,
      utcOffsetMinutes: 0,
      device: { id: 'd-recovery-probe', name: 'recovery-probe', groups: [], labels: {} },
      manifestExpired: circumstances.expired,
      objectOf: (path) => (path === COMMAND ? executable : undefined),
      pathsOfObject: () => [],
      groupId: (name) => groupIds.get(name),
      userId: (name) => userIds.get(name),
      primaryGroupId: (id) => (id === 0 ? 0 : undefined),
      executableSha256: () => '0'.repeat(64),
      circumstances: {
        ownerOfExecutable: () => 'none',
        lineage: () => ({ processes: [], whole: true }),
        origin: () => ({ kind: 'console', sourceAddress: undefined }),
        posture: () => SOUND,
      },
    },
  };
}
