import type { Manifest } from '@belay/core/evidence';

/** Nothing but grants came or went: the policy is the same, to the byte. */
export function differsInGrantsAlone(a: Manifest, b: Manifest): boolean {
  const policyOf = ({ epoch, name, groups, labels, bundles, features }: Manifest): string =>
    JSON.stringify([epoch, name, groups, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)), bundles.map((digest) => Buffer.from(digest).toString('hex')), features.filter((feature) => feature !== 'grants/v1')]);
  const grantsOf = ({ grants, revocations }: Manifest): string => JSON.stringify([grants.map((grant) => Buffer.from(grant).toString('base64')), revocations]);
  return policyOf(a) === policyOf(b) && grantsOf(a) !== grantsOf(b);
}
