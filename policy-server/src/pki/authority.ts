import 'reflect-metadata';
import { createHash, createPrivateKey, randomBytes, type webcrypto, X509Certificate as NodeCertificate } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const YEAR_MS = 365 * 86_400_000;
const AUTHORITY_YEARS = 20;
const SERVER_MS = 397 * 86_400_000;
/** Devices' clocks may be a little behind. */
const BACKDATED_MS = 10 * 60_000;
/** UUID-derived (X.667), so it needs no registration: the raw evidence key, certified together with the TLS key. */
export const EVIDENCE_KEY_OID = '2.25.97162342371482104217';
const URI_PREFIX = 'belay:device:';

export type KeyPairPem = { readonly key: string; readonly certificate: string };
export type DeviceSubject = { readonly device: string; readonly evidenceKey: Uint8Array; readonly publicKey: x509.PublicKey; readonly validForMs: number };
export type IssuedCertificate = { readonly der: Uint8Array; readonly serial: string; readonly expiresAt: number };

export interface Authority {
  readonly certificate: Uint8Array;
  readonly certificatePem: string;
  issueDevice(subject: DeviceSubject, nowMs: number): Promise<IssuedCertificate>;
  issueServer(names: readonly string[], nowMs: number): Promise<KeyPairPem>;
  /** Whether this authority signed it. Says nothing about its life. */
  signed(certificate: NodeCertificate): boolean;
}

function derOf(buffer: ArrayBuffer): Uint8Array {
  return new Uint8Array(buffer);
}

/** Positive and 127 bits random, as a CA's serial numbers should be. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function exportPrivateKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' }) as string;
}

async function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
  return crypto.subtle.importKey('pkcs8', new Uint8Array(der), ALGORITHM, true, ['sign']);
}

/** A new certificate authority of our own; its certificate becomes trusted by the root key's signature over it. */
export async function createAuthority(serverId: Uint8Array, nowMs: number): Promise<KeyPairPem> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `CN=Belay ${Buffer.from(serverId).toString('hex').slice(0, 16)}`,
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + AUTHORITY_YEARS * YEAR_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: await exportPrivateKey(keys.privateKey), certificate: `${certificate.toString('pem')}\n` };
}

export async function loadAuthority({ key, certificate }: KeyPairPem): Promise<Authority> {
  const own = new x509.X509Certificate(certificate);
  const signingKey = await importPrivateKey(key);
  const ownNode = new NodeCertificate(certificate);
  const identifier = await x509.AuthorityKeyIdentifierExtension.create(own.publicKey);
  const issue = (parameters: Omit<x509.X509CertificateCreateParams, 'issuer' | 'signingKey' | 'signingAlgorithm'>) =>
    x509.X509CertificateGenerator.create({
      ...parameters,
      issuer: own.subject,
      signingKey,
      signingAlgorithm: ALGORITHM,
      extensions: [identifier, new x509.BasicConstraintsExtension(false, undefined, true), ...(parameters.extensions ?? [])],
    } as x509.X509CertificateCreateParams);
  return {
    certificate: derOf(own.rawData),
    certificatePem: certificate,
    signed: (candidate) => candidate.checkIssued(ownNode) && candidate.verify(ownNode.publicKey),
    issueDevice: (subject, nowMs) => issueDevice(issue, subject, nowMs),
    issueServer: (names, nowMs) => issueServer(issue, names, nowMs),
  };
}

type Issue = (parameters: Omit<x509.X509CertificateCreateParams, 'issuer' | 'signingKey' | 'signingAlgorithm'>) => Promise<x509.X509Certificate>;

async function issueDevice(issue: Issue, { device, evidenceKey, publicKey, validForMs }: DeviceSubject, nowMs: number): Promise<IssuedCertificate> {
  const expiresAt = nowMs + validForMs;
  const serial = newSerial();
  const certificate = await issue({
    serialNumber: serial,
    subject: `CN=${device}`,
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(expiresAt),
    publicKey,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: URI_PREFIX + device }]),
      new x509.Extension(EVIDENCE_KEY_OID, false, new Uint8Array(evidenceKey)),
    ],
  });
  return { der: derOf(certificate.rawData), serial, expiresAt };
}

async function issueServer(issue: Issue, names: readonly string[], nowMs: number): Promise<KeyPairPem> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await issue({
    serialNumber: newSerial(),
    subject: 'CN=belay-server',
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + SERVER_MS),
    publicKey: keys.publicKey,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((name) => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }) as const)),
    ],
  });
  return { key: await exportPrivateKey(keys.privateKey), certificate: `${certificate.toString('pem')}\n` };
}

/** The device a certificate names; undefined for any other certificate. Its signature is the caller's to check. */
export function deviceOfCertificate(certificate: NodeCertificate): string | undefined {
  const uri = /^URI:belay:device:(d-[a-z2-7]{26})$/.exec(certificate.subjectAltName ?? '');
  return uri?.[1];
}

const MAX_REQUEST_BYTES = 8192;

/**
 * The public key of a PKCS#10 request that proves possession of it; nothing else of the request counts. Undefined when it is
 * no such request, or its key is not ECDSA P-256.
 */
export async function provenKeyOf(request: Uint8Array): Promise<x509.PublicKey | undefined> {
  if (request.length > MAX_REQUEST_BYTES) return undefined;
  try {
    const parsed = new x509.Pkcs10CertificateRequest(new Uint8Array(request));
    const algorithm = parsed.publicKey.algorithm as Partial<EcKeyAlgorithm>;
    if (algorithm.name !== 'ECDSA' || algorithm.namedCurve !== 'P-256') return undefined;
    return (await parsed.verify()) ? parsed.publicKey : undefined;
  } catch {
    return undefined;
  }
}

type EcKeyAlgorithm = { readonly name: string; readonly namedCurve: string };

export function fingerprintOf(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}
