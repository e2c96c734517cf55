import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from '@belay/core/bytes';
import { type Ed25519Key, ed25519FromSeed, generateEd25519 } from '@belay/core/node-crypto';

/**
 * The device's evidence keys, one file each, outside the database: a database keeps old pages in its write-ahead log, and a key
 * that has been erased must be gone.
 */
export interface EvidenceKeys {
  /** A new key, durable before it is returned. */
  make(): Ed25519Key;
  load(publicKey: Uint8Array): Ed25519Key | undefined;
  /** Overwrites, then removes. */
  erase(publicKey: Uint8Array): void;
  eraseAllBut(publicKeys: readonly Uint8Array[]): void;
}

const SUFFIX = '.key';

export function createEvidenceKeys(folder: string): EvidenceKeys {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (publicKey: Uint8Array) => join(folder, `${toHex(publicKey)}${SUFFIX}`);
  return {
    make() {
      const key = generateEd25519();
      const file = fileOf(key.publicKey);
      writeDurably(`${file}.new`, key.seed, 'wx');
      renameSync(`${file}.new`, file);
      syncFolder(folder);
      return key;
    },
    load(publicKey) {
      try {
        const key = ed25519FromSeed(readFileSync(fileOf(publicKey)));
        return toHex(key.publicKey) === toHex(publicKey) ? key : undefined;
      } catch {
        return undefined;
      }
    },
    erase: (publicKey) => eraseFile(fileOf(publicKey)),
    eraseAllBut(publicKeys) {
      const kept = new Set(publicKeys.map((key) => `${toHex(key)}${SUFFIX}`));
      for (const name of readdirSync(folder)) if (!kept.has(name)) eraseFile(join(folder, name));
    },
  };
}

// SECURITY(T-28): whoever becomes root later must not find the key that sealed the past.
function eraseFile(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) return;
  writeDurably(file, new Uint8Array(size), 'r+');
  unlinkSync(file);
}

function writeDurably(file: string, bytes: Uint8Array, flags: 'wx' | 'r+'): void {
  const fd = openSync(file, flags, 0o600);
  try {
    writeSync(fd, bytes, 0, bytes.length, 0);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
