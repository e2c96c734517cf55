import { ServerCredentials } from '@grpc/grpc-js';
import type { KeyPairPem } from '../pki/authority.ts';
import type { ServerCertificate } from '../pki/server-certificate.ts';

/** TLS with the server's certificate of the moment. `clients`: the authority whose certificates callers have to show, PEM; without, none is asked for. */
export class RenewedCredentials extends ServerCredentials {
  constructor(certificate: ServerCertificate, clients?: string) {
    const contextOf = ({ key, certificate: cert }: KeyPairPem) => ({ key, cert, ...(clients === undefined ? {} : { ca: clients }) });
    super({ requestCert: clients !== undefined, rejectUnauthorized: clients !== undefined }, contextOf(certificate.current));
    certificate.onRenewed((pair) => this.updateSecureContextOptions(contextOf(pair)));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
