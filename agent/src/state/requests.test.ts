import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type Answer, type EventDraft, type RoleKey, sealEnvelope, serverIdOf, type Trust } from '@belay/core/evidence';
import { generateEd25519, sha256, spkiOf } from '@belay/core/node-crypto';
import { type Filing, MOST_PENDING, Requests } from './requests.ts';
import { openStateStore, type StateStore } from './state-store.ts';

const root = generateEd25519();
const server = serverIdOf(spkiOf(root.publicKey), sha256);
const [grantKey, otherKey] = [generateEd25519(), generateEd25519()];
const now = 1_800_000_000_000;
const key: RoleKey = { id: 'grant-1', role: 'grant', public: grantKey.publicKey, notBefore: 0, notAfter: now * 2, revoked: false };
const trust: Trust = { serverId: server, rootKey: root.publicKey, keys: [key] };

let store: StateStore;
let events: EventDraft[];
let refused: string[];
let announced: number;
let clock: { wall: number; boot: number; bootId: string };

function open(): Requests {
  return new Requests({
    store, clock: { now: () => clock.wall, boot: () => clock.boot, get bootId() { return clock.bootId; } }, record: (event) => events.push(event), announce: () => { announced++; }, refused: (code) => refused.push(code), asking: () => ({ burst: 60, perSecond: 1 / 60 }),
  });
}

const filing = (number: number, changes: Partial<Filing> = {}): Filing => ({ number, uid: 2001, user: 'alice', command: 'id -u', stance: 'waiting', alsoOn: [], need: 1, withinMs: 1_800_000, ...changes });
const answer = (request: number, version: number, changes: Partial<Answer> = {}, by = grantKey) =>
  sealEnvelope('answer', { server, device: 'd-1', request, version, state: 'pending', approvers: '', have: 0, need: 1, by: [], message: '', time: now, ...changes }, { keyId: 'grant-1', sign: by.sign });
const cancelled = () => events.flatMap((event) => (event.type === 'request.cancelled' ? [[event.fields.request, event.fields.why]] : []));
const answered = () => events.flatMap((event) => (event.type === 'request.answered' ? [[event.fields.request, event.fields.state, event.fields.version]] : []));

beforeEach(() => {
  jest.useFakeTimers();
  store = openStateStore(':memory:').store;
  [events, refused, announced] = [[], [], 0];
  clock = { wall: now, boot: 1000, bootId: 'one' };
});
afterEach(() => {
  store.close();
  jest.useRealTimers();
});

describe('an answer', () => {
  test('of a pending one says who may approve; the newest counts; each final one is acknowledged once', () => {
    const requests = open();
    const heard: string[] = [];
    requests.onChange(({ state, approvers }) => heard.push(`${state} ${approvers}`));
    requests.file(filing(7), 3);
    requests.answer(answer(7, 2, { approvers: 'Bo' }), trust, 'd-1');
    requests.answer(answer(7, 1, { approvers: 'Nobody' }), trust, 'd-1');
    for (let again = 0; again < 3; again++) requests.answer(answer(7, 3, { state: 'denied', by: ['bo'], message: 'no' }), trust, 'd-1');
    requests.answer(answer(7, 4, { state: 'approved' }), trust, 'd-1');
    expect(heard).toEqual(['pending ', 'pending Bo', 'denied ', 'denied ']);
    expect(requests.byNumber(7)).toMatchObject({ state: 'denied', by: ['bo'], message: 'no', version: 4 });
    expect(answered()).toEqual([[7, 'denied', 3], [7, 'approved', 4]]);
    expect(announced).toBe(1);
    requests.close();
  });

  test('to what runs by now still says who approved it', () => {
    const requests = open();
    requests.file(filing(7), 3);
    requests.settle(7);
    requests.answer(answer(7, 1, { state: 'approved', by: ['bo'], grant: 'g' }), trust, 'd-1');
    expect(requests.byNumber(7)).toMatchObject({ state: 'approved', by: ['bo'], grant: 'g' });
    requests.answer(answer(7, 2, { state: 'denied', by: ['eve'] }), trust, 'd-1');
    expect(requests.byNumber(7)).toMatchObject({ state: 'approved', by: ['bo'], version: 2 });
    requests.close();
  });

  test('to what is not known any more is acknowledged, so that it is not sent for ever, once', () => {
    const requests = open();
    for (let again = 0; again < 3; again++) requests.answer(answer(99, 1, { state: 'expired' }), trust, 'd-1');
    requests.answer(answer(99, 2), trust, 'd-1');
    expect(answered()).toEqual([[99, 'expired', 1]]);
  });

  test.each<[string, Uint8Array, string]>([
    ['by another key', answer(7, 1, {}, otherKey), 'BELAY_E_SIGNATURE'],
    ['for another device', answer(7, 1, { device: 'd-2' }), 'BELAY_E_WRONG_DEVICE'],
    ['as noise', new Uint8Array(3), 'BELAY_E_MALFORMED'],
  ])('signed %s changes nothing (T-36)', (_, envelope, code) => {
    const requests = open();
    requests.file(filing(7), 3);
    expect(requests.answer(envelope, trust, 'd-1')).toMatchObject({ ok: false, error: { code } });
    expect([requests.byNumber(7)?.version, refused]).toEqual([0, [code]]);
    requests.close();
  });
});

describe('the end', () => {
  test('by this device\'s own clock, whatever the wall clock says', () => {
    const requests = open();
    requests.file(filing(7), 3);
    clock.wall -= 1e9;
    clock.boot += 1_799_999;
    jest.advanceTimersByTime(60_001);
    expect(requests.byNumber(7)?.state).toBe('pending');
    clock.boot += 1;
    jest.advanceTimersByTime(60_001);
    expect([requests.byNumber(7)?.state, cancelled()]).toEqual(['expired', [[7, 'expired']]]);
    requests.close();
  });

  test('what was approved in time waits a moment longer for its grant', () => {
    const requests = open();
    requests.file(filing(7), 3);
    requests.answer(answer(7, 1, { state: 'approved' }), trust, 'd-1');
    clock.boot += 1_800_001;
    jest.advanceTimersByTime(60_001);
    expect(requests.byNumber(7)).toMatchObject({ state: 'approved', endedMs: 0 });
    clock.boot += 60_000;
    jest.advanceTimersByTime(60_001);
    expect(cancelled()).toEqual([[7, 'expired']]);
    requests.close();
  });

  test('it is said once, and what is over is shown for an hour', () => {
    const requests = open();
    requests.file(filing(7), 3);
    requests.end(7, 'cancelled', 'by-requester');
    requests.end(7, 'cancelled', 'abandoned');
    expect([cancelled(), requests.stanceOf(7)?.stance, announced]).toEqual([[[7, 'by-requester']], 'ended', 2]);
    clock.wall += 60 * 60_000 + 1;
    jest.advanceTimersByTime(60_001);
    expect([requests.all(), store.items('request')]).toEqual([[], []]);
  });

  test('after a restart nobody waits any more; what was asked ahead goes on', () => {
    const before = open();
    before.file(filing(7), 3);
    before.file(filing(8, { stance: 'ahead' }), 4);
    before.close();
    const requests = open();
    requests.load();
    expect([cancelled(), requests.byNumber(8)?.state, requests.stanceOf(8)]).toEqual([[[7, 'abandoned']], 'pending', { command: 'id -u', stance: 'ahead' }]);
    requests.close();
  });

  test('another server has asked and answered nothing of it: whoever waits is told', () => {
    const requests = open();
    requests.file(filing(7), 3);
    const heard: string[] = [];
    requests.onChange(({ state }) => heard.push(state));
    requests.forget();
    expect([heard, requests.all(), store.items('request'), cancelled()]).toEqual([['cancelled'], [], [], []]);
  });

  test('what lies damaged on disk is put away', () => {
    store.putItems([{ kind: 'request', name: '7', content: new Uint8Array([0xff]) }]);
    const requests = open();
    requests.load();
    expect([requests.all(), store.items('request')]).toEqual([[], []]);
  });
});

test('so many wait for one person, and on one device, and no more (T-08)', () => {
  const requests = open();
  for (let number = 1; number <= MOST_PENDING.perUser; number++) requests.file(filing(number), number);
  expect(requests.limit(2001)).toMatch(/^you have 8 requests waiting for approval.*belay request --cancel 1$/);
  expect(requests.limit(2002)).toBeUndefined();
  requests.end(1, 'cancelled', 'by-requester');
  expect(requests.limit(2001)).toBeUndefined();
  for (let number = 100; number < 100 + MOST_PENDING.all; number++) requests.file(filing(number, { uid: number }), number);
  expect(requests.limit(3000)).toMatch(/^7\d requests of this device wait/);
  requests.close();
});

test('who asks and takes back, over and over, is made to wait, and nobody else (T-08)', () => {
  const requests = open();
  const askAndCancel = (number: number, uid = 2001): void => {
    expect(requests.limit(uid)).toBeUndefined();
    requests.file(filing(number, { uid }), number);
    requests.end(number, 'cancelled', 'by-requester');
  };
  for (let number = 1; number <= 60; number++) askAndCancel(number);
  expect(requests.limit(2001)).toBe('you have asked for approval as often as one may (60 times at once). Ask again in 60 seconds.');
  askAndCancel(1000, 2002);
  clock.boot += 58_500;
  expect(requests.limit(2001)).toMatch(/Ask again in 2 seconds/);
  clock.boot += 1500 + 1;
  askAndCancel(1001);
  expect(requests.limit(2001)).toMatch(/Ask again in 60 seconds/);
  requests.close();
});
