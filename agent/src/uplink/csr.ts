// Loaded only when a certificate is wanted, a few times a year: the X.509 library would stay in memory for nothing.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { KeyObject, webcrypto } from 'node:crypto';

export type CertificateRequest = { readonly privateKeyPem: string; readonly der: Uint8Array };

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A new P-256 key and a PKCS#10 request for it, signed by it. The name is only a hint: the server decides what it certifies. */
export async function createCertificateRequest(device: string): Promise<CertificateRequest> {
  x509.cryptoProvider.set(webcrypto as unknown as Crypto);
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: `CN=${device}`, keys: keys as never, signingAlgorithm: algorithm });
  const privateKeyPem = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }) as string;
  return { privateKeyPem, der: new Uint8Array(request.rawData) };
}
