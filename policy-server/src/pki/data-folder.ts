import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where everything is in a server's data folder. */
export function dataFolder(folder: string) {
  return {
    folder,
    config: join(folder, 'server.yaml'),
    database: join(folder, 'server.db'),
    /** Encrypted; needed only by `rotate-role-keys` and `restore-epoch`. Belongs off this machine. */
    rootKey: join(folder, 'root.key'),
    rootPublicKey: join(folder, 'root.pub.der'),
    authorityEnvelope: join(folder, 'authority.cbor'),
    roleKeysEnvelope: join(folder, 'role-keys.cbor'),
    roleKeys: join(folder, 'keys'),
    /** What the database holds sealed opens with it: secrets of sign-in codes, of webhooks. */
    secretsKey: join(folder, 'secrets.key'),
    authorityKey: join(folder, 'pki', 'ca.key'),
    authorityCertificate: join(folder, 'pki', 'ca.pem'),
    serverKey: join(folder, 'pki', 'server.key'),
    serverCertificate: join(folder, 'pki', 'server.pem'),
    chain: join(folder, 'chain'),
  } as const;
}
export type DataFolder = ReturnType<typeof dataFolder>;

export const SECRET = 0o600;
export const PUBLIC = 0o644;

/** Whole or not at all, and on the disk when it returns. Makes the folder (0700) when needed. */
export function writeDurably(file: string, content: string | Uint8Array, mode: number): void {
  const folder = dirname(file);
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const partial = `${file}.new`;
  const descriptor = openSync(partial, 'w', mode);
  try {
    chmodSync(partial, mode);
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(partial, file);
  syncFolder(folder);
}

export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Undefined when it is not there. */
export function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
