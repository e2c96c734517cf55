import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { type DataFolder, SECRET, syncFolder } from './data-folder.ts';

/** What the database holds only sealed: whoever has it alone can neither read nor make it. `purpose` keeps one use from another. */
export interface SecretBox {
  seal(purpose: string, content: Uint8Array): Uint8Array;
  /** Undefined when it was changed, sealed for another purpose, or by another key. */
  open(purpose: string, sealed: Uint8Array): Uint8Array | undefined;
  /** For secrets that are only compared. */
  mac(purpose: string, content: string): Uint8Array;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export function createSecretBox(key: Uint8Array): SecretBox {
  const derived = (use: string, purpose: string): Buffer => Buffer.from(hkdfSync('sha256', key, new Uint8Array(), `belay/secret-box/v1/${use}/${purpose}`, KEY_BYTES));
  return {
    seal(purpose, content) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', derived('seal', purpose), nonce, { authTagLength: TAG_BYTES });
      return Buffer.concat([nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
    },
    open(purpose, sealed) {
      if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
      const bytes = Buffer.from(sealed);
      const decipher = createDecipheriv('aes-256-gcm', derived('seal', purpose), bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      } catch {
        return undefined;
      }
    },
    mac: (purpose, content) => createHmac('sha256', derived('mac', purpose)).update(content).digest(),
  };
}

/** Reads the key of the data folder; made when it is not there yet. Throws when others may read it. */
export function loadSecretBox({ folder, secretsKey }: DataFolder): SecretBox {
  makeKey(secretsKey, folder);
  if ((statSync(secretsKey).mode & 0o077) !== 0) throw new Error(`${secretsKey} may be read by others: chmod 600 it`);
  const key = readFileSync(secretsKey);
  if (key.length !== KEY_BYTES) throw new Error(`${secretsKey} is damaged: it must hold ${KEY_BYTES} bytes`);
  return createSecretBox(key);
}

function makeKey(file: string, folder: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'wx', SECRET);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  writeSync(descriptor, randomBytes(KEY_BYTES));
  fsyncSync(descriptor);
  closeSync(descriptor);
  syncFolder(folder);
}
