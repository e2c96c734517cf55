import { bundleDigest, type CompiledPolicy, encodeBundle } from '@belay/core/policy';
import { compilePolicy, formatProblems, parsePolicyFiles } from '@belay/core/policy-tools';
import { sha256 } from '@belay/core/node-crypto';

/**
 * File name → YAML becomes hex digest → bundle, as a server makes them; `change` may make of it what no server would.
 * Throws with every problem.
 */
export function createPolicyBundles(policies: Readonly<Record<string, string>>, change = (policy: CompiledPolicy): CompiledPolicy => policy): ReadonlyMap<string, Uint8Array> {
  const parsed = parsePolicyFiles(Object.entries(policies).map(([name, text]) => ({ name, text })));
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  return new Map(parsed.value.map((policy) => {
    const bundle = encodeBundle(change(compilePolicy(policy)));
    return [Buffer.from(bundleDigest(bundle, sha256)).toString('hex'), bundle];
  }));
}
