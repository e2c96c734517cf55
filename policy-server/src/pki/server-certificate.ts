import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Logger } from 'pino';
import type { ServerConfig } from '../config/schema.ts';
import type { Clock } from '../context.ts';
import type { Authority, KeyPairPem } from './authority.ts';
import { type DataFolder, PUBLIC, readIfThere, SECRET, writeDurably } from './data-folder.ts';

const RENEW_BEFORE_MS = 60 * 86_400_000;
const LOOK_EVERY_MS = 6 * 3_600_000;
const ALWAYS = ['localhost', '127.0.0.1', '::1'];

function hostOf(address: string): string {
  return address.replace(/:[0-9]+$/, '').replace(/^\[|\]$/g, '');
}

/** Every name that the server may be called by. */
export function serverNames(config: ServerConfig): readonly string[] {
  const { addresses, tls } = config;
  return [...new Set([hostOf(addresses.fleet), hostOf(addresses.enrollment), ...tls.names, ...ALWAYS])];
}

/** What the server shows on every port. */
export type ServerCertificate = {
  readonly current: KeyPairPem;
  /** Unix milliseconds. */
  readonly expiresAt: number;
  /** `told` hears of every later one. */
  onRenewed(told: (pair: KeyPairPem) => void): void;
};

export type KeptCertificate = ServerCertificate & {
  /** Looks now whether the files have changed, or it is time for a new one. */
  look(): Promise<void>;
  close(): void;
};

export type CertificateDeps = { readonly data: DataFolder; readonly authority: Authority; readonly names: readonly string[]; readonly clock: Clock; readonly log: Pick<Logger, 'info' | 'error'> };

/** The server's own certificate, made anew while it serves as well as at a start: whoever runs for a year must not lose its fleet. */
export async function keepServerCertificate(deps: CertificateDeps): Promise<KeptCertificate> {
  let current = await ensureServerCertificate(deps);
  const hearers: ((pair: KeyPairPem) => void)[] = [];
  const look = async (): Promise<void> => {
    const fresh = await ensureServerCertificate(deps);
    if (fresh.certificate === current.certificate) return;
    current = fresh;
    for (const told of hearers) told(fresh);
    deps.log.info({ expiresAt: endOf(fresh) }, 'the server\'s certificate is a new one');
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) => deps.log.error({ err: error }, 'the server\'s certificate could not be renewed'));
  }, LOOK_EVERY_MS);
  timer.unref();
  return {
    get current() { return current; },
    get expiresAt() { return endOf(current); },
    onRenewed: (told) => void hearers.push(told),
    look,
    close: () => clearInterval(timer),
  };
}

/** The one in the files; a new one when that has less than two months left or lacks a name. */
async function ensureServerCertificate({ data, authority, names, clock }: CertificateDeps): Promise<KeyPairPem> {
  const key = readIfThere(data.serverKey)?.toString();
  const certificate = readIfThere(data.serverCertificate)?.toString();
  if (key !== undefined && certificate !== undefined && isGood({ key, certificate }, authority, names, clock())) return { key, certificate };
  const fresh = await authority.issueServer(names, clock());
  writeDurably(data.serverKey, fresh.key, SECRET);
  writeDurably(data.serverCertificate, fresh.certificate, PUBLIC);
  return fresh;
}

function isGood(pair: KeyPairPem, authority: Authority, names: readonly string[], nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(pair.certificate);
    const covers = (name: string): boolean => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
    return authority.signed(certificate) && certificate.checkPrivateKey(createPrivateKey(pair.key)) && endOf(pair) - nowMs > RENEW_BEFORE_MS && names.every(covers);
  } catch {
    // Half of a pair, or not even one: as after a crash between the two files.
    return false;
  }
}

function endOf({ certificate }: KeyPairPem): number {
  return new X509Certificate(certificate).validToDate.getTime();
}
