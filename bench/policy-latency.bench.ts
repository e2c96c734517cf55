// From the end of `belayctl policy apply` until a real sudo on the device is decided by the new policy; each round takes back what the last one gave.
import { quantile, rounded } from './support/statistics.ts';

process.env['BELAY_DIST'] = '1';
const { createWorld, obstacle } = await import('../tests/support/world.ts');

const SAMPLES = Number(process.env['BELAY_BENCH_SAMPLES'] ?? 60);
const reason = obstacle();
if (reason !== undefined) throw new Error(`this bench ${reason}`);

const policyFor = (who: string): string => `apiVersion: belay/v1
kind: Policy
metadata: { name: bench }
rules:
  - { name: who may, who: ["${who}"], run: [{ command: /usr/bin/true, args: [] }], then: allow }
  - { name: recovery, recovery: true, who: ["group:belay-recovery"], run: any, then: ask, require: { reauth: true } }
`;

const world = await createWorld({ policies: { 'bench.yaml': policyFor('user:alice') } });
try {
  for (const who of ['alice', 'bob']) await world.writeFile(`/root/${who}/bench.yaml`, policyFor(`user:${who}`));
  const tookMs: number[] = [];
  for (let round = 0; round < SAMPLES; round++) {
    const wanted = round % 2 === 0 ? 'bob' : 'alice';
    const applied = await world.belayctl(['policy', 'apply', '-f', `/root/${wanted}`]);
    const appliedAt = performance.now();
    if (applied.code !== 0) throw new Error(applied.stderr);
    await world.waitFor(async () => (await world.sudo(wanted, ['-n', 'true'])).code === 0, { what: 'the policy to be in force' });
    tookMs.push(performance.now() - appliedAt);
  }
  console.log(`new policy in force: p50 ${rounded(quantile(tookMs, 0.5), 0)} ms, p99 ${rounded(quantile(tookMs, 0.99), 0)} ms, of ${SAMPLES}`);
  console.log(JSON.stringify({ name: 'policy-latency', ours: rounded(quantile(tookMs, 0.99), 0), rival: null, ratio: null, unit: 'ms', p50: rounded(quantile(tookMs, 0.5), 0), samples: SAMPLES }));
} finally {
  await world.close();
}
