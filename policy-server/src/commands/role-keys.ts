import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { equalBytes } from '@belay/core/bytes';
import type { RoleKey } from '@belay/core/evidence';
import { type DataFolder, dataFolder, PUBLIC, writeDurably } from '../pki/data-folder.ts';
import { createRoleKeys, readRoleKeyList, sealRoleKeys, writeRoleKeys } from '../pki/role-keys.ts';
import { openRootKey, type RootKey } from '../pki/root-key.ts';
import { EXIT, print, readSecret, UserError } from './output.ts';

export type RootOptions = { readonly data: string; readonly rootKey?: string; readonly rootPassphraseFile: string };

type Held = ReturnType<typeof readRoleKeyList>;

function open(options: RootOptions): { readonly data: DataFolder; readonly root: RootKey; readonly held: Held } {
  const data = dataFolder(resolve(options.data));
  const held = readRoleKeyList(data);
  const file = options.rootKey ?? data.rootKey;
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch {
    throw new UserError(`the root key cannot be read from ${file}; name its file with --root-key`, EXIT.usage);
  }
  const root = openRootKey(pem, readSecret(options.rootPassphraseFile, 'passphrase'));
  if (!root.ok) throw new UserError(root.error.message);
  if (!equalBytes(root.value.spki, held.rootKey)) throw new UserError(`${file} is the root key of another server`);
  return { data, root: root.value, held };
}

const MAX_OLD_KEYS = 40;

/** New keys for every role. Devices learn of them at their next connection; the old ones stay trusted unless revoked. */
export function rotateRoleKeys(options: RootOptions & { readonly revokeOld?: boolean }): number {
  const { data, root, held } = open(options);
  const now = Date.now();
  const fresh = createRoleKeys(now);
  const old: RoleKey[] = held.list.keys.map((key) => (options.revokeOld === true ? { ...key, revoked: true } : key));
  const kept = old.toSorted((a, b) => b.notBefore - a.notBefore).slice(0, MAX_OLD_KEYS);
  const version = held.list.version + 1;
  // The keys first: a list must never name a key that is not there.
  writeRoleKeys(data, fresh);
  writeDurably(data.roleKeysEnvelope, sealRoleKeys(root, { version, epoch: held.list.epoch, keys: [...fresh.map(({ listed }) => listed), ...kept] }), PUBLIC);
  print(
    `Version ${version} of the role keys is signed${options.revokeOld === true ? '; every older key is revoked' : ''}.`,
    'Copy role-keys.cbor and keys/ to every server of this fleet, then tell each by SIGHUP (or start it anew).',
  );
  return EXIT.done;
}

/** After a database was restored from a backup: devices then take the new, lower manifest numbers. */
export function restoreEpoch(options: RootOptions): number {
  const { data, root, held } = open(options);
  const { version, epoch, keys } = held.list;
  writeDurably(data.roleKeysEnvelope, sealRoleKeys(root, { version: version + 1, epoch: epoch + 1, keys }), PUBLIC);
  print(`The epoch is now ${epoch + 1}. Copy role-keys.cbor to every server of this fleet, then tell each by SIGHUP (or start it anew).`);
  return EXIT.done;
}
