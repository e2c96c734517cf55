import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { encodeUtf8 } from '@belay/core/bytes';
import { loadPolicySet } from '@belay/core/policy';
import { compilePolicy, formatProblems, parsePolicyFiles } from '@belay/core/policy-tools';
import type { EventDraft } from '@belay/core/evidence';
import { err } from '@belay/core/result';
import { ClientFrameSchema, SudoCheck_Mode, WhyAnswer_Decision, WhyQuerySchema } from '@belay/proto/local';
import { createDecided, type Settled } from '../decide/decided.ts';
import type { Account, Peer } from '../platform/platform.ts';
import type { PolicyInForce } from '../state/device-state.ts';
import { createQuestions, type QuestionDeps } from './questions.ts';

const accounts: readonly Account[] = [['root', 0], ['alice', 2001], ['bob', 2002]].map(([name, uid]) => ({ name: String(name), uid: Number(uid), gid: Number(uid), home: encodeUtf8('/'), shell: encodeUtf8('/bin/sh') }));

const policyText = `
apiVersion: belay/v1
kind: Policy
metadata: { name: office }
rules:
  - { name: alices own, who: ["user:alice"], run: [{ command: /bin/a }], then: allow }
  - { name: secret of bob, who: ["user:bob"], run: [{ command: /bin/b }], then: allow }
`;

function policyInForce(): PolicyInForce {
  const parsed = parsePolicyFiles([{ name: 'a.yaml', text: policyText }]);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  const manifest = { server: new Uint8Array(32), device: 'd', epoch: 1, number: 7, issuedAt: 1, expiresAt: 1e15, name: 'laptop', groups: [], labels: {}, bundles: [], grants: [], revocations: [], features: [] };
  return { manifest, set: loadPolicySet(parsed.value.map(compilePolicy)), monitored: undefined } as unknown as PolicyInForce;
}

function peerOf(realUid: number, effectiveUid = realUid): Peer {
  const actor = { pid: 1, realUid, realGid: realUid, groups: [realUid], effectiveUid, loginSession: { sessionId: 1, leaderStart: 1, terminal: 0 } };
  return { actor, takeDescriptor: () => err('none'), workingDirectory: () => encodeUtf8('/'), lineage: () => undefined, origin: () => undefined, close: () => {} };
}

const settledOf = (number: number, uid: number): Settled => ({
  number, uid, user: accounts.find((account) => account.uid === uid)?.name, atMs: 5, typed: { path: encodeUtf8('/bin/b'), argv: [encodeUtf8(`of-${uid}`)] }, why: 'no-rule', text: 'no.',
  decision: { kind: 'deny', reason: { kind: 'no-rule' } }, outsideRules: false, policy: undefined, asked: undefined,
});

function setUp() {
  const recorded: EventDraft[] = [];
  const faults: object[] = [];
  const decided = createDecided();
  for (const [number, uid] of [[1, 2001], [2, 2002], [3, 0], [4, 2001], [5, 2002]] as const) decided.add(settledOf(number, uid));
  let request = 100;
  const platform = {
    clock: { now: () => 10, boot: () => 10, utcOffsetMinutes: () => 0, bootId: '' },
    accounts: {
      userByName: (name: string) => accounts.find((account) => account.name === name), userById: (uid: number) => accounts.find((account) => account.uid === uid),
      groupByName: () => undefined, groupById: () => undefined, groupsOf: ({ gid }: Account) => [gid],
    },
    objectOf: () => undefined, posture: () => ({}), ownerOf: () => undefined, openRootFolder: () => undefined, closeDescriptor: () => {},
  };
  const policy = policyInForce();
  const deps = {
    platform, decided, policy: () => policy, journal: { append: (event: EventDraft) => recorded.push(event) }, aliases: { pathsOf: () => [] }, deviceId: () => 'd', healthy: () => true, serverSilentMs: () => 0,
    nextRequest: () => ++request, log: { error: (detail: object) => faults.push(detail) },
  } as unknown as QuestionDeps;
  let nowMs = 0;
  return { questions: createQuestions(deps, () => nowMs), recorded, faults, sleep: (ms: number) => { nowMs += ms; } };
}

type Query = MessageInitShape<typeof WhyQuerySchema>;
const why = (query: Query) => ({ case: 'why', value: create(WhyQuerySchema, query) }) as const;
const list = (user = '') => create(ClientFrameSchema, { message: { case: 'list', value: { user } } }).message as Parameters<ReturnType<typeof setUp>['questions']['answer']>[0];
const trial = (argv: readonly string[]): Query => ({ about: { case: 'trial', value: { mode: SudoCheck_Mode.RUN, argv: argv.map((word) => Buffer.from(word)), typedPath: Buffer.from(argv[0] ?? '') } } });

describe('who may ask what', () => {
  test.each<[string, Peer, Query, number | 'refused']>([
    ['one\'s own by number', peerOf(2001), { about: { case: 'request', value: 1n } }, 1],
    ['one\'s own last', peerOf(2001), { about: { case: 'last', value: true } }, 4],
    ['one\'s own last, by name', peerOf(2001), { about: { case: 'last', value: true }, user: 'alice' }, 4],
    ['one\'s own last, by uid', peerOf(2001), { about: { case: 'last', value: true }, user: '#2001' }, 4],
    ['another\'s by number', peerOf(2001), { about: { case: 'request', value: 2n } }, 'refused'],
    ['another\'s by number, as if it were mine', peerOf(2001), { about: { case: 'request', value: 2n }, user: 'alice' }, 'refused'],
    ['another\'s last', peerOf(2001), { about: { case: 'last', value: true }, user: 'bob' }, 'refused'],
    ['root\'s', peerOf(2001), { about: { case: 'request', value: 3n } }, 'refused'],
    ['another\'s, through a program of root\'s', peerOf(2001, 0), { about: { case: 'request', value: 2n } }, 'refused'],
    ['another\'s, as root whom somebody else is behind', peerOf(0, 2001), { about: { case: 'request', value: 2n } }, 'refused'],
    ['nobody\'s', peerOf(2001), { about: { case: 'request', value: 99n } }, 'refused'],
    ['a number larger than any', peerOf(0), { about: { case: 'request', value: 2n ** 64n - 1n } }, 'refused'],
    ['nothing', peerOf(2001), {}, 'refused'],
    ['not the last', peerOf(2001), { about: { case: 'last', value: false } }, 'refused'],
    ['root: anybody\'s', peerOf(0), { about: { case: 'request', value: 2n } }, 2],
    ['root: his own last', peerOf(0), { about: { case: 'last', value: true } }, 3],
    ['root: another\'s last', peerOf(0), { about: { case: 'last', value: true }, user: 'bob' }, 5],
    ['root: a number of somebody it is not of', peerOf(0), { about: { case: 'request', value: 2n }, user: 'alice' }, 'refused'],
  ])('%s', async (_, peer, query, expected) => {
    const reply = await setUp().questions.answer(why(query), peer);
    expect(reply.case === 'why' ? Number(reply.value.request) : 'refused').toBe(expected);
    expect(reply.case).toBe(expected === 'refused' ? 'refusal' : 'why');
  });

  test('another\'s and nobody\'s are refused in the same words', async () => {
    const { questions } = setUp();
    const words = async (value: bigint) => JSON.stringify((await questions.answer(why({ about: { case: 'request', value } }), peerOf(2001))).value).replaceAll(/\d+/g, 'N');
    expect(await words(2n)).toBe(await words(77n));
  });

  test('conditions are root\'s to see', async () => {
    const { questions } = setUp();
    expect(await questions.answer(why({ about: { case: 'request', value: 1n } }), peerOf(2001))).not.toHaveProperty('value.explanation');
    expect(await questions.answer(why({ about: { case: 'request', value: 1n } }), peerOf(0))).toHaveProperty('value.explanation.note', 'No rule was asked.');
  });

  test('a list is one\'s own, or root\'s to ask for', async () => {
    const { questions, recorded } = setUp();
    const rules = async (user: string, peer: Peer) => {
      const reply = await questions.answer(list(user), peer);
      return reply.case === 'list' ? reply.value.entries?.map(({ rule }) => rule) : reply.case;
    };
    expect([await rules('', peerOf(2001)), await rules('bob', peerOf(2001)), await rules('bob', peerOf(2001, 0)), await rules('nobody', peerOf(2001)), await rules('bob', peerOf(0)), await rules('nobody', peerOf(0))])
      .toEqual([['office/alices own'], 'refusal', 'refusal', 'refusal', ['office/secret of bob'], 'refusal']);
    expect(recorded.map(({ type, fields }) => [type, (fields as { readonly uid?: number }).uid])).toEqual([['elevation.listed', 2001], ['elevation.listed', 0]]);
  });
});

describe('a command that is only asked about', () => {
  test('what is not there reads as what is not allowed, and is recorded', async () => {
    const { questions, recorded } = setUp();
    const reply = await questions.answer(why(trial(['/bin/none', 'x'])), peerOf(2001));
    expect(reply).toMatchObject({ case: 'why', value: { request: 0n, decision: WhyAnswer_Decision.DENY, reason: 'no-rule', text: 'policy does not allow this here, or there is no such command.', command: '/bin/none x', policy: { number: 7n } } });
    expect(recorded.map(({ type }) => type)).toEqual(['elevation.listed']);
  });

  test('for somebody else, or what is no command to run, it is refused', async () => {
    const { questions } = setUp();
    const queries: readonly Query[] = [{ ...trial(['a']), user: 'bob' } as Query, trial([]), { about: { case: 'trial', value: { mode: SudoCheck_Mode.LIST, argv: [Buffer.from('a')] } } }];
    for (const query of queries) {
      expect((await questions.answer(why(query), peerOf(2001))).case).toBe('refusal');
    }
  });
});

describe('limits', () => {
  test('of lists and trials there are so many for each person; root is not slowed down', async () => {
    const { questions, sleep } = setUp();
    const ask = async (peer: Peer) => (await questions.answer(list(), peer)).case;
    const many = await Promise.all(Array.from({ length: 60 }, async () => await ask(peerOf(2001))));
    expect(many.filter((answer) => answer === 'list')).toHaveLength(40);
    expect([await ask(peerOf(2002)), await ask(peerOf(2001))]).toEqual(['list', 'refusal']);
    expect(new Set(await Promise.all(Array.from({ length: 60 }, async () => await ask(peerOf(0)))))).toEqual(new Set(['list']));
    sleep(1000);
    expect(await ask(peerOf(2001))).toBe('list');
  });

  test('of trials there is one at a time for each person', async () => {
    const { questions } = setUp();
    const answers = await Promise.all([0, 1].map(async () => (await questions.answer(why(trial(['a'])), peerOf(2001))).case));
    expect(answers).toEqual(['why', 'refusal']);
    expect((await questions.answer(why(trial(['a'])), peerOf(2001))).case).toBe('why');
  });
});

// T-30
test('whatever a standard user asks, nothing of another comes out, and nothing breaks', async () => {
  const { questions, faults, sleep } = setUp();
  const about = fc.oneof(
    fc.record({ case: fc.constant('request' as const), value: fc.oneof(fc.bigInt({ min: 0n, max: 8n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })) }),
    fc.record({ case: fc.constant('last' as const), value: fc.boolean() }),
    fc.record({ case: fc.constant('trial' as const), value: fc.record({
      mode: fc.integer({ min: 0, max: 6 }), argv: fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 3 }), typedPath: fc.uint8Array({ maxLength: 8 }), runAsUser: fc.uint8Array({ maxLength: 4 }), runAsUserGiven: fc.boolean(),
      executableOpen: fc.boolean(), executableFd: fc.integer({ min: -2_147_483_648, max: 2_147_483_647 }),
    }) }),
  );
  const user = fc.oneof(fc.constantFrom('', 'alice', 'bob', 'root', '#0', '#2002', '#4294967295'), fc.string({ maxLength: 6 }));
  await fc.assert(fc.asyncProperty(about, user, fc.constantFrom(2001, 0), async (what, who, effectiveUid) => {
    sleep(10_000);
    for (const question of [why({ about: what, user: who } as Query), list(who)]) {
      const reply = await questions.answer(question, peerOf(2001, effectiveUid));
      if (reply.case === 'why') expect({ uid: reply.value.uid, explanation: reply.value.explanation }).toEqual({ uid: 2001, explanation: undefined });
      else if (reply.case === 'list') expect(reply.value).toMatchObject({ uid: 2001 });
      else expect(reply.case).toBe('refusal');
      expect(JSON.stringify(reply, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).not.toMatch(/secret of bob|of-2002|of-0/);
    }
  }), { numRuns: 300 });
  expect(faults).toEqual([]);
});
