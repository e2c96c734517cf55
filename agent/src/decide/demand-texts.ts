import type { Demands } from '@belay/core/policy';
import { inert } from './inert.ts';

/** What a rule asks for first, in words that follow "asks for". */
export function demandTexts({ reason, reauth, confirm, approval }: Demands): readonly string[] {
  return [
    ...(reason === undefined ? [] : [reason.minLength > 1 ? `a reason (at least ${reason.minLength} characters)` : 'a reason']),
    ...(reauth === undefined ? [] : [reauth.maxAgeMs === 0 ? 'your password' : `your password, unless it was given in the last ${spanText(reauth.maxAgeMs)}`]),
    ...(confirm ? ['your yes'] : []),
    ...approval.map(({ from, count, withinMs }) => inert(`${count} approval${count === 1 ? '' : 's'} from ${from.join(' or ')} within ${spanText(withinMs)}`)),
  ];
}

function spanText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds % 3600 === 0 && seconds > 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 && seconds > 0 ? `${seconds / 60} min` : `${seconds} s`;
}
