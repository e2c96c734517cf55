import { describe, expect, test } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ExplainedCriterion_Truth, ExplainedRule_Part, GrantsAnswerSchema, ListAnswerSchema, RequestAnswer_State, StatusAnswerSchema, WhyAnswerSchema, WhyAnswer_Decision } from '@belay/proto/local';
import { grantJson, holdingsText, requestJson } from './holdings.ts';
import { listJson, listText } from './list.ts';
import { statusJson, statusText } from './status.ts';
import { showsUnicode, spanMs } from './text.ts';
import { whyJson, whyText } from './why.ts';

const now = 1_000_000_000_000;
const policy = { number: 12n, epoch: 1, issuedMs: BigInt(now - 7_200_000), expiresMs: BigInt(now + 6 * 86_400_000) };
const refused = {
  request: 217n, atMs: BigInt(now - 180_000), uid: 20001, user: 'alice', command: 'cat /etc/shadow', decision: WhyAnswer_Decision.DENY, reason: 'denied-by-rule',
  text: 'refused by the rule "files/no secrets". Ask the platform team.', rules: ['files/no secrets'], message: 'Ask the platform team.', policy,
};
const explanation = {
  resolved: '/usr/bin/cat', runAs: 'root:root', directory: '/home/alice', omitted: 3, note: '',
  rules: [
    { rule: 'files/no secrets', then: 'deny', part: ExplainedRule_Part.DECIDED, criteria: [{ criterion: 'who', truth: ExplainedCriterion_Truth.TRUE, wants: 'any' }] },
    {
      rule: 'files/logs', then: 'allow', priority: -1, part: ExplainedRule_Part.DOES_NOT_HOLD,
      criteria: [
        { criterion: 'run', truth: ExplainedCriterion_Truth.FALSE, wants: '/usr/bin/cat /var/log/*', found: 'argument 1 is "/etc/shadow" instead of /var/log/*' },
        { criterion: 'login', truth: ExplainedCriterion_Truth.UNKNOWN, wants: 'logged in by console', found: 'how they logged in is not known' },
      ],
    },
  ],
};

describe('why', () => {
  test('a requester reads the answer, the rule, its message and the policy, and no more', () => {
    expect(whyText(create(WhyAnswerSchema, refused), now, true)).toBe(`Request 217 of alice: refused 3 min ago.

Command    cat /etc/shadow
Because    refused by the rule "files/no secrets". Ask the platform team.
Rule       files/no secrets
Policy     number 12, issued 2 h ago, good for another 6 days
`);
  });

  test('root reads every condition of the nearest rules, ticked', () => {
    expect(whyText(create(WhyAnswerSchema, { ...refused, explanation }), now, true)).toContain(`File       /usr/bin/cat
As         root:root
In         /home/alice

Rules, nearest first:

  files/no secrets: deny: decided
    ✓ who         any

  files/logs: allow, priority -1: does not hold
    ✗ run         /usr/bin/cat /var/log/*
                  found: argument 1 is "/etc/shadow" instead of /var/log/*
    ? login       logged in by console
                  found: how they logged in is not known

3 more rules are further off.
`);
  });

  test('without UTF-8 everything is ASCII', () => {
    const text = whyText(create(WhyAnswerSchema, { ...refused, explanation }), now, false);
    // eslint-disable-next-line no-control-regex
    expect(text).toMatch(/^[\x00-\x7f]*$/);
    expect(text).toContain('    NO  run         /usr/bin/cat /var/log/*\n                    found: argument 1');
    expect(text).toContain('    yes who');
  });

  test('says that policy has changed since, and that one has expired', () => {
    const changed = { ...refused, policy: { ...policy, expiresMs: BigInt(now - 3_600_000) }, policyNow: { ...policy, number: 13n, issuedMs: BigInt(now - 60_000) } };
    expect(whyText(create(WhyAnswerSchema, changed), now, true)).toContain('Policy     number 12, issued 2 h ago, EXPIRED 60 min ago; policy has changed since: now number 13, issued 60 s ago\n');
    expect(whyText(create(WhyAnswerSchema, { ...refused, policy: undefined as never, policyNow: policy }), now, true)).toContain('Policy     none was in force; now it is number 12');
  });

  test.each([
    [WhyAnswer_Decision.ALLOW, 'Now, for alice: it would be allowed.'],
    [WhyAnswer_Decision.ASK, 'Now, for alice: it would be allowed, once what is asked for is given.'],
    [WhyAnswer_Decision.DENY, 'Now, for alice: it would be refused.'],
    [WhyAnswer_Decision.UNSPECIFIED, 'Now, for alice: it would be refused.'],
  ])('a command that is only asked about: %s', (decision, line) => {
    expect(whyText(create(WhyAnswerSchema, { ...refused, request: 0n, decision }), now, true).split('\n')[0]).toBe(line);
  });

  test('as JSON, null where there is nothing, and an explanation only where there is one', () => {
    const json = whyJson(create(WhyAnswerSchema, refused));
    expect(json).toEqual({
      request: 217, atMs: now - 180_000, uid: 20001, user: 'alice', command: 'cat /etc/shadow', decision: 'deny', reason: 'denied-by-rule',
      text: 'refused by the rule "files/no secrets". Ask the platform team.', rules: ['files/no secrets'], message: 'Ask the platform team.', demands: [], outsideRules: false,
      policy: { epoch: 1, number: 12, issuedMs: now - 7_200_000, expiresMs: now + 6 * 86_400_000 }, policyNow: null,
    });
    expect(whyJson(create(WhyAnswerSchema, { ...refused, explanation }))).toMatchObject({ explanation: { omitted: 3, note: null, rules: [{ part: 'decided' }, { criteria: [{ truth: 'false' }, { truth: 'unknown' }] }] } });
  });
});

describe('list', () => {
  const entry = { rule: 'developers/lists', then: 'allow', command: '/usr/bin/apt-get update', runAsUsers: ['root'], runAsGroups: ['own'] };
  const answer = create(ListAnswerSchema, {
    uid: 20001, user: 'alice', device: 'laptop-7', policy,
    entries: [
      entry,
      { ...entry, rule: 'developers/db', then: 'ask', command: '/usr/bin/psql **', runAsUsers: ['postgres'], runAsGroups: ['own'], demands: ['a reason', 'your password'], when: '08:00 to 18:00', except: ['/usr/bin/psql -c *'] },
      { ...entry, rule: 'developers/no', then: 'deny', command: '/usr/bin/vim', message: 'Use sudoedit.' },
    ],
  });

  test('is grouped by the answer', () => {
    expect(listText(answer, now, false)).toBe(`alice may run with sudo on laptop-7:

At once:
  /usr/bin/apt-get update

After what is asked for:
  /usr/bin/psql **
      as postgres, group the user's own
      asks for a reason and your password
      if 08:00 to 18:00
      not /usr/bin/psql -c *

Never:
  /usr/bin/vim
      Use sudoedit.

Policy number 12, issued 2 h ago, good for another 6 days.
`);
    expect(listText(answer, now, true)).toContain("  /usr/bin/apt-get update\n      Rule      developers/lists\n      As        root, group the user's own\n");
  });

  test('says so where there is nothing, no policy, or root', () => {
    expect(listText(create(ListAnswerSchema, { user: 'bob', uid: 7, policy }), now, false)).toMatch(/^bob may run nothing with sudo on this device\.\n/);
    expect(listText(create(ListAnswerSchema, { uid: 7 }), now, false)).toMatch(/^uid 7 may run nothing here: no policy is in force/);
    expect(listText(create(ListAnswerSchema, { user: 'root', outsideRules: true }), now, false)).toMatch(/^root may run anything/);
    expect(listText(create(ListAnswerSchema, { user: 'bob', policy, entries: [{ then: 'deny', command: 'any command' }] }), now, false)).toMatch(/^bob may run nothing with sudo/);
  });

  test('as JSON', () => {
    expect(listJson(answer)).toMatchObject({ user: 'alice', outsideRules: false, rules: [{ rule: 'developers/lists', when: null, message: null }, { demands: ['a reason', 'your password'] }, { message: 'Use sudoedit.' }], omitted: 0 });
  });
});

describe('status', () => {
  const status = { enrolled: true, device: 'd-1', deviceName: 'laptop-7', server: 'belay.example.org:7446', serverConnected: true, manifestNumber: 12n, manifestAgeMs: 7_200_000n, manifestExpiresMs: BigInt(now - 3_600_000), policies: 3, policiesMonitored: 1, rules: 12, rulesLapsed: 5, agentVersion: '0.1.0' };

  test('says what the age of the policy does', () => {
    expect(statusText(create(StatusAnswerSchema, status), now)).toBe(`Enrolled   as laptop-7 (d-1)
Server     belay.example.org:7446, connected
Policy     number 12, issued 2 h ago, EXPIRED 60 min ago
Rules      12 that allow or ask, 5 of them lapsed: what they would allow is refused
Mode       2 enforced, 1 only watched (monitor mode)
Evidence   every event is receipted
Agent      0.1.0
`);
  });

  test('shows how the device stands only where belayd told it', () => {
    const text = statusText(create(StatusAnswerSchema, { ...status, posture: { encrypted: false, firewall: true, os: 'debian', osVersion: '13', patchAgeDays: 4 } }), now);
    expect(text).toContain('Device     debian 13, disk NOT encrypted, secure boot: not known, firewall on, last updated 4 days ago, agent healthy: not known\n');
    expect(statusJson(create(StatusAnswerSchema, { ...status, posture: { encrypted: false } }))).toMatchObject({ posture: { encrypted: false, secureBoot: null }, policies: { enforced: 2, monitored: 1 }, rules: { granting: 12, lapsed: 5 } });
    expect(statusJson(create(StatusAnswerSchema, status))).not.toHaveProperty('posture');
  });
});

describe('requests and approvals', () => {
  const pending = { request: 217n, state: RequestAnswer_State.PENDING, command: 'id -u', text: 'Bo', uid: 20001, user: 'alice', filedMs: BigInt(now), expiresMs: BigInt(now + 1_740_000), delivered: true };
  const grant = { grant: 'g-1', command: 'id -u', uid: 20001, user: 'alice', leftMs: 1_200_000n, usesLeft: 2, by: ['bo'], message: 'go', running: 1, request: 217n };
  const { uid: _, ...unbound } = grant;
  const answer = create(GrantsAnswerSchema, {
    requests: [{ ...pending, alsoOn: ['web-02', 'web-03'] }, { ...pending, request: 218n, waiting: true, text: '', delivered: false }, { ...pending, request: 219n, state: RequestAnswer_State.DENIED, by: ['bo'], text: 'not now' }, { ...pending, request: 220n, state: RequestAnswer_State.EXPIRED }],
    grants: [grant, { ...grant, grant: 'g-2', suspended: true, usesLeft: 0, running: 0, by: [], emergency: true }, { ...grant, grant: 'g-3', usesLeft: 1, message: '' }, { ...unbound, grant: 'g-4', request: 0n }],
  });

  test('are told with the time and the uses that are left', () => {
    expect(holdingsText(answer, now, false)).toBe(`
Requests for approval:
  #217  id -u
      asked for on web-02, web-03 too
      waits for approval, 29 min left; who can approve: Bo
  #218  id -u
      waits for approval, 29 min left, a sudo waits for it; the server does not have it yet
  #219  id -u
      denied by bo: not now
  #220  id -u
      nobody approved it in time

Approvals held (give one back: belay end ID):
  g-1  id -u
      20 min left, 2 times, 1 running, approved by bo: go
  g-2  id -u
      suspended since the restart, until the server has told the time, as often as you like, an emergency: somebody looks at it afterwards
  g-3  id -u
      20 min left, once, 1 running, approved by bo
  g-4  id -u
      20 min left, 2 times, 1 running, approved by bo: go, asked on another device
`);
    expect(holdingsText(answer, now, true)).toContain('  #217 of alice  id -u\n');
    expect(holdingsText(create(GrantsAnswerSchema, {}), now, false)).toBe('');
  });

  test('as JSON', () => {
    const [first, , denied] = answer.requests;
    const [, suspended, , other] = answer.grants;
    expect([first, denied].map((each) => requestJson(each as never))).toMatchObject([{ request: 217, state: 'pending', approvers: 'Bo', words: null, grant: null, alsoOn: ['web-02', 'web-03'] }, { alsoOn: [], state: 'denied', approvers: null, words: 'not now', by: ['bo'] }]);
    expect(grantJson(suspended as never)).toMatchObject({ grant: 'g-2', leftMs: null, usesLeft: null, suspended: true, emergency: true, request: 217 });
    expect(grantJson(other as never)).toMatchObject({ grant: 'g-4', request: null, uid: null, user: 'alice' });
  });

  test('do nothing to a terminal (T-29)', () => {
    const evil = '\u001b[2J\nmine\u202e';
    const text = holdingsText(create(GrantsAnswerSchema, { requests: [{ ...pending, command: evil, text: evil, user: evil, by: [evil], alsoOn: [evil] }], grants: [{ ...grant, grant: evil, command: evil, user: evil, by: [evil], message: evil }] }), now, true);
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/);
  });

  test.each([['30m', 1_800_000], ['90s', 90_000], ['2 h', 7_200_000], ['1d', 86_400_000], ['5min', 300_000], ['0m', undefined], ['m', undefined], ['-1m', undefined], ['1.5h', undefined], ['1w', undefined]])('a time: %s', (text, expected) => expect(spanMs(text)).toBe(expected));
});

test('nothing that others wrote acts on a terminal (T-29)', () => {
  const evil = '\u001b[2Jred\nRule  mine\u202e';
  // eslint-disable-next-line no-control-regex
  const active = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/;
  const entry = { rule: evil, then: 'deny', command: evil, except: [evil], runAsUsers: [evil], runAsGroups: [evil], when: evil, demands: [evil], message: evil };
  const whole = { ...refused, command: evil, text: evil, rules: [evil], message: evil, demands: [evil], user: evil, explanation: { resolved: evil, runAs: evil, directory: evil, note: evil, rules: [{ rule: evil, then: evil, criteria: [{ criterion: evil, wants: evil, found: evil }] }] } };
  const lines = (text: string): number => text.split('\n').length;
  for (const plain of [false, true]) {
    const calm = JSON.parse(JSON.stringify([entry, whole], (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)).replaceAll(JSON.stringify(evil).slice(1, -1), 'calm'), (_, value: unknown) => (typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value)) as [typeof entry, typeof whole];
    const texts = [[entry, whole] as const, calm].map(([listed, asked]) => [
      listText(create(ListAnswerSchema, { user: listed.rule, device: listed.rule, policy, entries: [listed, { ...listed, then: 'allow' }] }), now, plain),
      whyText(create(WhyAnswerSchema, asked), now, plain),
    ]);
    for (const text of texts.flat()) expect(text).not.toMatch(active);
    expect(texts[0]?.map(lines)).toEqual(texts[1]?.map(lines));
  }
});

test.each([
  [{ LANG: 'C.UTF-8' }, true], [{ LANG: 'de_DE.utf8' }, true], [{ LANG: 'C' }, false], [{}, false],
  [{ LANG: 'C.UTF-8', LC_ALL: 'C' }, false], [{ LANG: 'C', LC_CTYPE: 'en_US.UTF-8' }, true], [{ LANG: 'C.UTF-8', LC_ALL: '' }, true],
])('the locale %j shows Unicode: %s', (environment, expected) => expect(showsUnicode(environment)).toBe(expected));
