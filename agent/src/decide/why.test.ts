import { describe, expect, test } from '@jest/globals';
import { encodeUtf8 } from '@belay/core/bytes';
import { sha256 } from '@belay/core/node-crypto';
import { decide, loadPolicySet } from '@belay/core/policy';
import { type Ask, compilePolicy, formatProblems, parsePolicyFiles, questionIn } from '@belay/core/policy-tools';
import { ExplainedCriterion_Truth, ExplainedRule_Part, WhyAnswer_Decision } from '@belay/proto/local';
import type { PolicyInForce } from '../state/device-state.ts';
import { remember, type Remembered, type Settled } from './decided.ts';
import { whyAnswer } from './why.ts';

const world = { users: { ada: 1001 }, files: { '/usr/bin/cat': {}, '/usr/bin/id': {}, '/usr/bin/sh': {} } };
const rules = `
  - { name: logs, who: ["user:ada"], run: [{ command: /usr/bin/cat, args: ["/var/log/*"] }], then: allow, device: { labels: { vault: hush } } }
  - { name: id, who: ["user:ada"], run: [{ command: /usr/bin/id }], then: ask, require: { reason: true, reauth: true }, message: Say LFwhy. }
  - { name: no shells, run: [{ command: /usr/bin/sh }], then: deny, message: "Not ESC[31mhere." }
`;

function policyOf(number: number, more = ''): PolicyInForce {
  const parsed = parsePolicyFiles([{ name: 'a.yaml', text: `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: office }\nrules:${rules}${more}` }]);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  // The server refuses such a message; belayd does not count on it.
  const policies = parsed.value.map(compilePolicy).map((policy) => ({ ...policy, rules: policy.rules.map((rule) => ({ ...rule, message: rule.message?.replace('ESC', '\u001b').replace(' LF', '\n') })) }));
  const manifest = { number, epoch: 1, issuedAt: 100, expiresAt: 1e15, device: 'd', name: 'laptop', groups: [], labels: {} };
  return { manifest, set: loadPolicySet(policies), monitored: undefined } as unknown as PolicyInForce;
}

const today = policyOf(7);
const depsWith = (policy: PolicyInForce | undefined) => ({ platform: { clock: { now: () => 1000 } }, policy: () => policy });

function settledFor(run: readonly string[], changes: Partial<Settled> = {}): Settled {
  const { request, context } = questionIn(world, { who: 'ada', run: [...run], login: 'ssh', address: '198.51.100.7' } satisfies Ask, { sha256 });
  const decision = decide(today.set, request, context);
  const typed = { path: request.executable.typed, argv: run.map((word) => encodeUtf8(word)) };
  return { number: 217, uid: 1001, user: 'ada', atMs: 900, typed, why: decision.kind === 'deny' ? decision.reason.kind : undefined, text: 'no.', decision, outsideRules: false, policy: today, asked: { request, context }, ...changes };
}

const asked = (run: readonly string[], changes: Partial<Settled> = {}): Remembered => remember(settledFor(run, changes));

describe('what a requester is told', () => {
  test('of a rule that refused: its name and message, inert, and the policy', () => {
    const answer = whyAnswer(asked(['/usr/bin/sh']), 'requester', depsWith(today));
    expect(answer).toEqual({
      request: 217n, atMs: 900n, uid: 1001, user: 'ada', command: '/usr/bin/sh', decision: WhyAnswer_Decision.DENY, reason: 'denied-by-rule', text: 'no.',
      rules: ['office/no shells'], message: String.raw`Not \u001b[31mhere.`, demands: [], outsideRules: false, policy: { number: 7n, epoch: 1, issuedMs: 100n, expiresMs: BigInt(1e15) },
    });
  });

  test('of no rule: none, and nothing of those that nearly held', () => {
    const told = JSON.stringify(whyAnswer(asked(['/usr/bin/cat', '/etc/shadow']), 'requester', depsWith(today)), (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    expect(told).toContain('"rules":[]');
    expect(told).not.toMatch(/logs|vault|hush|explanation/);
  });

  test('what is not there is what is not allowed; to root it is not', () => {
    const absent = asked(['/usr/bin/cat', 'x'], { why: 'not-found', decision: undefined, asked: undefined });
    const denied = asked(['/usr/bin/cat', 'x'], { why: 'no-rule' });
    expect(whyAnswer(absent, 'requester', depsWith(today))).toEqual(whyAnswer(denied, 'requester', depsWith(today)));
    expect(whyAnswer(absent, 'all', depsWith(today))).toMatchObject({ reason: 'not-found', explanation: { note: expect.stringContaining('no such command') } });
  });

  test('of an ask that is only tried: what would be asked for; once it was given it is an allow', () => {
    expect(whyAnswer(asked(['/usr/bin/id'], { number: 0 }), 'requester', depsWith(today))).toMatchObject({ decision: WhyAnswer_Decision.ASK, demands: ['a reason', 'your password'], message: String.raw`Say\u000awhy.` });
    expect(whyAnswer(asked(['/usr/bin/id']), 'requester', depsWith(today))).toMatchObject({ decision: WhyAnswer_Decision.ALLOW });
    expect(whyAnswer(asked(['/usr/bin/id'], { why: 'reauth-failed' }), 'requester', depsWith(today))).toMatchObject({ decision: WhyAnswer_Decision.DENY, rules: ['office/id'] });
  });

  test('arguments one by one, so that none can pass for two or for more than it is', () => {
    expect(whyAnswer(asked(['/usr/bin/cat', 'a b', "it's", '', 'x\ny\u001b']), 'requester', depsWith(today)).command).toBe(String.raw`/usr/bin/cat 'a b' 'it'\''s' '' 'x\u000ay\u001b'`);
  });
});

describe('what root is told', () => {
  test('every condition of the nearest rules, with what there was instead', () => {
    const { explanation } = whyAnswer(asked(['/usr/bin/cat', '/etc/shadow']), 'all', depsWith(today));
    expect(explanation).toMatchObject({ resolved: '/usr/bin/cat', runAs: 'root:root', omitted: 0, note: '' });
    const near = explanation?.rules?.find(({ rule }) => rule === 'office/logs');
    expect(near).toMatchObject({ part: ExplainedRule_Part.DOES_NOT_HOLD, then: 'allow' });
    expect(near?.criteria?.filter(({ truth }) => truth !== ExplainedCriterion_Truth.TRUE).map(({ criterion, found }) => [criterion, found])).toEqual([['run', 'argument 1 is "/etc/shadow" instead of /var/log/*'], ['device', 'labels: none']]);
  });

  test('by the policy that decided while it is kept, else by today\'s, and it says so', () => {
    const newer = policyOf(8, '  - { name: any file, who: ["user:ada"], run: [{ command: /usr/bin/cat }], then: allow }\n');
    const what = asked(['/usr/bin/cat', '/etc/shadow']);
    const kept = whyAnswer(what, 'all', depsWith(newer));
    expect(kept).toMatchObject({ policy: { number: 7n }, policyNow: { number: 8n }, explanation: { note: '' } });
    expect(kept.explanation?.rules?.map(({ rule }) => rule)).not.toContain('office/any file');
    const gone = whyAnswer({ ...what, policy: undefined }, 'all', depsWith(newer));
    expect(gone).toMatchObject({ policy: { number: 7n }, explanation: { note: 'Policy 7, which decided, is no longer kept: this is what policy 8 says now.' } });
    expect(gone.explanation?.rules?.[0]).toMatchObject({ rule: 'office/any file', part: ExplainedRule_Part.DECIDED });
    expect(whyAnswer({ ...what, policy: undefined }, 'all', depsWith(undefined)).explanation?.note).toBe('The policy that decided is no longer kept, and none is in force.');
  });

  test('that the device has changed since, where the engine would answer otherwise', () => {
    const [what, other] = [asked(['/usr/bin/cat', '/etc/shadow']), asked(['/usr/bin/id'])];
    expect(whyAnswer({ ...what, decision: other.decision }, 'all', depsWith(today)).explanation?.note).toMatch(/^The device has changed since/);
  });

  test('that root is outside the rules', () => {
    expect(whyAnswer(asked(['/usr/bin/id'], { outsideRules: true, why: undefined, decision: undefined, asked: undefined }), 'all', depsWith(today))).toMatchObject({ decision: WhyAnswer_Decision.ALLOW, outsideRules: true, explanation: { note: expect.stringMatching(/^Root is outside the rules/) } });
  });
});
