import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ed25519Verify, generateEd25519, sha256, spkiOf } from '@belay/core/node-crypto';
import { openEnvelope, sealEnvelope, type Signer, type Trust } from './envelope.ts';
import { serverIdOf } from './identity.ts';
import { acceptManifest, acceptOrder, acceptRoleKeys, CLOCK_SKEW_MS } from './manifest.ts';
import { type EnvelopeKind, KEY_ROLES, type Manifest, type Payload, type RoleKey, SIGNER } from './payloads.ts';

const root = generateEd25519();
const server = serverIdOf(spkiOf(root.publicKey), sha256);
const NOW = 1_800_000_000_000;
const keysOf = Object.fromEntries(KEY_ROLES.map((role) => [role, generateEd25519()])) as Record<(typeof KEY_ROLES)[number], ReturnType<typeof generateEd25519>>;
const roleKeys: RoleKey[] = KEY_ROLES.map((role) => ({ id: `${role}-1`, role, public: keysOf[role].publicKey, notBefore: NOW - 1000, notAfter: NOW + 1000, revoked: false }));
const trust: Trust = { serverId: server, rootKey: root.publicKey, keys: roleKeys };
const signers: Record<string, Signer> = { root: { keyId: 'root', sign: root.sign }, ...Object.fromEntries(KEY_ROLES.map((role) => [role, { keyId: `${role}-1`, sign: keysOf[role].sign }])) };

const manifest: Manifest = {
  server, device: 'd-a', epoch: 1, number: 7, issuedAt: NOW, expiresAt: NOW + 60_000, name: 'laptop', groups: ['g'], labels: { a: 'b' },
  bundles: [new Uint8Array(32)], grants: [], revocations: [], features: [],
};
const payloads: { readonly [K in EnvelopeKind]: Payload<K> } = {
  authority: { server, device: '', certificate: new Uint8Array([1, 2]) },
  'role-keys': { server, device: '', version: 1, epoch: 1, keys: roleKeys },
  admission: { server, device: 'd-a', evidenceKey: new Uint8Array(32), name: 'laptop', time: NOW },
  manifest,
  order: { server, device: 'd-a', id: 'o1', issuedAt: NOW, expiresAt: NOW + 1000, action: { type: 'report' } },
  grant: {
    server, device: 'd-a', id: 'g1', request: 4, uid: 1001, user: 'ada', digest: new Uint8Array(32), met: ['{}'], uses: 1, issuedAt: NOW, expiresAt: NOW + 1000,
    approvedBy: ['bo'], message: '', emergency: false,
  },
  answer: { server, device: 'd-a', request: 4, version: 1, state: 'denied', approvers: '', have: 0, need: 1, by: ['bo'], message: 'no', time: NOW },
  time: { server, device: 'd-a', nonce: new Uint8Array(16), time: NOW },
  receipt: { server, device: 'd-a', chain: new Uint8Array(32), seq: 3, head: new Uint8Array(32), time: NOW },
};
const kinds = Object.keys(payloads) as EnvelopeKind[];
const seal = (kind: EnvelopeKind, signer = signers[SIGNER[kind]] as Signer) => sealEnvelope(kind, payloads[kind], signer);
const codeOf = (bytes: Uint8Array, kind: EnvelopeKind, whom = trust, nowMs = NOW) => {
  const opened = openEnvelope(bytes, kind, whom, ed25519Verify, nowMs);
  return opened.ok ? 'ok' : opened.error.code;
};

test.each(kinds)('%s opens for its own kind and signer, and no other', (kind) => {
  expect(codeOf(seal(kind), kind)).toBe('ok');
  for (const other of kinds) if (other !== kind) expect(codeOf(seal(kind), other)).toBe('BELAY_E_MALFORMED');
  for (const [role, signer] of Object.entries(signers)) if (role !== SIGNER[kind]) expect(codeOf(seal(kind, signer), kind)).toBe('BELAY_E_SIGNATURE');
});

test.each(kinds)('%s with any byte changed, or cut anywhere, does not open', (kind) => {
  const good = seal(kind);
  fc.assert(fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
    const changed = Uint8Array.from(good);
    changed[at] = (changed[at] as number) ^ mask;
    expect(codeOf(changed, kind)).not.toBe('ok');
    expect(codeOf(good.subarray(0, at), kind)).toBe('BELAY_E_MALFORMED');
  }), { numRuns: 200 });
});

test('a key counts in its time, until it is revoked, and only for its server', () => {
  const good = seal('manifest');
  expect(codeOf(good, 'manifest', trust, NOW - 1001)).toBe('BELAY_E_SIGNATURE');
  expect(codeOf(good, 'manifest', trust, NOW + 1001)).toBe('BELAY_E_SIGNATURE');
  expect(codeOf(good, 'manifest', { ...trust, keys: roleKeys.map((key) => ({ ...key, revoked: true })) })).toBe('BELAY_E_SIGNATURE');
  expect(codeOf(good, 'manifest', { ...trust, keys: roleKeys.map((key) => ({ ...key, role: 'order' as const })) })).toBe('BELAY_E_SIGNATURE');
  expect(codeOf(good, 'manifest', { ...trust, keys: [] })).toBe('BELAY_E_SIGNATURE');
  expect(codeOf(good, 'manifest', { ...trust, serverId: new Uint8Array(32) })).toBe('BELAY_E_WRONG_SERVER');
});

test('what was signed long ago opens by the time it bears', () => {
  const opened = openEnvelope(seal('receipt'), 'receipt', trust, ed25519Verify, 'when-signed');
  expect(opened.ok).toBe(true);
  const late = sealEnvelope('receipt', { ...payloads.receipt, time: NOW + 2000 }, signers['receipt'] as Signer);
  expect(openEnvelope(late, 'receipt', trust, ed25519Verify, 'when-signed')).toMatchObject({ ok: false, error: { code: 'BELAY_E_SIGNATURE' } });
});

test('a field that is unknown makes the whole malformed, and is never signed', () => {
  expect(() => sealEnvelope('order', { ...payloads.order, also: 1 } as never, signers['order'] as Signer)).toThrow(/also/);
});

const device = { id: 'd-a', nowMs: NOW, minimumEpoch: 1 };
test.each<[string, Partial<Manifest>, { epoch: number; number: number }, string]>([
  ['the first', {}, { epoch: 0, number: 0 }, 'ok'],
  ['the same again', {}, { epoch: 1, number: 7 }, 'ok'],
  ['a newer one', {}, { epoch: 1, number: 6 }, 'ok'],
  ['an older one', {}, { epoch: 1, number: 8 }, 'BELAY_E_STALE'],
  ['a higher number of an older epoch', { number: 900 }, { epoch: 2, number: 1 }, 'BELAY_E_STALE'],
  ['a lower number of a newer epoch', { epoch: 2, number: 1 }, { epoch: 1, number: 900 }, 'ok'],
  ['an epoch before the root\'s', { epoch: 0 }, { epoch: 0, number: 0 }, 'BELAY_E_STALE'],
  ['another device\'s', { device: 'd-b' }, { epoch: 0, number: 0 }, 'BELAY_E_WRONG_DEVICE'],
  ['nobody\'s', { device: '' }, { epoch: 0, number: 0 }, 'BELAY_E_WRONG_DEVICE'],
  ['one from within the skew', { issuedAt: NOW + CLOCK_SKEW_MS }, { epoch: 0, number: 0 }, 'ok'],
  ['one from the future', { issuedAt: NOW + CLOCK_SKEW_MS + 1 }, { epoch: 0, number: 0 }, 'BELAY_E_NOT_YET_VALID'],
  ['an expired one', { expiresAt: NOW }, { epoch: 0, number: 0 }, 'BELAY_E_EXPIRED'],
  ['one that needs what we lack', { features: ['teleport'] }, { epoch: 0, number: 0 }, 'BELAY_E_FEATURE'],
  ['one with grants', { grants: [new Uint8Array(1)] }, { epoch: 0, number: 0 }, 'BELAY_E_FEATURE'],
])('of manifests, %s is judged', (_which, change, held, code) => {
  const accepted = acceptManifest({ ...manifest, ...change }, held, device);
  expect(accepted.ok ? 'ok' : accepted.error.code).toBe(code);
});

test('an order is done once, by whom it is for, in its time', () => {
  const { order } = payloads;
  const isDone = (id: string) => id === 'done';
  const code = (change: Partial<typeof order>, nowMs = NOW) => {
    const accepted = acceptOrder({ ...order, ...change }, { id: 'd-a', nowMs, isDone });
    return accepted.ok ? 'ok' : accepted.error.code;
  };
  expect(code({})).toBe('ok');
  expect(code({ id: 'done' })).toBe('BELAY_E_STALE');
  expect(code({ device: 'd-b' })).toBe('BELAY_E_WRONG_DEVICE');
  expect(code({}, NOW + 1000)).toBe('BELAY_E_EXPIRED');
  expect(code({ issuedAt: NOW + CLOCK_SKEW_MS + 1 })).toBe('BELAY_E_NOT_YET_VALID');
});

test('a list of role keys never goes back, in version or epoch, and names each key once', () => {
  const list = payloads['role-keys'];
  const code = (change: Partial<typeof list>, held?: { version: number; epoch: number }) => {
    const accepted = acceptRoleKeys({ ...list, ...change }, held);
    return accepted.ok ? 'ok' : accepted.error.code;
  };
  expect(code({})).toBe('ok');
  expect(code({ version: 3, epoch: 2 }, { version: 2, epoch: 2 })).toBe('ok');
  expect(code({ version: 2, epoch: 2 }, { version: 2, epoch: 2 })).toBe('ok');
  expect(code({ version: 1, epoch: 2 }, { version: 2, epoch: 2 })).toBe('BELAY_E_STALE');
  expect(code({ version: 3, epoch: 1 }, { version: 2, epoch: 2 })).toBe('BELAY_E_STALE');
  expect(code({ keys: [...roleKeys, roleKeys[0] as RoleKey] })).toBe('BELAY_E_MALFORMED');
  expect(code({ keys: [{ ...(roleKeys[0] as RoleKey), id: 'root' }] })).toBe('BELAY_E_MALFORMED');
});
