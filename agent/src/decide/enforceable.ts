import type { Decision, Obligations } from '@belay/core/policy';
import { unsettable } from './kept-variables.ts';

/** A yes, or one on demands. */
export type Permit = Exclude<Decision, { kind: 'deny' }>;

/**
 * What a yes wants that nobody here can enforce, by the words a policy uses: then there is no yes (design.md, meaning 6). What has
 * an enforcer is left out of these lists when the enforcer is there, not before.
 */
export function unenforceable(decision: Permit): readonly string[] {
  return obligationsWithoutEnforcer(decision.obligations);
}

function obligationsWithoutEnforcer(obligations: Obligations): readonly string[] {
  const { durationMs, uses, totalMs, children, capabilities, network, writable, environment, record, conflicts } = obligations;
  return named({
    'limits.duration': durationMs !== undefined,
    'limits.uses': uses !== undefined,
    'limits.total': totalMs !== undefined,
    [`limits.children: ${children}`]: children !== 'allow',
    'limits.capabilities': capabilities !== undefined,
    'limits.network': network !== 'allow',
    'limits.writable': writable !== undefined,
    [`record: ${record}`]: record !== 'none',
    ...Object.fromEntries(unsettable(environment.set).map((name) => [`limits.environment.set: ${name}`, true])),
    ...Object.fromEntries(conflicts.map((conflict) => [conflict, true])),
  });
}

function named(wanted: Readonly<Record<string, boolean>>): readonly string[] {
  return Object.entries(wanted).filter(([, isWanted]) => isWanted).map(([name]) => name);
}
