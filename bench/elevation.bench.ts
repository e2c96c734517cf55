// `sudo -n true` through Belay, intent durable before the command, against stock sudo with one NOPASSWD line: with PAM account and
// session in both, and without PAM in both.
import { quantile, rounded } from './support/statistics.ts';
import { openSudoWorld, withoutPam } from './support/sudo-world.ts';

const SAMPLES = Number(process.env['BELAY_BENCH_SAMPLES'] ?? 600);
const NOPASSWD = 'alice ALL=(root) NOPASSWD: /usr/bin/true\n';
const NO_PAM = 'Defaults !pam_acct_mgmt, !pam_setcred, !pam_session\n';

const policy = `apiVersion: belay/v1
kind: Policy
metadata: { name: bench }
rules:
  - name: nothing but true
    who: ["user:alice"]
    run: [{ command: /usr/bin/true, args: [] }]
    then: allow
`;

const sudo = await openSudoWorld({ 'bench.yaml': policy });
try {
  const withPam = await sudo.measure(NOPASSWD, SAMPLES);
  await sudo.restart(withoutPam);
  const noPam = await sudo.measure(NO_PAM + NOPASSWD, SAMPLES);
  const p50 = (samples: readonly number[]): number => quantile(samples, 0.5);
  const show = (name: string, { ours, stock }: typeof withPam): void =>
    console.log(`${name}: belay p50 ${rounded(p50(ours))} ms, p99 ${rounded(quantile(ours, 0.99))} ms; stock sudo p50 ${rounded(p50(stock))} ms, p99 ${rounded(quantile(stock, 0.99))} ms`);
  show('with PAM   ', withPam);
  show('without PAM', noPam);
  console.log(JSON.stringify({
    name: 'elevation',
    ours: rounded(p50(withPam.ours)),
    rival: rounded(p50(withPam.stock)),
    ratio: rounded(p50(withPam.ours) / p50(withPam.stock)),
    unit: 'ms',
    oursNoPam: rounded(p50(noPam.ours)),
    rivalNoPam: rounded(p50(noPam.stock)),
    ratioNoPam: rounded(p50(noPam.ours) / p50(noPam.stock)),
    samples: SAMPLES,
    journalOn: sudo.journalOn,
  }));
} finally {
  await sudo.close();
}
