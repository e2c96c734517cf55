import type { ByteString } from '@belay/core/bytes';
import { type FrontEnd, type Permit, unenforceable } from './enforceable.ts';
import type { Variables } from './environment.ts';
import { firstUnkept } from './kept-variables.ts';
import { ruleNames, unkeptText } from './messages.ts';

/** Why there can be no yes though policy has one, as the requester is told; undefined: nothing stands against it but what a rule demands. */
export function objectionTo(decision: Permit, env: readonly ByteString[], variables: Variables, front: FrontEnd): string | undefined {
  const missing = unenforceable(decision, front);
  if (missing.length > 0) return `the rule "${ruleNames(decision.by)}" needs "${missing.join('", "')}", which this agent cannot enforce.`;
  const unkept = firstUnkept(variables, env);
  return unkept === undefined ? undefined : unkeptText(unkept, decision.by);
}
