import { expect, test } from '@jest/globals';
import { forRequester } from './audience.ts';
import type { Explanation } from './explanation.ts';
import { questionIn } from '../policy-tools/cases/question.ts';
import { compilePolicy, formatProblems, parsePolicyFiles } from '../policy-tools/index.ts';
import { sha256 } from '../../node/crypto.ts';
import { explain } from './explain.ts';
import { loadPolicySet } from './policy-set.ts';

const POLICY = `apiVersion: belay/v1
kind: Policy
metadata: { name: office }
rules:
  - name: printers
    who: ["group:helpdesk"]
    run: [{ command: /usr/bin/lpadmin, args: [-p, "SECRETPRINTER*"] }]
    cwd: [/srv/hidden]
    from: { networks: [192.0.2.0/24] }
    during: { from: "08:00", to: "09:00" }
    when: device.labels.vault == "hush"
    then: allow
  - name: with a reason
    who: ["group:developers"]
    run: [{ command: /usr/bin/id }]
    require: { reason: { minLength: 12 } }
    message: Say why.
    then: ask
  - name: no shells
    run: [{ command: /bin/sh }]
    message: Use belay edit.
    then: deny
`;

function explainFor(run: readonly string[], groups: readonly string[] = ['developers']): Explanation {
  const parsed = parsePolicyFiles([{ name: 'office.yaml', text: POLICY }]);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  const set = loadPolicySet(parsed.value.map(compilePolicy));
  const { request, context } = questionIn({ files: { '/usr/bin/tool': { writable: true } } }, { who: 'ada', groups: [...groups], run: [...run], login: 'ssh', address: '198.51.100.7' }, { sha256 });
  return explain(set, request, context);
}

test('of a denial that no rule made, whoever asked learns nothing of the rules that nearly held', () => {
  const explanation = explainFor(['/usr/bin/lpadmin', '-p', 'mine']);
  // What the SOC sees has it all.
  const whole = JSON.stringify(explanation);
  for (const secret of ['printers', 'helpdesk', 'SECRETPRINTER', '/srv/hidden', '192.0.2.0', '198.51.100.7', '08:00', 'hush']) expect(whole).toContain(secret);
  expect(forRequester(explanation, 41)).toEqual({ decision: 'deny', reason: 'no-rule', by: [], message: undefined, demands: undefined, request: 41 });
});

test('nothing of what rules want or what was found is left in it, whatever the decision', () => {
  for (const run of [['/usr/bin/lpadmin', '-p', 'mine'], ['/usr/bin/id'], ['/bin/sh'], ['/usr/bin/none']]) {
    const explanation = explainFor(run);
    const shown = JSON.stringify(forRequester(explanation, 7));
    const texts = explanation.rules.flatMap(({ criteria }) => criteria.flatMap(({ wants, found }) => [wants, found ?? wants]));
    expect(texts.length).toBeGreaterThan(0);
    for (const text of texts) expect(shown).not.toContain(text);
    for (const { rule, part } of explanation.rules) expect([rule.rule, shown.includes(rule.rule)]).toEqual([rule.rule, part === 'decided']);
  }
});

test('a deny is told by its rule and message, an ask with what it is going to ask for', () => {
  expect(forRequester(explainFor(['/bin/sh']), 3)).toMatchObject({ decision: 'deny', reason: 'denied-by-rule', by: [{ policy: 'office', rule: 'no shells' }], message: 'Use belay edit.' });
  expect(forRequester(explainFor(['/usr/bin/id']))).toMatchObject({ decision: 'ask', by: [{ policy: 'office', rule: 'with a reason' }], message: 'Say why.', demands: { reason: { minLength: 12 } }, request: undefined });
});

test('a field that an explanation or a reference gets one day stays out', () => {
  const explanation = explainFor(['/bin/sh']);
  const ref = { policy: 'office', rule: 'no shells', secret: 'hush' };
  const grown = { ...explanation, secret: 'hush', decision: { kind: 'deny', secret: 'hush', reason: { kind: 'denied-by-rule', by: [ref], message: 'no', alert: 'high', secret: 'hush' } } } as Explanation;
  const shown = JSON.stringify(forRequester(grown));
  expect(shown).not.toMatch(/hush|high/);
});
