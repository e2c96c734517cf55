import { createPrivateKey, X509Certificate } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

const devicePattern = /^[a-z0-9-]{1,64}$/;

/** What the uplink needs to speak for its device. In one file, so that key and certificate can never be of different pairs. */
const identityShape = z.strictObject({
  device: z.string().regex(devicePattern),
  serverId: z.string().regex(/^[0-9a-f]{64}$/),
  /** The offline root's public key, SPKI DER, base64. */
  rootKey: z.string(),
  fleetAddress: z.string().min(1),
  enrollmentAddress: z.string().min(1),
  tlsKey: z.string(),
  certificate: z.string(),
  authority: z.string(),
});
export type Identity = z.infer<typeof identityShape>;

export type IdentityStore = {
  /** Undefined when there is none for this device, or what is there cannot be read. */
  readonly load: (device: string) => Identity | undefined;
  readonly save: (identity: Identity) => void;
  /** Erases every key but that of `device`. */
  readonly keepOnly: (device: string | undefined) => void;
};

/** One file a device: while the machine is enrolled anew, the old enrolment stays usable until belayd has accepted the new one. */
export function createIdentityStore(folder: string): IdentityStore {
  const fileOf = (device: string): string => join(folder, `identity-${device}.json`);
  return {
    load: (device) => {
      if (!devicePattern.test(device)) return undefined;
      try {
        const identity = identityShape.parse(JSON.parse(readFileSync(fileOf(device), 'utf8')));
        return identity.device === device && isPair(identity) ? identity : undefined;
      } catch {
        return undefined;
      }
    },
    save: (identity) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeDurably(fileOf(identityShape.parse(identity).device), JSON.stringify(identity));
    },
    keepOnly: (device) => {
      for (const name of existsSync(folder) ? readdirSync(folder) : []) {
        if (name.startsWith('identity-') && join(folder, name) !== fileOf(device ?? '')) rmSync(join(folder, name), { force: true });
      }
    },
  };
}

function isPair(identity: Identity): boolean {
  return new X509Certificate(identity.certificate).checkPrivateKey(createPrivateKey(identity.tlsKey));
}

/** All of the new content or all of the old one, whenever the machine stops. */
export function writeDurably(file: string, content: string): void {
  const draft = `${file}.new`;
  const descriptor = openSync(draft, 'w', 0o600);
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
}

const renewAfterShare = 2 / 3;

/** When the certificate is to be renewed, Unix ms: after two thirds of its life. */
export function renewalTimeMs(certificatePem: string): number {
  const certificate = new X509Certificate(certificatePem);
  const from = certificate.validFromDate.getTime();
  return from + (certificate.validToDate.getTime() - from) * renewAfterShare;
}

export function isExpired(certificatePem: string, nowMs: number): boolean {
  return new X509Certificate(certificatePem).validToDate.getTime() <= nowMs;
}

export function pemOf(der: Uint8Array): string {
  return new X509Certificate(der).toString();
}
