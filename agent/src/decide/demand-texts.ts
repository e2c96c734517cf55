import type { ApprovalDemand, Demands } from '@belay/core/policy';
import { inert } from './inert.ts';

/** What a rule asks for first, in words that follow "asks for". */
export function demandTexts({ reason, reauth, confirm, approval, emergency }: Demands): readonly string[] {
  return [
    ...(reason === undefined ? [] : [reason.minLength > 1 ? `a reason (at least ${reason.minLength} characters)` : 'a reason']),
    ...(reauth === undefined ? [] : [reauth.maxAgeMs === 0 ? 'your password' : `your password, unless it was given in the last ${spanText(reauth.maxAgeMs)}`]),
    ...(confirm ? ['your yes'] : []),
    ...approval.map(approvalText),
    ...(emergency === true ? ['an emergency, of which everybody is told'] : []),
  ];
}

function approvalText({ from, count, withinMs, stage, escalate }: ApprovalDemand): string {
  const later = escalate === undefined ? '' : ` (after ${spanText(escalate.afterMs)} also ${escalate.to.join(' or ')})`;
  return inert(`${stage === undefined ? '' : 'then '}${count} approval${count === 1 ? '' : 's'} from ${from.join(' or ')} within ${spanText(withinMs)}${later}`);
}

function spanText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds % 3600 === 0 && seconds > 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 && seconds > 0 ? `${seconds / 60} min` : `${seconds} s`;
}
