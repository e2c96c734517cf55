// From an approver's click to the waiting sudo's command running, with a thousand agents connected to the same server (its bundle).
import { rounded, quantile } from './support/statistics.ts';

process.env['BELAY_DIST'] = '1';
const { createWorld, worldNode, worldRepo } = await import('../tests/support/world.ts');
const { serverFolder } = await import('../tests/support/world/server.ts');
const { uids } = await import('../tests/support/world/people.ts');

const AGENTS = Number(process.env['BELAY_BENCH_AGENTS'] ?? 1000);
const SAMPLES = Number(process.env['BELAY_BENCH_SAMPLES'] ?? 300);
const CONNECT_MS = 5 * 60_000;
const RUN_MS = 10 * 60_000;
const LIMIT_MS = 500;

const policy = `apiVersion: belay/v1
kind: Policy
metadata: { name: bench }
rules:
  - name: what time it is
    who: ["user:alice"]
    run: [{ command: /usr/bin/date, args: ["*"] }]
    then: ask
    require: { approval: { from: [role:approver], within: 5m } }
`;
const recovery = `apiVersion: belay/v1
kind: Policy
metadata: { name: recovery }
rules:
  - { name: recovery, recovery: true, who: ["group:belay-recovery"], run: any, then: ask, require: { reauth: true } }
`;

const password = 'a rope of its own';
const world = await createWorld({ policies: { 'bench.yaml': policy, 'recovery.yaml': recovery }, serverConfig: 'limits: { enrollmentsPerMinute: 100000 }', agentConfig: 'approvals: { askedAtOnce: 10000 }' });
try {
  const ca = `${serverFolder}/pki/ca.pem`;
  await world.writeFile('/root/approver-password', `${password}\n`);
  const made = await world.belayctl(['account', 'create', 'approver', '--role', 'approver', '--password-file', '/root/approver-password']);
  if (made.code !== 0) throw new Error(`no approver: ${made.stderr}${made.stdout}`);
  const enrolment = await world.ask<{ token: string }>(['enroll-token', 'create', '--uses', String(AGENTS)]);
  const agents = world.spawn([worldNode, '--disable-warning=ExperimentalWarning', `${worldRepo}/bench/support/idle-agents.ts`, ca, enrolment.token, 'belay-world:7444', 'belay-world:7443', String(AGENTS)]);
  await world.waitFor(() => {
    if (agents.hasEnded()) throw new Error(`the agents ended: ${agents.output().stderr}`);
    return agents.output().stdout.includes('connected');
  }, { what: `${AGENTS} agents to be connected`, timeoutMs: CONNECT_MS });
  console.error(`${AGENTS} agents are connected`);
  const ran = await world.run([worldNode, '--disable-warning=ExperimentalWarning', `${worldRepo}/bench/support/approver.ts`, ca, 'https://belay-world:7445', 'approver', '/root/approver-password', String(SAMPLES), String(uids.alice), String(uids.alice)], { timeoutMs: RUN_MS });
  if (ran.code !== 0) throw new Error(`the approver failed: ${ran.stderr.slice(-1000)}`);
  if (agents.hasEnded()) throw new Error(`the agents ended meanwhile: ${agents.output().stderr}`);
  const times = JSON.parse(ran.stdout) as readonly number[];
  const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  console.error(`from the click to the command: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (required: ${LIMIT_MS})`);
  console.log(JSON.stringify({ name: 'approval-latency', ours: rounded(p99), rival: null, ratio: null, unit: 'ms', p50: rounded(p50), worst: rounded(Math.max(...times)), agents: AGENTS, samples: times.length }));
} finally {
  await world.close();
}
