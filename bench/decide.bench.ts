// One decision among 10 000 rules, against casbin (node-casbin) among 1 000, call by call in turn. p50 of each.
//
// Measured calls alternate one by one. Each follows unmeasured calls of the same engine about other rules: one call of casbin walks
// through more code and memory than the processor's first caches hold, and what is asked is the price of a decision, not of
// the neighbour's. What ours costs right after casbin's is told as `cold`.
// `npm run bench -- decide`
import { newEnforcer, newModelFromString } from 'casbin';
import { type ByteString, encodeUtf8 } from '../core/src/bytes.ts';
import { decide, decodeBundle, encodeBundle, loadPolicySet, type DecisionContext, type PolicySet } from '../core/src/policy/index.ts';
import { compilePolicy, formatProblems, parsePolicyFiles } from '../core/src/policy-tools/index.ts';
import type { ElevationRequest } from '../core/src/request/index.ts';

const OUR_RULES = 10_000;
const RIVAL_RULES = 1000;
const SAMPLES = 2000;
// Enough for the optimizing compiler to be done.
const WARM_UP = 60_000;
const GROUPS = 40;
const REVIVE = 200;

const command = (i: number): string => `/usr/bin/tool-${i}`;

function policySet(rules: number): PolicySet {
  const text = ['apiVersion: belay/v1', 'kind: Policy', 'metadata: { name: bench }', 'rules:'];
  for (let i = 0; i < rules; i++) {
    // One rule in five has a condition, 400 different ones in all; two in five a glob inside an argument; one in ten is a deny.
    const when = i % 5 === 0 ? `, when: "time.hour >= ${i % 8} && time.minute < ${60 + (i % 50)}"` : '';
    const args = i % 5 < 2 ? 'install, "-*", "pack*"' : 'install, "**"';
    text.push(`  - { name: rule ${i}, who: ["group:team-${i % GROUPS}"], run: [{ command: ${command(i)}, args: [${args}] }]${when}, then: ${i % 10 === 9 ? 'deny' : 'allow'} }`);
  }
  const parsed = parsePolicyFiles([{ name: 'bench.yaml', text: text.join('\n') }]);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  // Through the bundle, as a device gets it.
  return loadPolicySet(parsed.value.map((policy) => {
    const decoded = decodeBundle(encodeBundle(compilePolicy(policy)));
    if (!decoded.ok) throw new Error(decoded.error.message);
    return decoded.value;
  }));
}

const ids = new Map(Array.from({ length: GROUPS }, (_, i) => [`team-${i}`, 5000 + i]));
const inodes = new Map(Array.from({ length: OUR_RULES }, (_, i) => [encodeUtf8(command(i)), BigInt(i)]));
const noAliases: readonly ByteString[] = [];

const context: DecisionContext = {
  nowMs: Date.UTC(2026, 2, 4, 10),
  utcOffsetMinutes: 60,
  device: { id: 'd-bench', name: 'bench', groups: [], labels: {} },
  manifestExpired: false,
  objectOf: (path) => {
    const inode = inodes.get(path);
    return inode === undefined ? undefined : { resolved: path, device: 1n, inode };
  },
  pathsOfObject: () => noAliases,
  groupId: (name) => ids.get(name),
  userId: () => undefined,
  executableSha256: () => undefined,
};

function request(i: number): ElevationRequest {
  const path = encodeUtf8(command(i));
  return {
    door: 'sudo',
    deviceId: 'd-bench',
    requester: { uid: 1000, gid: 1000, groups: [1000, 27, 5000 + (i % GROUPS)], name: 'ada' },
    loginSession: { sessionId: 1, leaderStart: 1, terminal: 1 },
    executable: { typed: path, links: [], resolved: path, device: 1n, inode: BigInt(i), rootOnly: true, script: false },
    args: ['install', '-y', 'package'].map(encodeUtf8),
    cwd: encodeUtf8('/home/ada'),
    env: ['LANG=C.UTF-8', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm-256color'].map(encodeUtf8),
    runAs: { uid: 0, gid: 0, groups: [0], userName: 'root', groupName: 'root' },
  };
}

const MODEL = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.obj == p.obj && r.act == p.act
`;

async function rival(): Promise<(i: number) => boolean> {
  const enforcer = await newEnforcer(newModelFromString(MODEL));
  await enforcer.addPolicies(Array.from({ length: RIVAL_RULES }, (_, i) => [`team-${i % GROUPS}`, command(i), 'install']));
  return (i) => enforcer.enforceSync(`team-${i % GROUPS}`, command(i), 'install');
}

function timed(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1000;
}

function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * share)] as number;
}

const set = policySet(OUR_RULES);
const small = policySet(RIVAL_RULES);
const enforce = await rival();
/** Spread over all rules; every tenth is a deny, so both answers are measured. */
const place = (sample: number, rules: number): number => (sample * 7919) % rules;

let allowed = 0;
for (let i = 0; i < WARM_UP; i++) decide(set, request(place(i, OUR_RULES)), context);
for (let i = 0; i < 50; i++) if (!enforce(place(i, RIVAL_RULES))) throw new Error('casbin denies what its policy allows');

const ours: number[] = [];
const cold: number[] = [];
const oursSmall: number[] = [];
const theirs: number[] = [];
(globalThis as { gc?: () => void }).gc?.();
for (let i = 0; i < SAMPLES; i++) {
  const first = request(place(i + SAMPLES, OUR_RULES));
  const one = request(place(i, OUR_RULES));
  const other = request(place(i, RIVAL_RULES));
  cold.push(timed(() => decide(set, first, context)));
  for (let k = 1; k <= REVIVE; k++) decide(set, request(place(i * 31 + k, OUR_RULES)), context);
  ours.push(timed(() => {
    if (decide(set, one, context).kind === 'allow') allowed++;
  }));
  oursSmall.push(timed(() => decide(small, other, context)));
  enforce(place(i + SAMPLES, RIVAL_RULES));
  theirs.push(timed(() => enforce(place(i, RIVAL_RULES))));
}
if (allowed !== SAMPLES * 0.9) throw new Error(`expected nine of ten to be allowed, not ${allowed} of ${SAMPLES}`);

const p50 = quantile(ours, 0.5);
const rivalP50 = quantile(theirs, 0.5);
const round = (value: number): number => Math.round(value * 1000) / 1000;
console.log(`belay  ${OUR_RULES} rules: p50 ${round(p50)} µs, p99 ${round(quantile(ours, 0.99))} µs; ${RIVAL_RULES} rules: p50 ${round(quantile(oursSmall, 0.5))} µs`);
console.log(`casbin ${RIVAL_RULES} rules: p50 ${round(rivalP50)} µs`);
console.log(JSON.stringify({
  name: 'decide',
  ours: round(p50),
  rival: round(rivalP50),
  ratio: Number((p50 / rivalP50).toFixed(5)),
  unit: 'us',
  oursAtRivalsRules: round(quantile(oursSmall, 0.5)),
  cold: round(quantile(cold, 0.5)),
  p99: round(quantile(ours, 0.99)),
  rules: OUR_RULES,
  rivalRules: RIVAL_RULES,
  samples: SAMPLES,
}));
