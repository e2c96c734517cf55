import type { Decision } from '@belay/core/policy';
import type { Peer } from '../platform/platform.ts';
import type { ElevationDeps } from './elevation.ts';
import { observedEvent, type Why } from './evidence.ts';
import { gather, type Gathered } from './gather.ts';
import { ruleName, rulesOf } from './messages.ts';
import { Ruling } from './ruling.ts';
import type { SudoRequest } from './sudo-request.ts';

/** What another policy plugin answered. */
export type Seen = 'allowed' | 'refused';
type Would = { readonly would: Decision['kind']; readonly why: Why | undefined; readonly rules: readonly string[] };

/**
 * Monitor mode: records what was asked, what another policy plugin answered, and what would have been decided here if every policy
 * of this device were enforced. Nothing else comes of it.
 */
export async function observe(number: number, sudo: SudoRequest, seen: Seen, { peer, deps }: { readonly peer: Peer; readonly deps: ElevationDeps }): Promise<void> {
  const gathered = gather(sudo, peer, deps);
  const typed = { path: sudo.typedPath, args: sudo.argv.slice(1) };
  const manifest = deps.policy()?.manifest.number ?? 0;
  const base = { number, actor: peer.actor, manifest, typed };
  if (!gathered.ok) {
    deps.journal.append(observedEvent({ ...base, rules: [], request: undefined }, { seen, would: 'deny', why: gathered.error.why }, deps.platform));
    return;
  }
  const { would, why, rules } = await decideAsIf(gathered.value, peer, deps);
  deps.journal.append(observedEvent({ ...base, rules, request: gathered.value.request }, { seen, would, why }, deps.platform));
}

/** Closes the descriptor of what was gathered. */
async function decideAsIf(gathered: Gathered, peer: Peer, deps: ElevationDeps): Promise<Would> {
  const policy = deps.policy();
  const asIf = policy === undefined ? undefined : { ...policy, set: policy.monitored ?? policy.set };
  const ruling = new Ruling(gathered, peer, { ...deps, policy: () => asIf });
  try {
    if (peer.actor.realUid === 0) return { would: 'allow', why: undefined, rules: [] };
    const { decision } = ruling.now() ?? (await ruling.hashed(new AbortController().signal));
    return { would: decision.kind, why: decision.kind === 'deny' ? decision.reason.kind : undefined, rules: rulesOf(decision).map(ruleName) };
  } finally {
    ruling.close();
  }
}
