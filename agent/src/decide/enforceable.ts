import type { Decision, Obligations } from '@belay/core/policy';
import { unsettable } from './kept-variables.ts';

/** A yes, or one on demands. */
export type Permit = Exclude<Decision, { kind: 'deny' }>;

/** What the one that asks can enforce. */
export type FrontEnd = { readonly records: boolean };

/**
 * What a yes wants that nobody here can enforce, by the words a policy uses: then there is no yes (design.md, meaning 6). What has
 * an enforcer is left out of these lists when the enforcer is there, not before.
 */
export function unenforceable(decision: Permit, front: FrontEnd): readonly string[] {
  return obligationsWithoutEnforcer(decision.obligations, front);
}

function obligationsWithoutEnforcer(obligations: Obligations, { records }: FrontEnd): readonly string[] {
  const { durationMs, uses, totalMs, children, capabilities, network, writable, environment, record, recorderUnable, conflicts } = obligations;
  return named({
    'limits.duration': durationMs !== undefined,
    'limits.uses': uses !== undefined,
    'limits.total': totalMs !== undefined,
    [`limits.children: ${children}`]: children !== 'allow',
    'limits.capabilities': capabilities !== undefined,
    'limits.network': network !== 'allow',
    'limits.writable': writable !== undefined,
    [`record: ${record}`]: record === 'commands' || (record === 'session' && !records && recorderUnable === 'deny'),
    ...Object.fromEntries(unsettable(environment.set).map((name) => [`limits.environment.set: ${name}`, true])),
    ...Object.fromEntries(conflicts.map((conflict) => [conflict, true])),
  });
}

function named(wanted: Readonly<Record<string, boolean>>): readonly string[] {
  return Object.entries(wanted).filter(([, isWanted]) => isWanted).map(([name]) => name);
}
