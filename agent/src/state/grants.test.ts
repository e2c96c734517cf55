import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type EventDraft, type Grant, type Manifest, type RoleKey, sealEnvelope, serverIdOf, type Trust } from '@belay/core/evidence';
import { approvalText, type GrantUse } from '@belay/core/grants';
import { type Ed25519Key, generateEd25519, sha256, spkiOf } from '@belay/core/node-crypto';
import { Grants } from './grants.ts';
import { createServerTime } from './server-time.ts';
import { openStateStore, type StateStore } from './state-store.ts';

const root = generateEd25519();
const rootKey = spkiOf(root.publicKey);
const server = serverIdOf(rootKey, sha256);
const [grantKey, otherKey, receiptKey] = [generateEd25519(), generateEd25519(), generateEd25519()];
const now = 1_800_000_000_000;
const minute = 60_000;
const key = (id: string, role: RoleKey['role'], of: Ed25519Key, revoked = false): RoleKey => ({ id, role, public: of.publicKey, notBefore: 0, notAfter: now * 2, revoked });
const trust = (revoked = false): Trust => ({ serverId: server, rootKey: root.publicKey, keys: [key('grant-1', 'grant', grantKey, revoked), key('policy-1', 'policy', otherKey), key('receipt-1', 'receipt', receiptKey)] });
const demand = { from: ['role:approver'], count: 1, withinMs: 1000 };
const digest = new Uint8Array(32).fill(2);
const use: GrantUse = { request: { deviceId: 'd-1', requester: { uid: 2001 }, executable: { resolved: '/bin/a' }, args: [], runAs: { uid: 0, gid: 0 } } as unknown as GrantUse['request'], digest, session: undefined };

const grantOf = (id: string, changes: Partial<Grant> = {}): Grant => ({
  server, device: 'd-1', id, request: 7, uid: 2001, user: 'alice', digest, met: [approvalText(demand)], uses: 2, issuedAt: now, expiresAt: now + 30 * minute, approvedBy: ['bo'], message: '', emergency: false, ...changes,
});
/** Asked on another device. */
const byName = (id: string, changes: Partial<Grant> = {}): Grant => {
  const { uid: _, digest: __, ...rest } = grantOf(id, { request: 0, scope: { commands: [{ command: '/bin/a', args: [] }], runAsUid: 0, runAsGid: 0 } });
  return { ...rest, ...changes };
};
const seal = (grant: Grant, by = grantKey, keyId = 'grant-1') => sealEnvelope('grant', grant, { keyId, sign: by.sign });

let folder: string;
let store: StateStore;
let events: EventDraft[];
let refused: string[];
let clock: { wall: number; boot: number; bootId: string };
let stances: Map<number, 'waiting' | 'ahead' | 'ended'>;
let number: number;

const time = () => ({ now: () => clock.wall, boot: () => clock.boot, bootId: clock.bootId });

function open(): { readonly grants: Grants; readonly serverTime: ReturnType<typeof createServerTime> } {
  const serverTime = createServerTime(time());
  const grants = new Grants({
    store, clock: time(), serverTime, record: (event) => events.push(event), refused: (code) => refused.push(code),
    requestOf: (of) => (stances.has(of) ? { command: `command ${of}`, stance: stances.get(of) ?? 'ended' } : undefined),
  });
  return { grants, serverTime };
}

const manifest = (envelopes: readonly Uint8Array[], changes: Partial<Manifest> = {}): Manifest => ({
  server, device: 'd-1', epoch: 1, number: ++number, issuedAt: now, expiresAt: now * 2, name: '', groups: [], labels: {}, bundles: [], grants: [...envelopes], revocations: [], features: ['grants/v1'], ...changes,
});
const give = (grants: Grants, of: Manifest): void => {
  const change = grants.change(of, trust());
  store.put({}, change.items);
  change.apply();
};
const ended = () => events.flatMap((event) => (event.type === 'grant.ended' ? [[event.fields.grant, event.fields.why]] : []));
const finds = (grants: Grants, waitingFor?: number) => grants.find(use, [demand], waitingFor)?.grant.id;
const reopen = (): void => {
  store.close();
  store = openStateStore(join(folder, 'state.db')).store;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-grants-'));
  store = openStateStore(join(folder, 'state.db')).store;
  [events, refused, stances, number] = [[], [], new Map(), 0];
  clock = { wall: now, boot: 1_000_000, bootId: 'one' };
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

describe('what a manifest lists', () => {
  test('is held with its budget, used, and over with its last use, though it is listed still', () => {
    const { grants } = open();
    const first = seal(grantOf('g-1'));
    give(grants, manifest([first]));
    expect(events).toEqual([{ type: 'grant.received', fields: { grant: 'g-1', request: 7, uid: 2001, user: 'alice' } }]);
    expect(finds(grants)).toBe('g-1');
    expect([grants.spend('g-1'), grants.byId('g-1')?.budget.usesLeft]).toEqual([true, 1]);
    give(grants, manifest([first]));
    expect(grants.byId('g-1')?.budget.usesLeft).toBe(1);
    grants.spend('g-1');
    expect([grants.spend('g-1'), finds(grants)]).toEqual([false, undefined]);
    grants.settle('g-1');
    give(grants, manifest([first]));
    expect([grants.all(), ended()]).toEqual([[], [['g-1', 'used']]]);
    grants.close();
  });

  test.each<[string, Uint8Array, string]>([
    ['by another key', seal(grantOf('g'), otherKey), 'BELAY_E_SIGNATURE'],
    ['by a key of another role (T-36)', seal(grantOf('g'), otherKey, 'policy-1'), 'BELAY_E_SIGNATURE'],
    ['for another device', seal(grantOf('g', { device: 'd-2' })), 'BELAY_E_WRONG_DEVICE'],
    ['of another server', seal(grantOf('g', { server: new Uint8Array(32) })), 'BELAY_E_WRONG_SERVER'],
    ['of nothing', seal(grantOf('g', { digest: undefined })), 'BELAY_E_MALFORMED'],
    ['with a uid, and for no request of this device', seal(grantOf('g', { request: 0 })), 'BELAY_E_MALFORMED'],
    ['by name, for a request of this device', seal(byName('g', { request: 7 })), 'BELAY_E_MALFORMED'],
    ['by name, with a digest', seal({ ...byName('g'), digest, scope: undefined }), 'BELAY_E_MALFORMED'],
    ['by name, with a session', seal(byName('g', { session: digest })), 'BELAY_E_MALFORMED'],
    ['by name, as an emergency', seal(byName('g', { emergency: true })), 'BELAY_E_MALFORMED'],
    ['by a name that is none', seal(byName('g', { user: '#2001' })), 'BELAY_E_MALFORMED'],
    ['as noise', new Uint8Array(9), 'BELAY_E_MALFORMED'],
  ])('is not taken when it is signed %s', (_, envelope, code) => {
    const { grants } = open();
    give(grants, manifest([envelope]));
    expect([grants.all(), refused]).toEqual([[], [code]]);
  });

  test('is not taken when it came too late, or nobody waits any more', () => {
    const { grants } = open();
    stances.set(5, 'ended').set(6, 'ahead');
    give(grants, manifest([seal(grantOf('late', { expiresAt: now })), seal(grantOf('cancelled', { request: 5 })), seal(grantOf('nobody', { request: 6, session: new Uint8Array(32) }))]));
    expect([grants.all(), ended()]).toEqual([[], [['late', 'expired'], ['cancelled', 'given-back'], ['nobody', 'given-back']]]);
  });

  test('goes when it is no longer listed: taken back, or only gone', () => {
    const { grants } = open();
    give(grants, manifest([seal(grantOf('g-1')), seal(grantOf('g-2')), seal(grantOf('g-3'))]));
    give(grants, manifest([seal(grantOf('g-3'))], { revocations: ['g-1'] }));
    expect([grants.all().map(({ grant }) => grant.id), ended()]).toEqual([['g-3'], [['g-1', 'revoked'], ['g-2', 'withdrawn']]]);
    grants.close();
  });

  test('signed again with another end keeps the uses that were made', () => {
    const { grants } = open();
    give(grants, manifest([seal(grantOf('g-1'))]));
    grants.spend('g-1');
    give(grants, manifest([seal(grantOf('g-1', { expiresAt: now + minute }))]));
    expect(grants.byId('g-1')).toMatchObject({ budget: { usesLeft: 1, deadlineMs: clock.boot + minute } });
    expect(events.filter(({ type }) => type === 'grant.received')).toHaveLength(1);
    grants.close();
  });

  test('is somebody\'s who waits, and nobody else\'s meanwhile', () => {
    const { grants } = open();
    stances.set(5, 'waiting');
    give(grants, manifest([seal(grantOf('g-1', { request: 5 }))]));
    expect([finds(grants), finds(grants, 6), finds(grants, 5)]).toEqual([undefined, undefined, 'g-1']);
    grants.close();
  });
});

describe('what was asked on another device', () => {
  const requestOf = (name: string | undefined): GrantUse => ({ ...use, request: { ...use.request, requester: { ...use.request.requester, uid: 3001, name } } });
  const findsFor = (grants: Grants, name: string | undefined) => grants.find(requestOf(name), [demand], undefined)?.grant.id;

  test('is held by name, spent, kept over a restart and revoked; no number is told of it', () => {
    const listed = manifest([seal(byName('g-1'))]);
    const before = open().grants;
    give(before, listed);
    expect(events).toEqual([{ type: 'grant.received', fields: { grant: 'g-1', request: 0, uid: undefined, user: 'alice' } }]);
    expect([findsFor(before, 'alice'), findsFor(before, 'bob'), findsFor(before, undefined), finds(before)]).toEqual(['g-1', undefined, undefined, undefined]);
    expect(before.spend('g-1')).toBe(true);
    before.close();
    reopen();
    const { grants } = open();
    grants.load(trust(), 'd-1', listed);
    expect([findsFor(grants, 'alice'), grants.byId('g-1')?.budget.usesLeft]).toEqual(['g-1', 1]);
    give(grants, manifest([], { revocations: ['g-1'] }));
    expect(findsFor(grants, 'alice')).toBeUndefined();
    expect(events.at(-1)).toEqual({ type: 'grant.ended', fields: { grant: 'g-1', uid: undefined, user: 'alice', why: 'revoked' } });
    grants.close();
  });

  test('has nothing to do with what this device calls number 0, or any (T-18)', () => {
    const { grants } = open();
    stances.set(0, 'ended');
    give(grants, manifest([seal(byName('g-1')), seal(grantOf('g-7'))]));
    expect(grants.byId('g-1')?.command).toBe('');
    stances.set(0, 'waiting');
    expect(findsFor(grants, 'alice')).toBe('g-1');
    grants.endOfRequest(0);
    grants.endOfRequest(7);
    expect(ended()).toEqual([['g-7', 'given-back']]);
    grants.end('g-1', 'given-back');
    expect(ended()).toEqual([['g-7', 'given-back'], ['g-1', 'given-back']]);
    grants.close();
  });
});

describe('time', () => {
  test('a wall clock that is set back gains nothing (T-18)', () => {
    const { grants } = open();
    give(grants, manifest([seal(grantOf('g-1'))]));
    clock.wall -= 24 * 60 * minute;
    clock.boot += 30 * minute - 1;
    expect(finds(grants)).toBe('g-1');
    clock.boot += 1;
    expect([finds(grants), grants.spend('g-1')]).toEqual([undefined, false]);
    grants.close();
  });

  test('a manifest that was kept back counts from the newest time that the server has signed', () => {
    const { grants, serverTime } = open();
    serverTime.signed(now + 20 * minute);
    give(grants, manifest([seal(grantOf('g-1'))]));
    expect(grants.byId('g-1')?.budget.deadlineMs).toBe(clock.boot + 10 * minute);
    grants.close();
  });

  const timeEnvelope = (nonce: Uint8Array, timeMs: number, device = 'd-1') => sealEnvelope('time', { server, device, nonce, time: timeMs }, { keyId: 'receipt-1', sign: receiptKey.sign });

  test('after a reboot it is suspended until the server\'s signed time proves it live', () => {
    const before = open().grants;
    const envelope = seal(grantOf('g-1'));
    const listed = manifest([envelope]);
    give(before, listed);
    before.close();
    reopen();
    Object.assign(clock, { bootId: 'two', boot: 5_000, wall: now - 60 * minute });
    const { grants, serverTime } = open();
    grants.load(trust(), 'd-1', listed);
    expect([grants.stateOf(grants.all()[0] as never), finds(grants), grants.wantsTime]).toEqual(['suspended', undefined, true]);
    // Another manifest proves nothing: it may have been kept back.
    give(grants, manifest([envelope], { issuedAt: now + minute }));
    expect(finds(grants)).toBeUndefined();
    const nonce = serverTime.nonce();
    clock.boot += 2000;
    expect(serverTime.prove(timeEnvelope(new Uint8Array(16), now), trust(), 'd-1')).toMatchObject({ error: { code: 'BELAY_E_STALE' } });
    expect(serverTime.prove(timeEnvelope(nonce, now, 'd-2'), trust(), 'd-1')).toMatchObject({ error: { code: 'BELAY_E_WRONG_DEVICE' } });
    const proven = serverTime.prove(timeEnvelope(nonce, now + 10 * minute), trust(), 'd-1');
    // What went by since the number was made may have gone by at the server.
    expect(proven).toEqual({ ok: true, value: now + 10 * minute + 2000 });
    expect(serverTime.prove(timeEnvelope(nonce, now), trust(), 'd-1')).toMatchObject({ error: { code: 'BELAY_E_STALE' } });
    if (proven.ok) grants.prove(proven.value);
    expect([finds(grants), grants.wantsTime, grants.byId('g-1')?.budget.deadlineMs]).toEqual(['g-1', false, clock.boot + 20 * minute - 2000]);
    grants.close();
  });

  test('or proves it over', () => {
    const listed = manifest([seal(grantOf('g-1'))]);
    give(open().grants, listed);
    Object.assign(clock, { bootId: 'two', boot: 5_000 });
    const { grants } = open();
    grants.load(trust(), 'd-1', listed);
    grants.prove(now + 31 * minute);
    expect([grants.all(), ended()]).toEqual([[], [['g-1', 'expired']]]);
  });
});

describe('on disk', () => {
  test('it is kept over a restart, with what is left of it', () => {
    const listed = manifest([seal(grantOf('g-1'))]);
    const before = open().grants;
    give(before, listed);
    before.spend('g-1');
    before.close();
    reopen();
    const { grants } = open();
    grants.load(trust(), 'd-1', listed);
    expect([finds(grants), grants.byId('g-1')?.budget.usesLeft]).toEqual(['g-1', 1]);
    grants.close();
  });

  test('what was over stays so, and a use that came to nothing is given back', () => {
    const listed = manifest([seal(grantOf('g-1')), seal(grantOf('g-2', { uses: 1 }))]);
    const before = open().grants;
    give(before, listed);
    before.end('g-1', 'given-back');
    before.spend('g-2');
    before.giveBackUse('g-2');
    before.close();
    reopen();
    const { grants } = open();
    grants.load(trust(), 'd-1', listed);
    give(grants, { ...listed, number: 99 });
    expect(grants.all().map(({ grant, budget }) => [grant.id, budget.usesLeft])).toEqual([['g-2', 1]]);
    grants.close();
  });

  test('it is verified again: edited, of a revoked key or no longer listed, it is gone (T-25)', () => {
    const [kept, revokedOne] = [seal(grantOf('g-1')), seal(grantOf('g-2'))];
    const listed = manifest([kept, revokedOne]);
    give(open().grants, listed);
    const content = Buffer.from(store.items('grant')[0]?.content ?? []);
    const at = content.indexOf('alice');
    content.write('mallo', at);
    store.putItems([{ kind: 'grant', name: 'g-1', content }]);
    const first = open().grants;
    first.load(trust(), 'd-1', listed);
    expect([first.all().map(({ grant }) => grant.id), refused]).toEqual([['g-2'], ['BELAY_E_SIGNATURE']]);
    // Said again it would have all of its uses: those that were made are not known any more.
    give(first, { ...listed, number: 99 });
    expect([first.all().map(({ grant }) => grant.id), ended()]).toEqual([['g-2'], [['g-1', 'withdrawn']]]);
    first.reverify(trust(true), 'd-1');
    expect([first.all(), store.items('grant')]).toEqual([[], []]);
    store.putItems([{ kind: 'grant', name: 'g-3', content: content.subarray(0, 40) }]);
    const second = open().grants;
    second.load(trust(), 'd-1', manifest([]));
    expect([second.all(), store.items('grant')]).toEqual([[], []]);
  });

  test('a disk that refuses gives no use', () => {
    const { grants } = open();
    give(grants, manifest([seal(grantOf('g-1'))]));
    const write = store.putItems;
    Object.assign(store, { putItems: () => { throw new Error('disk full'); } });
    expect([grants.spend('g-1'), grants.byId('g-1')?.budget.usesLeft]).toEqual([false, 2]);
    Object.assign(store, { putItems: write });
    expect(grants.spend('g-1')).toBe(true);
    grants.close();
  });
});
