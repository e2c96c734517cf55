import { X509Certificate } from 'node:crypto';
import { sealEnvelope, serverIdOf } from '@belay/core/evidence';
import { sha256 } from '@belay/core/node-crypto';
import { createAuthority } from './authority.ts';
import { type DataFolder, PUBLIC, SECRET, writeDurably } from './data-folder.ts';
import { createRoleKeys, sealRoleKeys, writeRoleKeys } from './role-keys.ts';
import { createRootKey } from './root-key.ts';

/** Root key, role keys and certificate authority of a new server, written to its folder. Answers the server id. */
export async function createServerKeys(data: DataFolder, passphrase: string): Promise<Uint8Array> {
  const now = Date.now();
  const { root, pem } = createRootKey(passphrase);
  const serverId = serverIdOf(root.spki, sha256);
  const roleKeys = createRoleKeys(now);
  const authority = await createAuthority(serverId, now);
  const certificate = new X509Certificate(authority.certificate).raw;
  writeRoleKeys(data, roleKeys);
  writeDurably(data.authorityKey, authority.key, SECRET);
  writeDurably(data.authorityCertificate, authority.certificate, PUBLIC);
  writeDurably(data.authorityEnvelope, sealEnvelope('authority', { server: serverId, device: '', certificate }, root.signer), PUBLIC);
  writeDurably(data.roleKeysEnvelope, sealRoleKeys(root, { version: 1, epoch: 1, keys: roleKeys.map(({ listed }) => listed) }), PUBLIC);
  writeDurably(data.rootKey, pem, SECRET);
  writeDurably(data.rootPublicKey, root.spki, PUBLIC);
  return serverId;
}
