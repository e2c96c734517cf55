// A fleet whose keys the test holds: it stands in for the server and speaks to belayd through the uplink's socket, as the system user
// `belay`. With it a test can sign what a real server would, sign wrongly what it would not, and read the journal as belayd hands it out.
import { createPolicyBundles } from './policy-text.ts';
import { chainIdOf, decodeEvent, encodeToken, type KeyRole, type Manifest, type RoleKey, sealEnvelope, serverIdOf, visibleFields } from '@belay/core/evidence';
import { type Ed25519Key, generateEd25519, sha256, spkiOf } from '@belay/core/node-crypto';
import type { DaemonFrame } from '@belay/proto/local';
import type { World } from '../../support/world.ts';
import { type Attacker, converseAsUplink, daemonFrames, startAttacker, type UplinkConversation } from './attacker.ts';

export type SecurityEvent = { readonly seq: number; readonly type: string; readonly fields: Readonly<Record<string, unknown>> };
type AnswerOf<C extends string> = Extract<DaemonFrame['message'], { case: C }>['value'];

export type FleetKeys = { readonly root: Ed25519Key; readonly rootSpki: Uint8Array; readonly serverId: Uint8Array; readonly roles: Readonly<Record<KeyRole, Ed25519Key>> };

const day = 24 * 60 * 60 * 1000;

export function makeFleetKeys(): FleetKeys {
  const root = generateEd25519();
  const rootSpki = spkiOf(root.publicKey);
  const roles = { policy: generateEd25519(), grant: generateEd25519(), order: generateEd25519(), receipt: generateEd25519() };
  return { root, rootSpki, serverId: serverIdOf(rootSpki, sha256), roles };
}

export function roleKeysEnvelope(keys: FleetKeys, changes: { readonly version?: number; readonly epoch?: number; readonly revoked?: readonly KeyRole[]; readonly more?: readonly RoleKey[]; readonly signedBy?: Ed25519Key } = {}): Uint8Array {
  const { version = 1, epoch = 1, revoked = [], more = [], signedBy = keys.root } = changes;
  const list = (Object.keys(keys.roles) as KeyRole[]).map((role): RoleKey => ({
    id: `${role}-1`, role, public: keys.roles[role].publicKey, notBefore: Date.now() - day, notAfter: Date.now() + 365 * day, revoked: revoked.includes(role),
  }));
  return sealEnvelope('role-keys', { server: keys.serverId, device: '', version, epoch, keys: [...list, ...more] }, { keyId: 'root', sign: signedBy.sign });
}

export type OwnFleet = {
  readonly keys: FleetKeys;
  readonly device: string;
  readonly chain: Uint8Array;
  /** Epoch and number of the newest manifest published. */
  readonly newest: () => Manifest;
  /** Publishes policies and waits until they are in force. */
  readonly publish: (policies: Readonly<Record<string, string>>) => Promise<void>;
  /** The same with bundles made otherwise: hex digest → content. */
  readonly publishBundles: (bundles: ReadonlyMap<string, Uint8Array>) => Promise<void>;
  /** The same content under a new number. */
  readonly publishAgain: () => Promise<void>;
  readonly manifestEnvelope: (changes?: Partial<Manifest>, signer?: { readonly keyId: string; readonly key: Ed25519Key }) => Uint8Array;
  readonly deliverManifest: (envelope: Uint8Array) => Promise<AnswerOf<'manifest'>>;
  readonly uplink: () => UplinkConversation;
  readonly attacker: Attacker;
  /** The raw records of the journal, from the first. */
  readonly records: () => Promise<readonly Uint8Array[]>;
  readonly events: () => Promise<readonly SecurityEvent[]>;
  /** Connects again, after belayd was started anew. */
  readonly reconnect: () => Promise<void>;
};

/** Enrols the world's device: belayd must run, no uplink may. */
export async function openOwnFleet(world: World, keys: FleetKeys = makeFleetKeys()): Promise<OwnFleet> {
  const attacker = await startAttacker(world, 'belay');
  let uplink = await connect(attacker);
  const { device, evidenceKey } = await enrol(world, uplink, keys);
  let bundles: ReadonlyMap<string, Uint8Array> = new Map();
  let newest: Manifest = {
    server: keys.serverId, device, epoch: 1, number: 0, issuedAt: 0, expiresAt: 0, name: 'belay-world', groups: [], labels: {}, bundles: [], grants: [], revocations: [], features: [],
  };
  const manifestEnvelope: OwnFleet['manifestEnvelope'] = (changes = {}, signer = { keyId: 'policy-1', key: keys.roles.policy }) =>
    sealEnvelope('manifest', { ...newest, issuedAt: Date.now(), expiresAt: Date.now() + 30 * day, ...changes }, { keyId: signer.keyId, sign: signer.key.sign });
  const deliverManifest: OwnFleet['deliverManifest'] = async (envelope) => expectAnswer(await uplink.ask({ case: 'manifest', value: { envelope } }), 'manifest');
  const publishAgain = async (): Promise<void> => {
    // Tests deliver manifests of their own in between.
    newest = { ...newest, number: newest.number + 10 };
    const answer = await deliverManifest(manifestEnvelope());
    if (!answer.accepted) throw new Error(`belayd refused the manifest: ${answer.code} ${answer.message}`);
    for (const digest of answer.bundlesWanted) {
      expectAnswer(await uplink.ask({ case: 'bundle', value: { digest, content: bundles.get(Buffer.from(digest).toString('hex')) ?? new Uint8Array() } }), 'done');
    }
    await world.waitFor(async () => (await world.status()).manifest?.number === newest.number, { what: 'the manifest to be in force' });
  };
  const publishBundles: OwnFleet['publishBundles'] = async (content) => {
    bundles = content;
    newest = { ...newest, bundles: [...bundles.keys()].map((hex) => Buffer.from(hex, 'hex')) };
    await publishAgain();
  };
  const records = async (): Promise<readonly Uint8Array[]> => await recordsFrom(uplink);
  return {
    keys, device, attacker, manifestEnvelope, deliverManifest, publishAgain, records,
    chain: chainIdOf(keys.serverId, device, evidenceKey, sha256),
    newest: () => newest,
    uplink: () => uplink,
    publishBundles,
    publish: async (policies) => await publishBundles(createPolicyBundles(policies)),
    events: async () => (await records()).map(eventOf),
    reconnect: async () => { uplink = await connect(attacker); },
  };
}

async function recordsFrom(uplink: UplinkConversation): Promise<readonly Uint8Array[]> {
  const all: Uint8Array[] = [];
  for (;;) {
    const batch = expectAnswer(await uplink.ask({ case: 'pullEvents', value: { from: BigInt(all.length + 1), maxBytes: 4_000_000, maxEvents: 1_000 } }), 'events');
    if (batch.events.length === 0) return all;
    all.push(...batch.events);
  }
}

function eventOf(bytes: Uint8Array): SecurityEvent {
  const decoded = decodeEvent(bytes, sha256);
  if (!decoded.ok) throw new Error(`an event of the journal cannot be read: ${decoded.error.message}`);
  return { seq: decoded.value.payload.seq, type: decoded.value.payload.type, fields: visibleFields(decoded.value) };
}

async function connect(attacker: Attacker): Promise<UplinkConversation> {
  const uplink = await converseAsUplink(attacker);
  expectAnswer(await uplink.ask({ case: 'hello', value: { protocol: 1 } }), 'state');
  return uplink;
}

async function enrol(world: World, uplink: UplinkConversation, keys: FleetKeys): Promise<{ readonly device: string; readonly evidenceKey: Uint8Array }> {
  const token = encodeToken({ address: '127.0.0.1:7444', secret: 'secret', serverId: keys.serverId }, sha256);
  const enrolling = world.belay(['enroll', '-'], { input: `${token}\n` });
  const { device, evidenceKey } = await world.waitFor(() => {
    const task = daemonFrames(uplink.line).map(({ message }) => message).find((message) => message.case === 'enrollTask');
    return task?.case === 'enrollTask' ? task.value : undefined;
  }, { what: 'belayd to ask the uplink to enrol' });
  expectAnswer(await uplink.ask({ case: 'signEnrollment', value: { csrDigest: sha256(Buffer.from('csr')) } }), 'enrollmentProof');
  const admission = sealEnvelope('admission', { server: keys.serverId, device, evidenceKey, name: 'belay-world', time: Date.now() }, { keyId: 'policy-1', sign: keys.roles.policy.sign });
  expectAnswer(await uplink.ask({
    case: 'enrollmentResult',
    value: { ok: true, rootKey: keys.rootSpki, roleKeys: roleKeysEnvelope(keys), admission, serverAddress: '127.0.0.1:7443', deviceName: 'belay-world' },
  }), 'done');
  const ran = await enrolling;
  if (ran.code !== 0) throw new Error(`belay enroll failed (${ran.code}): ${ran.stderr}${ran.stdout}`);
  return { device, evidenceKey };
}

export function expectAnswer<C extends NonNullable<DaemonFrame['message']['case']>>(answer: DaemonFrame['message'] | undefined, wanted: C): AnswerOf<C> {
  if (answer?.case === wanted) return answer.value as AnswerOf<C>;
  throw new Error(`belayd answered ${answer?.case ?? 'by closing'}, not ${wanted}${answer?.case === 'refusal' ? `: ${answer.value.code} ${answer.value.message}` : ''}`);
}
