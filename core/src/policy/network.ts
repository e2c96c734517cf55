import { FALSE, TRUE, type Truth3, UNKNOWN } from './truth.ts';

/** A range of addresses. `bits` counts within `family`'s 32 or 128. */
export type Network = { readonly family: 4 | 6; readonly address: bigint; readonly bits: number };

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. Undefined: it is none, or it has bits beyond its length. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const width = address.family === 4 ? 32 : 128;
  const length = slash < 0 ? String(width) : text.slice(slash + 1);
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(length) || Number(length) > width) return undefined;
  const bits = Number(length);
  const host = (1n << BigInt(width - bits)) - 1n;
  return (address.address & host) === 0n ? { ...address, bits } : undefined;
}

/** Whether an address, as text, is in one of the networks. An address that cannot be read is unknown. */
export function isInNetworks(text: string | undefined, networks: readonly Network[]): Truth3 {
  const address = text === undefined ? undefined : parseAddress(text);
  if (address === undefined) return UNKNOWN;
  const isIn = ({ family, address: base, bits }: Network): boolean => {
    const shift = BigInt((family === 4 ? 32 : 128) - bits);
    return family === address.family && address.address >> shift === base >> shift;
  };
  return networks.some(isIn) ? TRUE : FALSE;
}

type Address = { readonly family: 4 | 6; readonly address: bigint };

function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const address = parseDotted(text);
    return address === undefined ? undefined : { family: 4, address };
  }
  const address = parseColons(text);
  if (address === undefined) return undefined;
  // An IPv4 address in IPv6's clothes is that IPv4 address.
  return address >> 32n === 0xffffn ? { family: 4, address: address & 0xffff_ffffn } : { family: 6, address };
}

function parseDotted(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((address, part) => (address << 8n) | BigInt(part), 0n);
}

const GROUPS = 8;

function parseColons(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map(groupsOf);
  if (left === undefined || (halves.length === 2 && right === undefined)) return undefined;
  const missing = GROUPS - left.length - (right?.length ?? 0);
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...left, ...Array.from({ length: missing }, () => 0n), ...(right ?? [])];
  return groups.reduce((address, group) => (address << 16n) | group, 0n);
}

function groupsOf(half: string): readonly bigint[] | undefined {
  if (half === '') return [];
  const parts = half.split(':');
  const dotted = parts.at(-1)?.includes('.') === true ? parseDotted(parts.pop() ?? '') : undefined;
  if (!parts.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return undefined;
  const groups = parts.map((part) => BigInt(`0x${part}`));
  if (half.includes('.')) return dotted === undefined ? undefined : [...groups, dotted >> 16n, dotted & 0xffffn];
  return groups;
}
