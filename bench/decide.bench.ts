// One decision among 10 000 rules (bench/support/rule-mix.ts), among 100 000, and among 1 000 against the faster of casbin
// (node-casbin) and Cedar (cedar-wasm, policies parsed ahead), which get no more than who, what and the first argument.
//
// Measured calls alternate one by one. Each follows unmeasured calls of the same engine about other rules: one call of a rival walks
// through more code and memory than the processor's first caches hold, and what is asked is the price of a decision, not of
// the neighbour's. What ours costs right after a rival's is told as `cold`.
// `npm run bench -- decide`
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { newEnforcer, newModelFromString } from 'casbin';
import { decide, type DecisionContext, loadPolicySet, type PolicySet } from '../core/src/policy/index.ts';
import type { ElevationRequest } from '../core/src/request/index.ts';
import { command, compiledRules, contextsFor, GROUPS, requestFor } from './support/rule-mix.ts';
import { quantile } from './support/statistics.ts';

const OUR_RULES = 10_000;
const MANY_RULES = 100_000;
const RIVAL_RULES = 1000;
const SAMPLES = 2000;
const CEDAR_SAMPLES = 500;
// Enough for the optimizing compiler to be done.
const WARM_UP = 60_000;
const REVIVE = 200;

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

async function openCasbin(): Promise<(i: number) => boolean> {
  const enforcer = await newEnforcer(newModelFromString(MODEL));
  await enforcer.addPolicies(Array.from({ length: RIVAL_RULES }, (_, i) => [`team-${i % GROUPS}`, command(i), 'install']));
  return (i) => enforcer.enforceSync(`team-${i % GROUPS}`, command(i), 'install');
}

function openCedar(): (i: number) => boolean {
  const staticPolicies = Array.from({ length: RIVAL_RULES }, (_, i) => `permit(principal in Team::"team-${i % GROUPS}", action == Action::"install", resource == Command::"${command(i)}");`).join('\n');
  const parsed = preparsePolicySet('bench', { staticPolicies });
  if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed));
  return (i) => {
    const principal = { type: 'User', id: 'ada' };
    const answer = statefulIsAuthorized({
      principal, action: { type: 'Action', id: 'install' }, resource: { type: 'Command', id: command(i) }, context: {}, preparsedPolicySetId: 'bench',
      entities: [{ uid: principal, attrs: {}, parents: [{ type: 'Team', id: `team-${i % GROUPS}` }] }],
    });
    return answer.type === 'success' && answer.response.decision === 'allow';
  };
}

function timed(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1000;
}

/** Spread over all rules; every tenth is a deny, so both answers are measured. */
const place = (sample: number, rules: number): number => (sample * 7919) % rules;

type Fleet = { readonly set: PolicySet; readonly contextOf: (request: ElevationRequest) => DecisionContext; readonly rules: number };
const openFleet = (rules: number): Fleet => ({ set: loadPolicySet(compiledRules(rules)), contextOf: contextsFor(rules), rules });

/** After calls about other rules. */
function measureOne({ set, contextOf, rules }: Fleet, sample: number): { readonly us: number; readonly isAllowed: boolean } {
  const request = requestFor(place(sample, rules));
  const context = contextOf(request);
  for (let k = 1; k <= REVIVE; k++) decideAbout(set, requestFor(place(sample * 31 + k, rules)), contextOf);
  let isAllowed = false;
  const us = timed(() => {
    isAllowed = decide(set, request, context).kind === 'allow';
  });
  return { us, isAllowed };
}

function decideAbout(set: PolicySet, request: ElevationRequest, contextOf: Fleet['contextOf']): void {
  decide(set, request, contextOf(request));
}

function warmUp({ set, contextOf, rules }: Fleet): void {
  for (let i = 0; i < WARM_UP; i++) decideAbout(set, requestFor(place(i, rules)), contextOf);
}

const fleet = openFleet(OUR_RULES);
const small = openFleet(RIVAL_RULES);
const casbin = await openCasbin();
const cedar = openCedar();
for (let i = 0; i < 50; i++) if (!casbin(place(i, RIVAL_RULES)) || !cedar(place(i, RIVAL_RULES))) throw new Error('a rival denies what its policy allows');
warmUp(fleet);
warmUp(small);

const samples = { ours: [] as number[], cold: [] as number[], small: [] as number[], casbin: [] as number[], cedar: [] as number[], many: [] as number[] };
let allowed = 0;
(globalThis as { gc?: () => void }).gc?.();
for (let i = 0; i < SAMPLES; i++) {
  const first = requestFor(place(i + SAMPLES, OUR_RULES));
  const firstContext = fleet.contextOf(first);
  samples.cold.push(timed(() => decide(fleet.set, first, firstContext)));
  const { us, isAllowed } = measureOne(fleet, i);
  samples.ours.push(us);
  if (isAllowed) allowed++;
  samples.small.push(measureOne(small, i).us);
  casbin(place(i + SAMPLES, RIVAL_RULES));
  samples.casbin.push(timed(() => casbin(place(i, RIVAL_RULES))));
  if (i < CEDAR_SAMPLES) samples.cedar.push(timed(() => cedar(place(i, RIVAL_RULES))));
}
if (allowed !== SAMPLES * 0.9) throw new Error(`expected nine of ten to be allowed, not ${allowed} of ${SAMPLES}`);

const many = openFleet(MANY_RULES);
warmUp(many);
const oursAgain: number[] = [];
for (let i = 0; i < SAMPLES; i++) {
  samples.many.push(measureOne(many, i).us);
  oursAgain.push(measureOne(fleet, i).us);
}

const p50 = (list: readonly number[]): number => quantile(list, 0.5);
const round = (value: number): number => Math.round(value * 1000) / 1000;
const rival = p50(samples.casbin) <= p50(samples.cedar) ? 'casbin' : 'cedar-wasm';
const rivalP50 = Math.min(p50(samples.casbin), p50(samples.cedar));
console.log(`belay  ${OUR_RULES} rules: p50 ${round(p50(samples.ours))} µs, p99 ${round(quantile(samples.ours, 0.99))} µs; ${RIVAL_RULES}: p50 ${round(p50(samples.small))} µs; ${MANY_RULES}: p50 ${round(p50(samples.many))} µs beside ${round(p50(oursAgain))} µs`);
console.log(`at ${RIVAL_RULES} rules: casbin p50 ${round(p50(samples.casbin))} µs, cedar-wasm p50 ${round(p50(samples.cedar))} µs`);
console.log(JSON.stringify({
  name: 'decide',
  ours: round(p50(samples.ours)),
  rival: round(rivalP50),
  ratio: Number((p50(samples.small) / rivalP50).toFixed(5)),
  unit: 'us',
  p99: round(quantile(samples.ours, 0.99)),
  atRivalsRules: round(p50(samples.small)),
  at100k: Number((p50(samples.many) / p50(oursAgain)).toFixed(3)),
  cold: round(p50(samples.cold)),
  fasterRival: rival,
  rules: OUR_RULES,
  rivalRules: RIVAL_RULES,
  samples: SAMPLES,
}));
