import * as z from 'zod';

/** Payloads of signed envelopes. Each is strict: an unknown field makes the whole malformed. */
const bytes = z.custom<Uint8Array>((value) => ArrayBuffer.isView(value), 'expected bytes');
const exactly = (length: number) => z.custom<Uint8Array>((value) => ArrayBuffer.isView(value) && value.byteLength === length, `expected ${length} bytes`);
const time = z.number().int().nonnegative();
const counter = z.number().int().nonnegative();
const id = z.string().min(1).max(128);

const addressed = { server: exactly(32), device: z.string().max(128) };

export const KEY_ROLES = ['policy', 'grant', 'order', 'receipt'] as const;
export type KeyRole = (typeof KEY_ROLES)[number];

const roleKey = z.strictObject({
  id,
  role: z.enum(KEY_ROLES),
  public: exactly(32),
  notBefore: time,
  notAfter: time,
  revoked: z.boolean(),
});
export type RoleKey = z.infer<typeof roleKey>;

export const PAYLOADS = {
  /** The certificate authority's certificate, by the root key. */
  authority: z.strictObject({ ...addressed, certificate: bytes }),
  /** Which keys may sign what, by the root key. The highest version counts; an epoch is raised when a database was restored. */
  'role-keys': z.strictObject({ ...addressed, version: counter, epoch: counter, keys: z.array(roleKey).max(64) }),
  /** "This evidence key is this device's", by a policy key. */
  admission: z.strictObject({ ...addressed, evidenceKey: exactly(32), name: z.string().max(256), time }),
  /** The whole state of a device, by a policy key. The newest subsumes all older. */
  manifest: z.strictObject({
    ...addressed,
    epoch: counter,
    number: counter,
    issuedAt: time,
    expiresAt: time,
    name: z.string().max(256),
    groups: z.array(z.string().max(256)).max(1000),
    labels: z.record(z.string().max(256), z.string().max(1024)),
    bundles: z.array(exactly(32)).max(10_000),
    grants: z.array(bytes).max(10_000),
    revocations: z.array(z.string().max(256)).max(100_000),
    /** What the enforcer must be able to do; one it does not know: refuse the manifest. */
    features: z.array(z.string().max(64)).max(64),
  }),
  /** Done once, remembered by id. By an order key. */
  order: z.strictObject({ ...addressed, id, issuedAt: time, expiresAt: time, action: z.strictObject({ type: z.enum(['report']) }) }),
  /**
   * A person's yes, by a grant key: it stands for the approvals in `met`, and for nothing else a rule demands. Bound to one request's
   * `digest`, or to a `scope`; to `session` when somebody waited for it in place. `uid` left out: bound to `user` by name, on a device
   * other than the one it was asked on, and to a scope. `uses` left out: no limit. `isWellBound` says which of these go together.
   */
  grant: z.strictObject({
    ...addressed,
    id,
    /** The request's number on the device; 0: asked on another device. */
    request: counter,
    uid: counter.optional(),
    user: z.string().max(256),
    digest: exactly(32).optional(),
    scope: z.strictObject({
      commands: z.array(z.strictObject({ command: z.string().min(1).max(4096), args: z.array(z.string().max(4096)).max(1000).optional() })).min(1).max(100),
      runAsUid: counter,
      runAsGid: counter,
    }).optional(),
    session: exactly(32).optional(),
    /** Each as `approvalText` writes it. */
    met: z.array(z.string().max(8192)).max(16),
    uses: counter.min(1).optional(),
    issuedAt: time,
    expiresAt: time,
    approvedBy: z.array(z.string().max(256)).max(64),
    message: z.string().max(2000),
    emergency: z.boolean(),
  }),
  /** What became of a request, by a grant key. The highest `version` of a request counts. A grant comes with the manifest, not with this. */
  answer: z.strictObject({
    ...addressed,
    request: counter,
    version: counter,
    state: z.enum(['pending', 'approved', 'denied', 'cancelled', 'expired']),
    /** Of a pending one: who may approve, in words. */
    approvers: z.string().max(2000),
    have: counter,
    need: counter,
    by: z.array(z.string().max(256)).max(64),
    message: z.string().max(2000),
    grant: id.optional(),
    time,
  }),
  /** The server's time, for a device that asked with these random bytes: a receipt key's. */
  time: z.strictObject({ ...addressed, nonce: exactly(16), time }),
  /** "I have this chain up to here", by a receipt key. `head` is the hash of the event at `seq`. */
  receipt: z.strictObject({ ...addressed, chain: exactly(32), seq: counter, head: exactly(32), time }),
} as const;

export type EnvelopeKind = keyof typeof PAYLOADS;
export type Payload<K extends EnvelopeKind> = z.infer<(typeof PAYLOADS)[K]>;
export type Manifest = Payload<'manifest'>;
export type Grant = Payload<'grant'>;
export type Answer = Payload<'answer'>;
export type Order = Payload<'order'>;
export type Receipt = Payload<'receipt'>;
export type Admission = Payload<'admission'>;
export type RoleKeyList = Payload<'role-keys'>;
export type Authority = Payload<'authority'>;

/** Whose signature a kind needs. */
export const SIGNER: Readonly<Record<EnvelopeKind, 'root' | KeyRole>> = {
  authority: 'root',
  'role-keys': 'root',
  admission: 'policy',
  manifest: 'policy',
  order: 'order',
  grant: 'grant',
  answer: 'grant',
  time: 'receipt',
  receipt: 'receipt',
};

export const envelopeShape = z.strictObject({ kind: z.string().max(32), payload: bytes, key: id, sig: exactly(64) });
