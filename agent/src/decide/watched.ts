import { type Decision, decide } from '@belay/core/policy';
import type { Journal } from '../journal/journal.ts';
import type { Platform } from '../platform/platform.ts';
import type { Asked, Decided, Settled } from './decided.ts';
import { observedEvent } from './evidence.ts';
import { ruleName, rulesOf } from './messages.ts';
import type { PolicyInForce } from '../state/device-state.ts';

export type WatchDeps = { readonly journal: Pick<Journal, 'append'>; readonly platform: Platform };

/**
 * Policies in monitor mode beside others that are enforced: where they would have made a difference to a request, that is put on
 * record once the request has its answer.
 */
export function watching(decided: Decided, deps: WatchDeps): Decided {
  return {
    add(settled) {
      decided.add(settled);
      const { policy, asked, outsideRules } = settled;
      if (policy?.monitored === undefined || asked === undefined || outsideRules) return;
      setImmediate(() => watch(settled, { policy, asked }, deps));
    },
    byNumber: (number) => decided.byNumber(number),
    lastOf: (uid) => decided.lastOf(uid),
  };
}

type Watched = { readonly policy: PolicyInForce; readonly asked: Asked };

function watch(settled: Settled, { policy, asked }: Watched, { journal, platform }: WatchDeps): void {
  const { number, decision, typed, why } = settled;
  const would = decide(policy.monitored ?? policy.set, asked.request, asked.context);
  if (decision !== undefined && isSame(decision, would)) return;
  const { requester, loginSession } = asked.request;
  const act = { number, actor: { realUid: requester.uid, loginSession }, rules: rulesOf(would).map(ruleName), manifest: policy.manifest.number, request: asked.request, typed: { path: typed.path, args: typed.argv.slice(1) } };
  journal.append(observedEvent(act, { seen: why === undefined ? 'allowed' : 'refused', would: would.kind, why: would.kind === 'deny' ? would.reason.kind : undefined }, platform));
}

function isSame(a: Decision, b: Decision): boolean {
  return a.kind === b.kind && JSON.stringify(rulesOf(a)) === JSON.stringify(rulesOf(b));
}
