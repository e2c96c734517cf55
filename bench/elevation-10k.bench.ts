// `sudo -n true` through Belay with 10 000 rules in force, against stock sudo with 10 000 lines of sudoers; PAM account and session on in both.
// The one rule that matches is in the middle of both.
import { quantile, rounded } from './support/statistics.ts';
import { openSudoWorld } from './support/sudo-world.ts';

const SAMPLES = Number(process.env['BELAY_BENCH_SAMPLES'] ?? 500);
const RULES = 10_000;
const MIDDLE = RULES / 2;

function commandOf(index: number): string {
  return index === MIDDLE ? '/usr/bin/true' : `/usr/local/bin/tool-${index}`;
}

function userOf(index: number): string {
  return index === MIDDLE ? 'alice' : `user${index % 500}`;
}

const indexes = Array.from({ length: RULES }, (_, index) => index);
const rules = indexes.map((index) => `  - { name: "rule ${index}", who: ["user:${userOf(index)}"], run: [{ command: ${commandOf(index)}, args: [] }], then: allow }\n`);
const policy = `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: many }\nrules:\n${rules.join('')}`;
const sudoers = indexes.map((index) => `${userOf(index)} ALL=(root) NOPASSWD: ${commandOf(index)} ""\n`).join('');

const sudo = await openSudoWorld({ 'many.yaml': policy });
try {
  const { ours, stock } = await sudo.measure(sudoers, SAMPLES);
  const p50 = { ours: quantile(ours, 0.5), stock: quantile(stock, 0.5) };
  console.log(`${RULES} rules: belay p50 ${rounded(p50.ours)} ms, p99 ${rounded(quantile(ours, 0.99))} ms; stock sudo p50 ${rounded(p50.stock)} ms, p99 ${rounded(quantile(stock, 0.99))} ms`);
  console.log(JSON.stringify({
    name: 'elevation-10k',
    ours: rounded(p50.ours),
    rival: rounded(p50.stock),
    ratio: rounded(p50.ours / p50.stock),
    unit: 'ms',
    rules: RULES,
    samples: SAMPLES,
    journalOn: sudo.journalOn,
  }));
} finally {
  await sudo.close();
}
