import type { ApprovalDemand } from '../policy/demands.ts';

/**
 * One approval demand as text: what a request carries to the server and a grant carries back. The same demand is the same text, so a
 * grant stands for a demand when the text is among those it met.
 */
export function approvalText({ from, count, withinMs, stage, escalate }: ApprovalDemand): string {
  return JSON.stringify({
    from: [...new Set(from)].sort(), count, withinMs,
    ...(stage === undefined || stage === 0 ? {} : { stage }),
    ...(escalate === undefined ? {} : { escalate: { afterMs: escalate.afterMs, to: [...new Set(escalate.to)].sort() } }),
  });
}
