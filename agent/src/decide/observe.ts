import { type Decision, decide } from '@belay/core/policy';
import type { Peer } from '../platform/platform.ts';
import type { ElevationDeps } from './elevation.ts';
import { observedEvent, type Why } from './evidence.ts';
import { decisionContext } from './facts.ts';
import { gather, type Gathered } from './gather.ts';
import { ruleName, rulesOf } from './messages.ts';
import type { SudoRequest } from './sudo-request.ts';

/** What another policy plugin answered. */
export type Seen = 'allowed' | 'refused';
type Would = { readonly would: Decision['kind']; readonly why: Why | undefined; readonly rules: readonly string[] };

const SEAL_LIMIT = 256 * 1024 * 1024;

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
  try {
    const { would, why, rules } = await decideAsIf(gathered.value, peer, deps);
    deps.journal.append(observedEvent({ ...base, rules, request: gathered.value.request }, { seen, would, why }, deps.platform));
  } finally {
    deps.platform.closeDescriptor(gathered.value.fd);
  }
}

async function decideAsIf({ request, fd }: Gathered, peer: Peer, deps: ElevationDeps): Promise<Would> {
  const policy = deps.policy();
  if (peer.actor.realUid === 0) return { would: 'allow', why: undefined, rules: [] };
  if (policy === undefined) return { would: 'deny', why: 'no-policy', rules: [] };
  const ask = (hash: () => string | undefined): Decision => decide(policy.monitored ?? policy.set, request, decisionContext(policy, deps, request.executable, hash));
  let isHashWanted = false;
  const first = ask(() => {
    isHashWanted = true;
    return undefined;
  });
  const decision = isHashWanted ? await withHash(fd, deps, ask) : first;
  return { would: decision.kind, why: decision.kind === 'deny' ? decision.reason.kind : undefined, rules: rulesOf(decision).map(ruleName) };
}

async function withHash(fd: number, { platform }: ElevationDeps, ask: (hash: () => string | undefined) => Decision): Promise<Decision> {
  const sealed = await platform.seal(fd, SEAL_LIMIT, new AbortController().signal);
  if (sealed.ok) platform.closeDescriptor(sealed.value.fd);
  return ask(() => (sealed.ok ? sealed.value.sha256 : undefined));
}
