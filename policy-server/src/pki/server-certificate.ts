import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { ServerConfig } from '../config/schema.ts';
import type { Authority, KeyPairPem } from './authority.ts';
import { type DataFolder, PUBLIC, readIfThere, SECRET, writeDurably } from './data-folder.ts';

const RENEW_BEFORE_MS = 60 * 86_400_000;
const ALWAYS = ['localhost', '127.0.0.1', '::1'];

function hostOf(address: string): string {
  return address.replace(/:[0-9]+$/, '').replace(/^\[|\]$/g, '');
}

/** Every name that the server may be called by. */
export function serverNames(config: ServerConfig): readonly string[] {
  const { addresses, tls } = config;
  return [...new Set([hostOf(addresses.fleet), hostOf(addresses.enrollment), ...tls.names, ...ALWAYS])];
}

/** The server's own certificate: made anew at a start when it has less than two months left or lacks a name. */
export async function ensureServerCertificate(data: DataFolder, authority: Authority, names: readonly string[], nowMs: number): Promise<KeyPairPem> {
  const key = readIfThere(data.serverKey)?.toString();
  const certificate = readIfThere(data.serverCertificate)?.toString();
  if (key !== undefined && certificate !== undefined && isGood(certificate, authority, names, nowMs)) return { key, certificate };
  const fresh = await authority.issueServer(names, nowMs);
  writeDurably(data.serverKey, fresh.key, SECRET);
  writeDurably(data.serverCertificate, fresh.certificate, PUBLIC);
  return fresh;
}

function isGood(pem: string, authority: Authority, names: readonly string[], nowMs: number): boolean {
  const certificate = new X509Certificate(pem);
  const covers = (name: string): boolean => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
  return authority.signed(certificate) && certificate.validToDate.getTime() - nowMs > RENEW_BEFORE_MS && names.every(covers);
}
