import { type Chain, FAMILY, readChains } from './nftables.ts';
import { readText } from './read-text.ts';

export type FirewallDeps = {
  /** Of the kernel's network namespace in question. */
  readonly net: string;
  readonly readChains: () => Promise<readonly Chain[] | undefined>;
};

const LINUX: FirewallDeps = { net: '/proc/self/net', readChains: () => readChains() };
/** The kernel follows no more jumps. */
const MAX_JUMPS = 16;

/**
 * Whether what arrives from outside and no rule is about is dropped or rejected, over IPv4 and, where the machine has addresses of it,
 * over IPv6. By nftables, which iptables, ufw and firewalld write to as well. Undefined: the kernel does not tell, or the machine has
 * filter tables of the old iptables, whose rules are not read. What is filtered before the machine, or by eBPF, is not seen.
 */
export async function readFirewall({ net, readChains: chainsNow }: FirewallDeps = LINUX): Promise<boolean | undefined> {
  const [chains, names, names6, addresses6] = await Promise.all([
    chainsNow(), readText(`${net}/ip_tables_names`), readText(`${net}/ip6_tables_names`), readText(`${net}/if_inet6`),
  ]);
  if (chains === undefined || [names, names6, addresses6].includes(undefined)) return undefined;
  const over4 = isClosed(chains, FAMILY.ip, names);
  const over6 = hasAddresses(addresses6) ? isClosed(chains, FAMILY.ip6, names6) : true;
  return over4 === false || over6 === false ? false : over4 === undefined || over6 === undefined ? undefined : true;
}

function isClosed(chains: readonly Chain[], family: number, legacyTables: string | undefined): boolean | undefined {
  const input = chains.filter((chain) => chain.inputPolicy !== undefined && (chain.family === family || chain.family === FAMILY.inet));
  if (input.some((chain) => outcomeOf(chain, chains, MAX_JUMPS) === 'drop')) return true;
  return legacyTables?.split('\n').includes('filter') === true ? undefined : false;
}

/** What becomes of a packet that only the rules about every packet are about. 'return': back to where it came from. */
function outcomeOf(chain: Chain, chains: readonly Chain[], jumpsLeft: number): 'drop' | 'accept' | 'return' {
  const end = chain.inputPolicy ?? 'return';
  for (const fate of chain.fates) {
    if (fate === 'return') return end;
    if (typeof fate === 'string') return fate;
    const target = chains.find(({ family, table, name }) => family === chain.family && table === chain.table && name === fate.jump);
    const outcome = target === undefined || jumpsLeft === 0 ? 'accept' : outcomeOf(target, chains, jumpsLeft - 1);
    if (outcome !== 'return') return outcome;
    if (!fate.back) return end;
  }
  return end;
}

/** A line an address; the machine's talk with itself does not count. */
function hasAddresses(text: string | undefined): boolean {
  return text?.split('\n').some((line) => line !== '' && line.trim().split(/ +/).at(-1) !== 'lo') ?? true;
}
