// From policies to bundles: 10 000 rules (bench/support/rule-mix.ts) in 50 policies of 200, as a fleet has them in files.
// `ours`: compiling all of them, what they share as well as their bundles' bytes, ms; their YAML has been read (`readMs`).
// `oneRule`: one rule of one file changes: that file is read, checked and compiled anew; `oneRuleRatio`: against all files anew.
// `npm run bench -- compile`
import { encodeBundle } from '../core/src/policy/index.ts';
import { compilePolicy, parsePolicyFiles, type Policy } from '../core/src/policy-tools/index.ts';
import { parseText, policyText } from './support/rule-mix.ts';
import { quantile, rounded } from './support/statistics.ts';

const RULES = 10_000;
const PER_POLICY = 200;
const SAMPLES = 15;

const texts = Array.from({ length: RULES / PER_POLICY }, (_, p) => policyText(`bench-${p}`, p * PER_POLICY, (p + 1) * PER_POLICY));

function timed(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

function readAll(): readonly Policy[] {
  const parsed = parsePolicyFiles(texts.map((text, p) => ({ name: `bench-${p}.yaml`, text })));
  if (!parsed.ok) throw new Error('the rules of the bench have errors');
  return parsed.value;
}

const compileAll = (policies: readonly Policy[]): number => policies.reduce((bytes, policy) => bytes + encodeBundle(compilePolicy(policy)).length, 0);

/** Another priority for one rule in the middle of a file. */
function changeOne(sample: number): number {
  const text = texts[sample % texts.length] as string;
  const place = text.indexOf('then:', text.length / 2);
  const changed = `${text.slice(0, place)}priority: ${sample}, ${text.slice(place)}`;
  return encodeBundle(compilePolicy(parseText(changed))).length;
}

let policies = readAll();
const read: number[] = [];
const all: number[] = [];
const one: number[] = [];
const anew: number[] = [];
for (let i = 0; i < SAMPLES; i++) {
  one.push(timed(() => changeOne(i)));
  const readMs = timed(() => {
    policies = readAll();
  });
  const compileMs = timed(() => compileAll(policies));
  read.push(readMs);
  all.push(compileMs);
  anew.push(readMs + compileMs);
}
const p50 = (list: readonly number[]): number => quantile(list, 0.5);
console.log(`${RULES} rules: read ${rounded(p50(read))} ms, compiled ${rounded(p50(all))} ms; one rule changed: ${rounded(p50(one))} ms`);
console.log(JSON.stringify({
  name: 'compile', ours: rounded(p50(all)), rival: null, ratio: null, unit: 'ms', oneRule: rounded(p50(one)), oneRuleRatio: rounded(p50(one) / p50(anew)), readMs: rounded(p50(read)), rules: RULES, policies: texts.length, samples: SAMPLES,
}));
