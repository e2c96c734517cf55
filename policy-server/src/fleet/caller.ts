import { X509Certificate } from 'node:crypto';
import { failure, type Failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { PeerCertificate } from 'node:tls';
import type { Clock } from '../context.ts';
import { deviceOfCertificate } from '../pki/authority.ts';
import type { Store, Tables } from '../store/index.ts';

/** A device, known by the certificate of its connection and by nothing it says. */
export type Caller = { readonly device: Tables['devices']; readonly certificateExpiresAt: number };

type Connection = { getAuthContext(): { sslPeerCertificate?: PeerCertificate } };
type Known = { readonly device: string; readonly expiresAt: number };

const CACHED = 20_000;

export type Identify = (call: Connection) => Promise<Result<Caller, Failure>>;

/** TLS has verified that our authority signed the certificate and that it lives; here: whose it is, and whether that device may. */
export function createIdentify(store: Pick<Store, 'db'>, clock: Clock): Identify {
  const cache = new Map<string, Known | undefined>();
  return async (call) => {
    const peer = call.getAuthContext().sslPeerCertificate;
    const known = peer === undefined ? undefined : read(cache, peer);
    // A long connection may outlive its certificate.
    if (known === undefined || known.expiresAt <= clock()) return err(failure('BELAY_E_UNAUTHENTICATED'));
    const device = await store.db.selectFrom('devices').selectAll().where('id', '=', known.device).executeTakeFirst();
    // SECURITY(T-26): looked up on every call, so a revoked device is refused at once, whatever its certificate says.
    if (device === undefined || device.state !== 'active') return err(failure('BELAY_E_REVOKED', 'This device is not part of the fleet.'));
    return ok({ device, certificateExpiresAt: known.expiresAt });
  };
}

function read(cache: Map<string, Known | undefined>, peer: PeerCertificate): Known | undefined {
  const name = peer.fingerprint256;
  if (cache.has(name)) return cache.get(name);
  const certificate = new X509Certificate(peer.raw);
  const device = deviceOfCertificate(certificate);
  const known = device === undefined ? undefined : { device, expiresAt: certificate.validToDate.getTime() };
  if (cache.size >= CACHED) cache.clear();
  cache.set(name, known);
  return known;
}
