import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Encrypts what the database must keep but not know. */
export interface SecretBox {
  /** `about` ties the secret to its row: moved to another it does not open. */
  close(secret: Uint8Array, about: string): Uint8Array;
  /** Undefined when it was closed with another key or for another row, or was changed. */
  open(closed: Uint8Array, about: string): Uint8Array | undefined;
}

const VERSION = 1;
const NONCE = 12;
const TAG = 16;

/** AES-256-GCM with a random nonce: a server closes some hundreds of secrets in its life, far from where nonces could meet. */
export function createSecretBox(key: Uint8Array): SecretBox {
  return {
    close(secret, about) {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(about));
      const content = Buffer.concat([cipher.update(secret), cipher.final()]);
      return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), content]);
    },
    open(closed, about) {
      const bytes = Buffer.from(closed);
      if (bytes[0] !== VERSION || bytes.length < 1 + NONCE + TAG) return undefined;
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 1 + NONCE), { authTagLength: TAG }).setAAD(Buffer.from(about));
      decipher.setAuthTag(bytes.subarray(1 + NONCE, 1 + NONCE + TAG));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(1 + NONCE + TAG)), decipher.final()]);
      } catch {
        return undefined;
      }
    },
  };
}
