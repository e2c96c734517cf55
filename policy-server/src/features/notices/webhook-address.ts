import { lookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { err, ok, type Result } from '@belay/core/result';

/** Where a webhook is called: the very addresses that were checked, under the name it was given. Never empty. */
export type CheckedAddress = { readonly url: URL; readonly addresses: readonly { readonly address: string; readonly family: 4 | 6 }[] };
export type AddressRules = { readonly allowAddresses: readonly string[]; readonly allowHttpToLoopback: boolean };
export type Resolve = (host: string) => Promise<readonly { readonly address: string }[]>;

const MAX_URL = 2048;
const RESOLVE_MS = 5000;

/** IANA's special-purpose registries: what is not somebody's address on the public Internet. */
const SPECIAL_V4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16',
  '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4',
];
/** Within 2000::/3, outside of which nothing is public: protocol assignments with Teredo, documentation, 6to4. */
const SPECIAL_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const special = listOf([...SPECIAL_V4, ...SPECIAL_V6]);
const global6 = listOf(['2000::/3']);
const loopback = listOf(['127.0.0.0/8', '::1']);

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** ::ffff:10.0.0.1 is 10.0.0.1: a list of IPv6 ranges must not be asked about it. */
function plain(address: string): string {
  if (!isIPv6(address)) return address;
  const written = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(written);
  if (mapped === null) return written;
  const [high, low] = [Number.parseInt(mapped[1] as string, 16), Number.parseInt(mapped[2] as string, 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function isPublic(address: string): boolean {
  return isIPv6(address) ? isIn(global6, address) && !isIn(special, address) : !isIn(special, address);
}

export function isAllowedAddress(raw: string, isHttp: boolean, rules: AddressRules): boolean {
  const address = plain(raw);
  if (isHttp) return rules.allowHttpToLoopback && isIn(loopback, address);
  return isPublic(address) || isIn(listOf(rules.allowAddresses), address);
}

/** The form alone; what the name leads to is looked at before each call. */
export function parseWebhookUrl(text: string, { allowHttpToLoopback }: AddressRules): Result<URL, string> {
  const url = text.length <= MAX_URL && !/[\s\p{Cc}]/u.test(text) ? URL.parse(text) : null;
  if (url === null) return err('This is not a URL.');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowHttpToLoopback)) return err('A webhook\'s URL begins with https://.');
  if (url.username !== '' || url.password !== '' || url.hash !== '') return err('A webhook\'s URL has no user, password or fragment.');
  return ok(url);
}

const resolveByName: Resolve = (host) => lookup(host, { all: true, order: 'verbatim' });

/**
 * Resolves the host, once, and answers the addresses to connect to. Refuses when any address of it is not to be called: a name
 * that leads both outside and inside is somebody's trick.
 */
export async function checkAddress(url: URL, rules: AddressRules, resolve: Resolve = resolveByName): Promise<Result<CheckedAddress, string>> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  let found: readonly { readonly address: string }[];
  try {
    found = isIP(host) !== 0 ? [{ address: host }] : await inTime(resolve(host));
  } catch (error) {
    return err(`${host} cannot be resolved (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
  // SECURITY(T-41): what was checked is what is connected to; the name is not resolved again in between.
  const isAllowed = found.length > 0 && found.every(({ address }) => isAllowedAddress(address, url.protocol === 'http:', rules));
  if (!isAllowed) return err(`${host} leads to an address that may not be called: see webhooks.allowAddresses`);
  return ok({ url, addresses: found.map(({ address }) => ({ address, family: isIPv6(address) ? 6 : 4 })) });
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error('no answer in time'), { code: 'TIMEOUT' })), RESOLVE_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
