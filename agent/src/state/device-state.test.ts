import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Manifest, type RoleKey, sealEnvelope, serverIdOf } from '@belay/core/evidence';
import { generateEd25519, sha256, spkiOf } from '@belay/core/node-crypto';
import { bundleDigest, type CompiledPolicy, encodeBundle } from '@belay/core/policy';
import { DeviceState, type GrantsHeld } from './device-state.ts';
import { openStateStore, type StateStore } from './state-store.ts';
import { rootTrust } from './trust.ts';

const root = generateEd25519();
const rootKey = spkiOf(root.publicKey);
const server = serverIdOf(rootKey, sha256);
const [policyKey, otherKey] = [generateEd25519(), generateEd25519()];
const now = 1_800_000_000_000;
const day = 86_400_000;
const roleKey = (changes: Partial<RoleKey> = {}): RoleKey => ({ id: 'p1', role: 'policy', public: policyKey.publicKey, notBefore: 0, notAfter: now + 365 * day, revoked: false, ...changes });
const roleKeys = (version: number, keys: RoleKey[] = [roleKey()], epoch = 1) => sealEnvelope('role-keys', { server, device: '', version, epoch, keys }, { keyId: 'root', sign: root.sign });

const policy = (name: string): CompiledPolicy => ({ name, description: '', targets: { any: true, is: [], not: [] }, mode: 'enforce', rules: [] });
const bundleOf = (name: string) => {
  const content = encodeBundle(policy(name));
  return { content, digest: bundleDigest(content, sha256) };
};
const [one, two] = [bundleOf('one'), bundleOf('two')];
const manifest = (number: number, changes: Partial<Manifest> = {}, key = policyKey) =>
  sealEnvelope(
    'manifest',
    { server, device: 'd-1', epoch: 1, number, issuedAt: now, expiresAt: now + day, name: 'laptop', groups: [], labels: {}, bundles: [one.digest], grants: [], revocations: [], features: [], ...changes },
    { keyId: 'p1', sign: key.sign },
  );

let folder: string;
let store: StateStore;
let said: string[];
let time: number;

function state(): DeviceState {
  const made = new DeviceState(
    store,
    { applied: ({ number }) => said.push(`applied ${number}`), refused: (what, code) => said.push(`${what} ${code}`), inForce: () => {}, changed: () => {}, revoked: () => {} },
    { load: () => {}, change: () => ({ items: [], apply: () => {} }), reverify: () => {}, forget: () => {} },
    () => time,
  );
  made.load();
  return made;
}

function enrolled(): DeviceState {
  const made = state();
  const trust = rootTrust(rootKey, server);
  if (!trust.ok) throw new Error('no trust');
  const done = made.enrol({ rootKey, device: 'd-1', deviceName: 'laptop', serverAddress: 's:1', enrollmentAddress: 's:2' }, trust.value, roleKeys(1));
  if (!done.ok) throw new Error(done.error.code);
  return made;
}

function inForce(made: DeviceState): readonly unknown[] {
  return [made.policy?.manifest.number, made.policy?.set.policies.map((each) => each.name)];
}

const file = () => join(folder, 'state.db');
const reopen = () => {
  store.close();
  const again = openStateStore(file());
  store = again.store;
  return again;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-state-'));
  store = openStateStore(file()).store;
  said = [];
  time = now;
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

test('a manifest comes into force with its last bundle, and not before; what was in force stays until then', () => {
  const made = enrolled();
  expect(made.deliverManifest(manifest(1))).toMatchObject({ ok: true, value: { inForce: false, wanted: [one.digest] } });
  expect(made.policy).toBeUndefined();
  expect(made.deliverBundle(one.digest, one.content)).toMatchObject({ ok: true });
  expect(inForce(made)).toEqual([1, ['one']]);
  expect(made.deliverManifest(manifest(2, { bundles: [one.digest, two.digest] }))).toMatchObject({ ok: true, value: { inForce: false } });
  expect(inForce(made)).toEqual([1, ['one']]);
  made.deliverBundle(two.digest, two.content);
  expect(inForce(made)).toEqual([2, ['one', 'two']]);
  expect(said).toEqual(['applied 1', 'applied 2']);
});

// T-25
test('the last good one survives a restart; an older, edited, cut, foreign or wrongly signed one changes nothing', () => {
  let made = enrolled();
  made.deliverManifest(manifest(5));
  made.deliverBundle(one.digest, one.content);
  reopen();
  made = state();
  expect(inForce(made)).toEqual([5, ['one']]);
  const good = manifest(6);
  const edited = Buffer.from(good);
  edited[edited.length >> 1] = (edited[edited.length >> 1] as number) ^ 1;
  const code = (envelope: Uint8Array) => {
    const answer = made.deliverManifest(envelope);
    return answer.ok ? 'accepted' : answer.error.code;
  };
  expect([manifest(4), good.subarray(0, -1), manifest(6, {}, otherKey), manifest(6, { device: 'd-2' }), manifest(6, { expiresAt: now - 1 }), manifest(6, { features: ['x'] }), manifest(6, { issuedAt: now + day }), manifest(6, { epoch: 0 })].map(code)).toEqual([
    'BELAY_E_STALE', 'BELAY_E_MALFORMED', 'BELAY_E_SIGNATURE', 'BELAY_E_WRONG_DEVICE', 'BELAY_E_EXPIRED', 'BELAY_E_FEATURE', 'BELAY_E_NOT_YET_VALID', 'BELAY_E_STALE',
  ]);
  expect(['BELAY_E_SIGNATURE', 'BELAY_E_MALFORMED']).toContain(code(edited));
  expect(inForce(made)).toEqual([5, ['one']]);
});

test('a bundle that is not the one under the digest is refused', () => {
  const made = enrolled();
  made.deliverManifest(manifest(1));
  expect(made.deliverBundle(one.digest, two.content)).toMatchObject({ ok: false, error: { code: 'BELAY_E_SIGNATURE' } });
  expect(made.deliverBundle(two.digest, two.content)).toMatchObject({ ok: true });
  expect(made.policy).toBeUndefined();
  expect(made.wanted).toEqual([one.digest]);
});

test('a manifest that has expired since stays, and says so by its own time', () => {
  enrolled().deliverManifest(manifest(1, { bundles: [] }));
  time = now + 10 * day;
  reopen();
  expect(inForce(state())).toEqual([1, []]);
});

test('a revoked key\'s manifest is out of force; role keys never go back', () => {
  const made = enrolled();
  made.deliverManifest(manifest(1, { bundles: [] }));
  expect(made.deliverRoleKeys(roleKeys(3, [roleKey({ revoked: true }), roleKey({ id: 'p2', public: otherKey.publicKey })]))).toMatchObject({ ok: true });
  expect(made.policy).toBeUndefined();
  expect(made.deliverRoleKeys(roleKeys(2))).toMatchObject({ ok: false, error: { code: 'BELAY_E_STALE' } });
  expect(made.deliverManifest(manifest(2, { bundles: [] }))).toMatchObject({ ok: false, error: { code: 'BELAY_E_SIGNATURE' } });
  reopen();
  expect(state().policy).toBeUndefined();
});

test('content edited on disk is not used: nothing is in force, and it is fetched again', () => {
  const made = enrolled();
  made.deliverManifest(manifest(1));
  made.deliverBundle(one.digest, one.content);
  store.putBundle(one.digest, two.content);
  reopen();
  const edited = state();
  expect(edited.policy).toBeUndefined();
  expect(edited.wanted).toEqual([one.digest]);
  edited.deliverBundle(one.digest, one.content);
  expect(inForce(edited)).toEqual([1, ['one']]);
  store.put({ manifest: Buffer.from('edited') });
  reopen();
  const broken = state();
  expect(broken.policy).toBeUndefined();
  expect(broken.problems.join()).toMatch(/does not verify/);
  expect(broken.deliverManifest(manifest(1))).toMatchObject({ ok: true, value: { inForce: true } });
});

test.each([
  ['cut short', () => truncateSync(file(), 100)],
  ['overwritten', () => writeFileSync(file(), 'not a database at all, but long enough to be read as a header of one '.repeat(200))],
])('a file that is %s is put aside, and the device is not enrolled', (_name, damage) => {
  enrolled();
  store.close();
  for (const suffix of ['-wal', '-shm']) rmSync(file() + suffix, { force: true });
  damage();
  const again = openStateStore(file());
  store = again.store;
  expect(again.damaged).toMatch(/state\.db\.damaged-/);
  expect(state().enrolment).toBeUndefined();
});

describe('grants', () => {
  const withGrants = (grants: GrantsHeld): { readonly made: DeviceState; readonly loads: () => number } => {
    let loads = 0;
    const events = { applied: ({ number }: Manifest) => said.push(`applied ${number}`), refused: (what: string, code: string) => said.push(`${what} ${code}`), inForce: () => { loads++; }, changed: () => {}, revoked: (ids: readonly string[]) => said.push(`revoked ${ids.join()}`) };
    const made = new DeviceState(store, events, grants, () => time);
    const trust = rootTrust(rootKey, server);
    if (!trust.ok) throw new Error('no trust');
    made.enrol({ rootKey, device: 'd-1', deviceName: 'laptop', serverAddress: 's:1', enrollmentAddress: 's:2' }, trust.value, roleKeys(1));
    return { made, loads: () => loads };
  };
  const none: GrantsHeld = { load: () => {}, change: () => ({ items: [], apply: () => {} }), reverify: () => {}, forget: () => {} };
  const listed = { grants: [new Uint8Array([1])], features: ['grants/v1'] };

  test('a manifest that differs in them alone loads no policy and is no event of one', () => {
    const { made, loads } = withGrants(none);
    made.deliverManifest(manifest(1));
    made.deliverBundle(one.digest, one.content);
    const set = made.policy?.set;
    said = [];
    expect(made.deliverManifest(manifest(2, listed))).toMatchObject({ ok: true, value: { inForce: true, wanted: [] } });
    made.deliverManifest(manifest(3, { ...listed, revocations: ['g'] }));
    expect([made.policy?.manifest.number, made.policy?.set === set, loads(), said]).toEqual([3, true, 1, ['revoked ', 'revoked g']]);
    reopen();
    expect(inForce(state())).toEqual([3, ['one']]);
  });

  test('anything else that changes with them does', () => {
    const { made, loads } = withGrants(none);
    made.deliverManifest(manifest(1));
    made.deliverBundle(one.digest, one.content);
    said = [];
    const steps: readonly (readonly [number, Partial<Manifest>])[] = [[2, { groups: ['g'] }], [3, { labels: { a: 'b' } }], [4, { name: 'x' }], [5, {}], [6, {}]];
    for (const [number, changes] of steps) made.deliverManifest(manifest(number, { ...listed, ...changes }));
    expect([loads(), said.filter((each) => each.startsWith('applied'))]).toEqual([6, ['applied 2', 'applied 3', 'applied 4', 'applied 5', 'applied 6']]);
  });

  test('are written with the manifest that brings them, and are there although its bundles are not', () => {
    const order: string[] = [];
    const { made } = withGrants({ ...none, change: () => ({ items: [{ kind: 'grant', name: 'g', content: new Uint8Array([7]) }], apply: () => order.push(`applied with ${store.items('grant').length}`) }), forget: () => order.push('forgotten') });
    made.deliverManifest(manifest(1, listed));
    expect([made.policy, order]).toEqual([undefined, ['forgotten', 'applied with 1']]);
    made.unenrol();
    expect([store.items('grant'), order.at(-1)]).toEqual([[], 'forgotten']);
  });

  test('a manifest with grants that does not say so is not understood', () => {
    expect(withGrants(none).made.deliverManifest(manifest(1, { grants: [new Uint8Array(1)] }))).toMatchObject({ error: { code: 'BELAY_E_FEATURE' } });
  });
});
