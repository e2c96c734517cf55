import type { Targets } from '../../policy/compiled.ts';
import type { ApprovalDemand, Demands } from '../../policy/demands.ts';
import type { RuleObligations } from '../../policy/obligations.ts';

/** Which devices a policy is for, as its author wrote it. */
export function devicesText({ any, is, not }: Targets): string {
  const texts = is.map(({ kind, name }) => `${kind}:${name}`);
  return [...(any ? ['every device'] : texts), ...not.map(({ kind, name }) => `not ${kind}:${name}`)].join(', ');
}

/** What is asked for first, in a few words each. */
export function demandTexts({ reason, reauth, confirm, approval, emergency }: Demands): readonly string[] {
  return [
    ...(reason === undefined ? [] : [reason.patterns.length === 0 ? `a reason of ${reason.minLength} characters or more` : `a reason of ${reason.minLength} characters or more, like ${reason.patterns.join(' and ')}`]),
    ...(reauth === undefined ? [] : [reauth.maxAgeMs === 0 ? 'the password' : `the password, entered in the last ${durationText(reauth.maxAgeMs)}`]),
    ...(confirm ? ['a yes once more'] : []),
    ...approval.map(approvalWords),
    ...(emergency === true ? ['it is an emergency: everybody is told'] : []),
  ];
}

function approvalWords({ from, count, withinMs, stage, escalate }: ApprovalDemand): string {
  const later = escalate === undefined ? '' : `, after ${durationText(escalate.afterMs)} also by ${escalate.to.join(' or ')}`;
  return `${stage === undefined ? '' : 'then '}approval by ${count === 1 ? '' : `${count} of `}${from.join(' or ')} within ${durationText(withinMs)}${later}`;
}

/** What the command is held to, in a few words each. */
export function limitTexts(obligations: RuleObligations): readonly string[] {
  const { durationMs, uses, totalMs, children, capabilities, network, writable, umask, cwd, record, alert, environment } = obligations;
  return [
    ...(durationMs === undefined ? [] : [`for at most ${durationText(durationMs)}`]),
    ...(uses === undefined ? [] : [uses === 1 ? 'once' : `${uses} times`]),
    ...(totalMs === undefined ? [] : [`${durationText(totalMs)} in all`]),
    ...(children === 'allow' ? [] : [children === 'deny' ? 'starting no other program' : 'other programs only by a rule of their own']),
    ...(capabilities === undefined ? [] : [capabilities.length === 0 ? 'without capabilities' : `with ${capabilities.join(', ')} only`]),
    ...(network === 'deny' ? ['without network'] : []),
    ...(writable === undefined ? [] : [writable.length === 0 ? 'writing nothing' : `writing ${writable.join(', ')} only`]),
    ...(environment.keep.length === 0 ? [] : [`keeping ${environment.keep.join(', ')}`]),
    ...environment.set.map(({ name, values }) => `with ${name}=${values.join(' or ')}`),
    ...(umask === undefined ? [] : [`umask ${umask.toString(8).padStart(4, '0')}`]),
    ...cwd.map((folder) => `in ${folder}`),
    ...(record === 'none' ? [] : [record === 'session' ? 'the session is recorded' : 'its commands are recorded']),
    ...(alert === 'none' ? [] : [`alert: ${alert}`]),
  ];
}

const UNITS = [['d', 86_400_000], ['h', 3_600_000], ['m', 60_000], ['s', 1000]] as const;

function durationText(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms >= each && ms % each === 0) ?? ['ms', 1];
  return `${ms / size}${unit === 'ms' ? ' ms' : unit}`;
}
