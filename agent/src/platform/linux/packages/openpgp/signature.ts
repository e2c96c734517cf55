import { createHash, createVerify, type KeyObject, verify } from 'node:crypto';
import { concatBytes, toHex } from '@belay/core/bytes';
import { Cursor, malformed, parsed, subpacketLength } from './packets.ts';

/** A signature packet (RFC 9580, section 5.2), version 4 or the older 3. Times are in seconds since 1970. */
export type Signature = {
  readonly type: number;
  readonly algorithm: number;
  readonly hash: string;
  readonly createdAt: number;
  /** Seconds after `createdAt`. */
  readonly expiresAfter: number | undefined;
  /** Of a certification: seconds after the key's creation. */
  readonly keyExpiresAfter: number | undefined;
  readonly keyFlags: number | undefined;
  /** A hint only: hex, upper case. */
  readonly issuerKeyId: string | undefined;
  /** The subkey's own signature over the key that binds it. */
  readonly embedded: Uint8Array | undefined;
  /** What is hashed after the content. */
  readonly trailer: Uint8Array;
  readonly values: Uint8Array;
};

export const SIGNATURE_TYPE = {
  binary: 0x00, text: 0x01, certificationFirst: 0x10, certificationLast: 0x13, subkeyBinding: 0x18, primaryBinding: 0x19, directKey: 0x1f,
  keyRevocation: 0x20, subkeyRevocation: 0x28,
} as const;

export const ALGORITHM = { rsa: 1, rsaSignOnly: 3, eddsaLegacy: 22, ed25519: 27 } as const;

const HASHES: Readonly<Record<number, string>> = { 2: 'sha1', 8: 'sha256', 9: 'sha384', 10: 'sha512', 11: 'sha224' };
const STRONG: ReadonlySet<string> = new Set(['sha256', 'sha384', 'sha512']);
const SUB = { created: 2, expires: 3, keyExpires: 9, issuer: 16, keyFlags: 27, embedded: 32, issuerFingerprint: 33 } as const;
/** What may be marked critical, since it is understood or grants nothing: besides those above, preferences and the user id's marks. */
const KNOWN: ReadonlySet<number> = new Set([...Object.values(SUB), 7, 11, 21, 22, 23, 25, 30, 34]);

export function readSignature(body: Uint8Array): Signature | undefined {
  return parsed(() => {
    const cursor = new Cursor(body);
    const version = cursor.byte();
    if (version === 3) return readVersion3(cursor);
    return version === 4 ? readVersion4(cursor) : undefined;
  });
}

function readVersion3(cursor: Cursor): Signature | undefined {
  if (cursor.byte() !== 5) return undefined;
  const trailer = cursor.take(5);
  const createdAt = new Cursor(trailer.subarray(1)).number(4);
  const issuerKeyId = toHex(cursor.take(8)).toUpperCase();
  const algorithm = cursor.byte();
  const hash = HASHES[cursor.byte()];
  cursor.take(2);
  if (hash === undefined) return undefined;
  const unused = { expiresAfter: undefined, keyExpiresAfter: undefined, keyFlags: undefined, embedded: undefined };
  return { type: trailer[0] as number, algorithm, hash, createdAt, issuerKeyId, trailer, values: cursor.take(cursor.left), ...unused };
}

function readVersion4(cursor: Cursor): Signature | undefined {
  const type = cursor.byte();
  const algorithm = cursor.byte();
  const hash = HASHES[cursor.byte()];
  const hashed = readSubpackets(cursor.take(cursor.number(2)));
  const head = cursor.bytes.subarray(0, cursor.at);
  const loose = readSubpackets(cursor.take(cursor.number(2)));
  cursor.take(2);
  const created = hashed.get(SUB.created);
  if (hash === undefined || created === undefined) return undefined;
  const fingerprint = hashed.get(SUB.issuerFingerprint) ?? loose.get(SUB.issuerFingerprint);
  const issuer = fingerprint?.[0] === 4 ? fingerprint.subarray(-8) : (hashed.get(SUB.issuer) ?? loose.get(SUB.issuer));
  return {
    type,
    algorithm,
    hash,
    createdAt: new Cursor(created).number(4),
    expiresAfter: secondsIn(hashed.get(SUB.expires)),
    keyExpiresAfter: secondsIn(hashed.get(SUB.keyExpires)),
    keyFlags: hashed.get(SUB.keyFlags)?.[0],
    issuerKeyId: issuer === undefined ? undefined : toHex(issuer).toUpperCase(),
    embedded: hashed.get(SUB.embedded) ?? loose.get(SUB.embedded),
    trailer: concatBytes(head, Uint8Array.of(4, 0xff), bigEndian(head.length)),
    values: cursor.take(cursor.left),
  };
}

/** Zero means never, as if it were not there. */
function secondsIn(bytes: Uint8Array | undefined): number | undefined {
  return bytes === undefined ? undefined : new Cursor(bytes).number(4) || undefined;
}

export function bigEndian(value: number): Uint8Array {
  return Uint8Array.of((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

function readSubpackets(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const cursor = new Cursor(bytes);
  const found = new Map<number, Uint8Array>();
  while (cursor.left > 0) {
    const content = cursor.take(subpacketLength(cursor));
    const kind = content[0] ?? malformed();
    if ((kind & 0x80) !== 0 && !KNOWN.has(kind & 0x7f)) malformed();
    if (!found.has(kind & 0x7f)) found.set(kind & 0x7f, content.subarray(1));
  }
  return found;
}

/** SHA-1 is good enough only where nobody but the owner of a key chose what is signed: a key's own certifications. */
export function isStrong(signature: Signature): boolean {
  return STRONG.has(signature.hash);
}

/** Whether `key` made this signature over `content`. Algorithms other than RSA and Ed25519 are never verified. */
export function verifies(signature: Signature, key: KeyObject, content: readonly Uint8Array[]): boolean {
  try {
    const values = signatureValue(signature, key);
    if (values === undefined) return false;
    if (key.asymmetricKeyType === 'ed25519') {
      const hash = createHash(signature.hash);
      for (const part of [...content, signature.trailer]) hash.update(part);
      return verify(null, hash.digest(), key, values);
    }
    const verifier = createVerify(signature.hash);
    for (const part of [...content, signature.trailer]) verifier.update(part);
    return verifier.verify(key, values);
  } catch {
    return false;
  }
}

function signatureValue(signature: Signature, key: KeyObject): Uint8Array | undefined {
  const cursor = new Cursor(signature.values);
  return parsed(() => {
    if (key.asymmetricKeyType === 'rsa' && (signature.algorithm === ALGORITHM.rsa || signature.algorithm === ALGORITHM.rsaSignOnly)) {
      return padded(cursor.integer(), (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
    }
    if (key.asymmetricKeyType !== 'ed25519') return undefined;
    if (signature.algorithm === ALGORITHM.ed25519) return cursor.take(64);
    return signature.algorithm === ALGORITHM.eddsaLegacy ? concatBytes(padded(cursor.integer(), 32), padded(cursor.integer(), 32)) : undefined;
  });
}

function padded(value: Uint8Array, length: number): Uint8Array {
  const whole = Math.ceil(length);
  if (value.length > whole) malformed();
  return concatBytes(new Uint8Array(whole - value.length), value);
}
