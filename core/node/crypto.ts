import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject, randomBytes as nodeRandomBytes, sign, verify } from 'node:crypto';
import type { Ed25519Sign, Ed25519Verify, RandomBytes, Sha256 } from '../src/crypto.ts';

/** Node's cryptography behind core's ports. */
/** By way of a string: a buffer that comes out of OpenSSL costs as much as the hash. */
export const sha256: Sha256 = (bytes) => Buffer.from(hash('sha256', bytes, 'latin1'), 'latin1');
export const randomBytes: RandomBytes = (count) => nodeRandomBytes(count);

/** RFC 8410: what stands before the raw key in the DER of an Ed25519 key. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const CACHED_KEYS = 1000;
const publicKeys = new Map<string, KeyObject>();

/** Raw 32 bytes → key object; the most recent thousand are kept, since making one costs as much as using it. */
export function ed25519PublicKey(raw: Uint8Array): KeyObject {
  const name = Buffer.from(raw).toString('latin1');
  const known = publicKeys.get(name);
  if (known !== undefined) return known;
  const key = createPublicKey({ key: spkiOf(raw) as Buffer, format: 'der', type: 'spki' });
  if (publicKeys.size >= CACHED_KEYS) publicKeys.delete(publicKeys.keys().next().value as string);
  publicKeys.set(name, key);
  return key;
}

export function spkiOf(raw: Uint8Array): Uint8Array {
  return Buffer.concat([SPKI_PREFIX, raw]);
}

/** The raw key in an Ed25519 SPKI; undefined when it is another kind of key. */
export function rawOfSpki(spki: Uint8Array): Uint8Array | undefined {
  const bytes = Buffer.from(spki);
  return bytes.length === 44 && bytes.subarray(0, 12).equals(SPKI_PREFIX) ? bytes.subarray(12) : undefined;
}

export const ed25519Verify: Ed25519Verify = (publicKey, message, signature) => {
  try {
    return verify(null, message, ed25519PublicKey(publicKey), signature);
  } catch {
    return false;
  }
};

/** The same on libuv's threads, for whoever has many to verify. */
export function ed25519VerifyAsync(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      verify(null, message, ed25519PublicKey(publicKey), signature, (error, holds) => resolve(error === null && holds));
    } catch {
      resolve(false);
    }
  });
}

/** `seed`: the 32 secret bytes. */
export type Ed25519Key = { readonly publicKey: Uint8Array; readonly seed: Uint8Array; readonly sign: Ed25519Sign };

export function ed25519FromSeed(seed: Uint8Array): Ed25519Key {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = rawOfSpki(createPublicKey(key).export({ format: 'der', type: 'spki' })) as Uint8Array;
  return { publicKey, seed, sign: (message) => sign(null, message, key) };
}

export function generateEd25519(): Ed25519Key {
  const { privateKey } = generateKeyPairSync('ed25519');
  return ed25519FromSeed(privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_PREFIX.length));
}
