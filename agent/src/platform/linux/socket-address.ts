import { isIP, SocketAddress } from 'node:net';
import { endianness } from 'node:os';

const AF_INET = 2;
const AF_INET6 = 10;

/**
 * The address in a `struct sockaddr`, see ip(7) and ipv6(7), as text: IPv4 dotted, IPv6 as RFC 5952 writes it, IPv4-mapped as IPv4.
 * Undefined: of another family, or cut short.
 */
export function addressText(address: Buffer): string | undefined {
  if (address.length < 8) return undefined;
  const family = endianness() === 'LE' ? address.readUInt16LE(0) : address.readUInt16BE(0);
  if (family === AF_INET) return address.subarray(4, 8).join('.');
  if (family !== AF_INET6 || address.length < 24) return undefined;
  return normalAddress(Array.from({ length: 8 }, (_, group) => address.readUInt16BE(8 + 2 * group).toString(16)).join(':'));
}

/** The same of an address in text. A zone (`%eth0`) is of this machine and no part of it. Undefined: a name, or no address at all. */
export function normalAddress(text: string): string | undefined {
  const address = text.replace(/%[^%]*$/, '');
  const version = isIP(address);
  if (version === 0 || (version === 4 && address !== text)) return undefined;
  if (version === 4) return address;
  const normal = new SocketAddress({ address, family: 'ipv6' }).address;
  const mapped = /^::ffff:([0-9.]+)$/.exec(normal)?.[1];
  return mapped !== undefined && isIP(mapped) === 4 ? mapped : normal;
}
