import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { concatBytes, toHex } from '@belay/core/bytes';
import { readArmor } from './armor.ts';
import { Cursor, malformed, type Packet, parsed, readPackets, TAG } from './packets.ts';
import { ALGORITHM, bigEndian, readSignature, type Signature, SIGNATURE_TYPE, verifies } from './signature.ts';

/** A key that may sign, as its key ring has it. Fingerprints are hex in upper case; times are in seconds since 1970. */
export type SigningKey = {
  readonly fingerprint: string;
  /** The fingerprint of the primary key it belongs to: its own, where it is one. */
  readonly primary: string;
  readonly keyId: string;
  readonly key: KeyObject;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
};

type Key = { readonly fingerprint: string; readonly keyId: string; readonly key: KeyObject; readonly createdAt: number; readonly hashed: Uint8Array };
type Component = { readonly packet: Packet; readonly signatures: readonly Signature[] };

const MIN_RSA_BITS = 2048;
const MAX_KEY_RING_BYTES = 8 * 1024 * 1024;
const MAX_SIGNATURES = 512;
const MAY_SIGN = 0x02;
const ED25519_OID = '2b06010401da470f01';
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * The keys of a key ring, binary or armoured, that may sign: of version 4, RSA from 2048 bits or Ed25519, bound by the primary key, not
 * revoked. A certificate that is malformed is left out; so is everything else here that cannot be verified.
 */
export function readKeyRing(bytes: Uint8Array): readonly SigningKey[] {
  if (bytes.length > MAX_KEY_RING_BYTES) return [];
  const binary = bytes[0] === 0x2d || bytes[0] === 0x0a ? readArmor(Buffer.from(bytes).toString('latin1'), 'PUBLIC KEY BLOCK') : bytes;
  const packets = binary === undefined ? undefined : readPackets(binary);
  return packets === undefined ? [] : certificatesOf(packets).flatMap(readCertificate);
}

function certificatesOf(packets: readonly Packet[]): Packet[][] {
  const certificates: Packet[][] = [];
  for (const packet of packets) {
    if (packet.tag === TAG.publicKey) certificates.push([packet]);
    else certificates.at(-1)?.push(packet);
  }
  return certificates;
}

function readCertificate(packets: readonly Packet[]): readonly SigningKey[] {
  const [primaryComponent, ...others] = componentsOf(packets);
  const primary = primaryComponent === undefined ? undefined : readKey(primaryComponent.packet.body);
  if (primaryComponent === undefined || primary === undefined) return [];
  const own = (signature: Signature, content: readonly Uint8Array[]) =>
    (signature.issuerKeyId === undefined || signature.issuerKeyId === primary.keyId) && verifies(signature, primary.key, [primary.hashed, ...content]);
  if (primaryComponent.signatures.some((signature) => signature.type === SIGNATURE_TYPE.keyRevocation && own(signature, []))) return [];
  const certified = newest([
    ...primaryComponent.signatures.filter((signature) => signature.type === SIGNATURE_TYPE.directKey && own(signature, [])),
    ...others.flatMap(({ packet, signatures }) => signatures.filter((signature) => isCertification(signature) && own(signature, userContent(packet)))),
  ]);
  // A key which never certified itself says nothing of its end or its uses: it is not used.
  if (certified === undefined) return [];
  const expiresAt = endOf(primary, certified);
  const subkeys = others.flatMap((component) => {
    const subkey = readSubkey(component, primary, own);
    return subkey === undefined ? [] : [{ ...subkey, expiresAt: earliest(subkey.expiresAt, expiresAt) }];
  });
  return ((certified.keyFlags ?? MAY_SIGN) & MAY_SIGN) === 0 ? subkeys : [signing(primary, primary, expiresAt), ...subkeys];
}

/** Each key or user, with the signatures that follow it. */
function componentsOf(packets: readonly Packet[]): Component[] {
  const components: { packet: Packet; signatures: Signature[] }[] = [];
  let left = MAX_SIGNATURES;
  for (const packet of packets) {
    if (packet.tag !== TAG.signature) {
      components.push({ packet, signatures: [] });
      continue;
    }
    const signature = left-- > 0 ? readSignature(packet.body) : undefined;
    if (signature !== undefined) components.at(-1)?.signatures.push(signature);
  }
  // Too many signatures to have looked at each, so perhaps not at a revocation.
  return left < 0 ? [] : components;
}

function readSubkey(component: Component, primary: Key, own: (signature: Signature, content: readonly Uint8Array[]) => boolean): SigningKey | undefined {
  if (component.packet.tag !== TAG.publicSubkey) return undefined;
  const subkey = readKey(component.packet.body);
  if (subkey === undefined) return undefined;
  const signed = component.signatures.filter((signature) => own(signature, [subkey.hashed]));
  if (signed.some(({ type }) => type === SIGNATURE_TYPE.subkeyRevocation)) return undefined;
  const binding = newest(signed.filter(({ type }) => type === SIGNATURE_TYPE.subkeyBinding));
  if (binding?.embedded === undefined || ((binding.keyFlags ?? 0) & MAY_SIGN) === 0) return undefined;
  // The subkey must want to belong to this primary key: else anybody could adopt another's key and take credit for its signatures.
  const back = readSignature(binding.embedded);
  if (back?.type !== SIGNATURE_TYPE.primaryBinding || !verifies(back, subkey.key, [primary.hashed, subkey.hashed])) return undefined;
  return signing(subkey, primary, endOf(subkey, binding));
}

function signing(key: Key, primary: Key, expiresAt: number | undefined): SigningKey {
  return { fingerprint: key.fingerprint, primary: primary.fingerprint, keyId: key.keyId, key: key.key, createdAt: key.createdAt, expiresAt };
}

function isCertification({ type }: Signature): boolean {
  return type >= SIGNATURE_TYPE.certificationFirst && type <= SIGNATURE_TYPE.certificationLast;
}

function newest(signatures: readonly Signature[]): Signature | undefined {
  return signatures.reduce<Signature | undefined>((best, next) => (best === undefined || next.createdAt > best.createdAt ? next : best), undefined);
}

function endOf(key: Key, signature: Signature): number | undefined {
  return signature.keyExpiresAfter === undefined ? undefined : key.createdAt + signature.keyExpiresAfter;
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

function userContent({ tag, body }: Packet): readonly Uint8Array[] {
  if (tag !== TAG.userId && tag !== TAG.userAttribute) return [Uint8Array.of(0)];
  return [Uint8Array.of(tag === TAG.userId ? 0xb4 : 0xd1), bigEndian(body.length), body];
}

function readKey(body: Uint8Array): Key | undefined {
  return parsed(() => {
    const cursor = new Cursor(body);
    if (cursor.byte() !== 4) return undefined;
    const createdAt = cursor.number(4);
    const key = readMaterial(cursor.byte(), cursor);
    if (key === undefined) return undefined;
    const hashed = concatBytes(Uint8Array.of(0x99, body.length >> 8, body.length & 255), body);
    const fingerprint = toHex(createHash('sha1').update(hashed).digest()).toUpperCase();
    return { fingerprint, keyId: fingerprint.slice(-16), key, createdAt, hashed };
  });
}

function readMaterial(algorithm: number, cursor: Cursor): KeyObject | undefined {
  if (algorithm === ALGORITHM.rsa || algorithm === ALGORITHM.rsaSignOnly) return rsaKey(cursor.integer(), cursor.integer());
  if (algorithm === ALGORITHM.ed25519) return ed25519Key(cursor.take(32));
  if (algorithm !== ALGORITHM.eddsaLegacy || toHex(cursor.take(cursor.byte())) !== ED25519_OID) return undefined;
  const point = cursor.integer();
  return point.length === 33 && point[0] === 0x40 ? ed25519Key(point.subarray(1)) : malformed();
}

function rsaKey(modulus: Uint8Array, exponent: Uint8Array): KeyObject | undefined {
  const [n, e] = [Buffer.from(modulus).toString('base64url'), Buffer.from(exponent).toString('base64url')];
  const key = made(() => createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' }));
  return key !== undefined && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS ? key : undefined;
}

function ed25519Key(point: Uint8Array): KeyObject | undefined {
  return made(() => createPublicKey({ key: Buffer.concat([ED25519_SPKI, point]), format: 'der', type: 'spki' }));
}

function made(make: () => KeyObject): KeyObject | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
