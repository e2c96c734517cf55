import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { join } from 'node:path';
import { equalBytes } from '@belay/core/bytes';
import { type EnvelopeKind, KEY_ROLES, type KeyRole, openEnvelope, type Payload, type RoleKey, type RoleKeyList, sealEnvelope, serverIdOf, SIGNER, type Trust } from '@belay/core/evidence';
import { ed25519Verify, rawOfSpki, sha256 } from '@belay/core/node-crypto';
import type { Clock, ServerKeys } from '../context.ts';
import { type DataFolder, readIfThere, SECRET, writeDurably } from './data-folder.ts';
import type { RootKey } from './root-key.ts';

const BACKDATED_MS = 10 * 60_000;
const LIFE_MS = 3 * 365 * 86_400_000;

export type NewRoleKey = { readonly listed: RoleKey; readonly pem: string };

export function createRoleKey(role: KeyRole, nowMs: number): NewRoleKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    listed: {
      id: `${role}-${randomBytes(6).toString('hex')}`,
      role,
      public: rawOfSpki(publicKey.export({ type: 'spki', format: 'der' })) as Uint8Array,
      notBefore: nowMs - BACKDATED_MS,
      notAfter: nowMs + LIFE_MS,
      revoked: false,
    },
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/** One new key for every role. */
export function createRoleKeys(nowMs: number): readonly NewRoleKey[] {
  return KEY_ROLES.map((role) => createRoleKey(role, nowMs));
}

export function writeRoleKeys(data: DataFolder, keys: readonly NewRoleKey[]): void {
  for (const { listed, pem } of keys) writeDurably(join(data.roleKeys, `${listed.id}.key`), pem, SECRET);
}

export type RoleKeyListDraft = Pick<RoleKeyList, 'version' | 'epoch' | 'keys'>;

export function sealRoleKeys(root: RootKey, draft: RoleKeyListDraft): Uint8Array {
  return sealEnvelope('role-keys', { server: serverIdOf(root.spki, sha256), device: '', ...draft, keys: [...draft.keys] }, root.signer);
}

/** Throws with what is wrong: a server with broken keys must not start. */
export function readRoleKeyList(data: DataFolder): { readonly list: RoleKeyList; readonly envelope: Uint8Array; readonly rootKey: Uint8Array; readonly rootRaw: Uint8Array } {
  const rootKey = readIfThere(data.rootPublicKey);
  const envelope = readIfThere(data.roleKeysEnvelope);
  if (rootKey === undefined || envelope === undefined) throw new Error(`${data.folder} holds no server: run "belay-server init --data ${data.folder}" first`);
  const rootRaw = rawOfSpki(rootKey);
  if (rootRaw === undefined) throw new Error(`${data.rootPublicKey} is not an Ed25519 public key`);
  const trust: Trust = { serverId: serverIdOf(rootKey, sha256), rootKey: rootRaw, keys: [] };
  const list = openEnvelope(envelope, 'role-keys', trust, ed25519Verify, 0);
  if (!list.ok) throw new Error(`${data.roleKeysEnvelope}: ${list.error.message}`);
  return { list: list.value, envelope, rootKey, rootRaw };
}

type Held = { readonly key: RoleKey; readonly privateKey: KeyObject };
type HeldKeys = Omit<ServerKeys, 'seal'> & { readonly newestOf: (role: KeyRole) => Held; readonly signsUntil: number };

export type ReloadableKeys = ServerKeys & {
  /** When the first role has no key any more that may sign; it may be over. Unix milliseconds. */
  readonly signsUntil: number;
  /**
   * Reads them anew; answers whether the list is a newer one. Throws, and keeps what it holds, where a start with these files would throw,
   * when they are another server's, and when the list is older than the one held.
   */
  reload(): boolean;
};

/** Reads what this server signs with. Throws when a key file is missing, open to others, or not the listed key. */
export function loadServerKeys(data: DataFolder, clock: Clock): ReloadableKeys {
  let held = readServerKeys(data, clock);
  return {
    get serverId() { return held.serverId; },
    get rootKey() { return held.rootKey; },
    get trust() { return held.trust; },
    get roleKeys() { return held.roleKeys; },
    get roleKeysEnvelope() { return held.roleKeysEnvelope; },
    get authorityEnvelope() { return held.authorityEnvelope; },
    get signsUntil() { return held.signsUntil; },
    seal<K extends Exclude<EnvelopeKind, 'authority' | 'role-keys'>>(kind: K, payload: Payload<K>) {
      const { key, privateKey } = held.newestOf(SIGNER[kind] as KeyRole);
      return sealEnvelope(kind, payload, { keyId: key.id, sign: (message) => sign(null, message, privateKey) });
    },
    reload() {
      const [fresh, { version }] = [readServerKeys(data, clock), held.roleKeys];
      if (!equalBytes(fresh.serverId, held.serverId)) throw new Error(`${data.rootPublicKey} is another server's: start anew with these files`);
      // SECURITY(T-26): an older list would trust again what a newer one has revoked.
      if (fresh.roleKeys.version < version) throw new Error(`${data.roleKeysEnvelope} is version ${fresh.roleKeys.version}, older than ${version}, which is in use`);
      held = fresh;
      return fresh.roleKeys.version > version;
    },
  };
}

function readServerKeys(data: DataFolder, clock: Clock): HeldKeys {
  const { list, envelope, rootKey, rootRaw } = readRoleKeyList(data);
  const authorityEnvelope = readIfThere(data.authorityEnvelope);
  if (authorityEnvelope === undefined) throw new Error(`${data.authorityEnvelope} is missing`);
  const serverId = serverIdOf(rootKey, sha256);
  const held = list.keys.filter((key) => !key.revoked).flatMap((key) => holdKey(data, key) ?? []);
  const newestOf = (role: KeyRole): Held => {
    const now = clock();
    const living = held.filter(({ key }) => key.role === role && key.notBefore <= now && now <= key.notAfter);
    const newest = living.toSorted((a, b) => b.key.notBefore - a.key.notBefore)[0];
    if (newest === undefined) throw new Error(`no living ${role} key: run "belay-server rotate-role-keys"`);
    return newest;
  };
  for (const role of KEY_ROLES) newestOf(role);
  const endOf = (role: KeyRole): number => Math.max(...held.filter(({ key }) => key.role === role).map(({ key }) => key.notAfter));
  const signsUntil = Math.min(...KEY_ROLES.map(endOf));
  return { serverId, rootKey, trust: { serverId, rootKey: rootRaw, keys: list.keys }, roleKeys: list, roleKeysEnvelope: envelope, authorityEnvelope, newestOf, signsUntil };
}

/** Undefined when the file is not here: an older key may have been removed once its successor was in use. */
function holdKey(data: DataFolder, key: RoleKey): Held | undefined {
  const file = join(data.roleKeys, `${key.id}.key`);
  const pem = readIfThere(file);
  if (pem === undefined) return undefined;
  const privateKey = createPrivateKey(pem);
  const publicKey = rawOfSpki(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }));
  if (publicKey === undefined || !Buffer.from(publicKey).equals(key.public)) throw new Error(`${file} is not the key that the root key signed for`);
  return { key, privateKey };
}
