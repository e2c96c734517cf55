import { isIP } from 'node:net';
import type { ServerConfig } from './schema.ts';

/** Where browsers reach the console. Never taken from what a request says of its host. */
export type WebPlace = {
  /** "https://belay.example.org:7445". */
  readonly origin: string;
  readonly host: string;
  /** Passkeys are bound to a name: an address will not do. */
  readonly takesPasskeys: boolean;
};

/** `apiPort`: the one that is listened on, where the configuration leaves it to the system. */
export function webPlace({ addresses, listen }: Pick<ServerConfig, 'addresses' | 'listen'>, apiPort?: number): WebPlace {
  const configured = portOf(listen.api);
  const address = addresses.web ?? `${addresses.fleet.slice(0, addresses.fleet.lastIndexOf(':'))}:${configured === 0 ? (apiPort ?? 0) : configured}`;
  const { origin, hostname } = new URL(`https://${address}`);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { origin, host, takesPasskeys: isIP(host) === 0 };
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
