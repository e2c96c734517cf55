import { canonicalText, readArmor, readClearSigned } from './armor.ts';
import type { SigningKey } from './keys.ts';
import { readPackets, TAG } from './packets.ts';
import { isStrong, readSignature, type Signature, SIGNATURE_TYPE, verifies } from './signature.ts';

export type Signed = { readonly text: string; readonly signers: readonly SigningKey[] };

const MAX_SIGNATURES = 16;
const CLOCK_SKEW_SECONDS = 300;

/**
 * The keys whose signature in `packets` covers `content`, if they were valid when they signed. Weak hashes, other algorithms and
 * malformed packets sign nothing.
 */
export function signersOf(packets: Uint8Array, keys: readonly SigningKey[], content: (signature: Signature) => Uint8Array | undefined, nowSeconds: number): readonly SigningKey[] {
  const signatures = (readPackets(packets) ?? []).filter(({ tag }) => tag === TAG.signature).slice(0, MAX_SIGNATURES);
  const signers = new Map<string, SigningKey>();
  for (const { body } of signatures) {
    const signature = readSignature(body);
    if (signature === undefined || !isStrong(signature) || !isCurrent(signature, nowSeconds)) continue;
    const covered = content(signature);
    if (covered === undefined) continue;
    for (const key of keys) {
      if (signature.issuerKeyId !== undefined && signature.issuerKeyId !== key.keyId) continue;
      if (!signers.has(key.fingerprint) && isValidAt(key, signature.createdAt) && verifies(signature, key.key, [covered])) signers.set(key.fingerprint, key);
    }
  }
  return [...signers.values()];
}

function isCurrent(signature: Signature, nowSeconds: number): boolean {
  const { createdAt, expiresAfter } = signature;
  return createdAt <= nowSeconds + CLOCK_SKEW_SECONDS && (expiresAfter === undefined || nowSeconds < createdAt + expiresAfter);
}

export function isValidAt(key: SigningKey, seconds: number): boolean {
  return key.createdAt <= seconds && (key.expiresAt === undefined || seconds < key.expiresAt);
}

/** The text of a message signed in the clear and its signers; undefined where it is no such message. */
export function openClearSigned(message: string, keys: readonly SigningKey[], nowSeconds: number): Signed | undefined {
  const clear = readClearSigned(message);
  if (clear === undefined) return undefined;
  const content = canonicalText(clear.lines);
  const signers = signersOf(clear.signatures, keys, ({ type }) => (type === SIGNATURE_TYPE.text ? content : undefined), nowSeconds);
  return { text: clear.lines.join('\n'), signers };
}

/** The signers of `text`, whose signature is a file of its own, armoured or binary. */
export function openDetached(text: string, signature: Uint8Array, keys: readonly SigningKey[], nowSeconds: number): Signed {
  const packets = signature[0] === 0x2d ? readArmor(Buffer.from(signature).toString('latin1'), 'SIGNATURE') : signature;
  const content = Buffer.from(text, 'latin1');
  const signers = signersOf(packets ?? new Uint8Array(), keys, ({ type }) => (type === SIGNATURE_TYPE.binary ? content : undefined), nowSeconds);
  return { text, signers };
}

/** Both names of each: a rule may have either the primary key's fingerprint or that of the subkey which signs. */
export function fingerprintsOf(signers: readonly SigningKey[]): readonly string[] {
  return [...new Set(signers.flatMap(({ primary, fingerprint }) => [primary, fingerprint]))].sort();
}
