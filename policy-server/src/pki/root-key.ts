import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { type Failure, failure } from '@belay/core/codes';
import type { Signer } from '@belay/core/evidence';
import { rawOfSpki } from '@belay/core/node-crypto';
import { err, ok, type Result } from '@belay/core/result';

/** The offline root key, for as long as a command needs it. */
export type RootKey = { readonly spki: Uint8Array; readonly raw: Uint8Array; readonly signer: Signer };

const MIN_PASSPHRASE = 12;
const GENERATED_BYTES = 20;

/** 160 random bits in groups that can be read out and typed. */
export function generatePassphrase(): string {
  const text = randomBytes(GENERATED_BYTES).toString('hex');
  return (text.match(/.{8}/g) ?? []).join('-');
}

export function checkPassphrase(passphrase: string): Failure | undefined {
  return passphrase.length < MIN_PASSPHRASE ? failure('BELAY_E_BAD_REQUEST', `The root key's passphrase must have at least ${MIN_PASSPHRASE} characters.`) : undefined;
}

/** A new root key and its file: PKCS#8 PEM, AES-256, readable by openssl too. */
export function createRootKey(passphrase: string): { readonly root: RootKey; readonly pem: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }) as string;
  return { root: rootOf(privateKey), pem };
}

export function openRootKey(pem: string, passphrase: string): Result<RootKey, Failure> {
  try {
    const key = createPrivateKey({ key: pem, passphrase });
    return key.asymmetricKeyType === 'ed25519' ? ok(rootOf(key)) : err(failure('BELAY_E_MALFORMED', 'This is not an Ed25519 key.'));
  } catch {
    return err(failure('BELAY_E_UNAUTHENTICATED', 'The root key cannot be opened: wrong passphrase, or not a root key file.'));
  }
}

function rootOf(key: KeyObject): RootKey {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return { spki, raw: rawOfSpki(spki) as Uint8Array, signer: { keyId: 'root', sign: (message) => sign(null, message, key) } };
}
