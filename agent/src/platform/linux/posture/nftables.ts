import { attributesOf, listOf, type NetlinkMessage, netlinkDump } from './netlink.ts';

/** What becomes of a packet at a rule that every packet meets. */
export type Fate = 'drop' | 'accept' | 'return' | { readonly jump: string; readonly back: boolean };

export type Chain = {
  readonly family: number;
  readonly table: string;
  readonly name: string;
  /** Of a chain that filters what arrives for this machine: what becomes of what no rule is about. */
  readonly inputPolicy: 'drop' | 'accept' | undefined;
  /** Of the rules that every packet meets, in order. */
  readonly fates: readonly Fate[];
};

/** linux/netfilter.h and linux/netfilter/nf_tables.h. */
export const FAMILY = { inet: 1, ip: 2, ip6: 10 } as const;
const NETLINK_NETFILTER = 12;
const SUBSYSTEM = 10 << 8;
const [GET_TABLE, GET_CHAIN, GET_RULE] = [1, 4, 7];
const LOCAL_IN = 1;
const DORMANT = 1;
const TABLE = { name: 1, flags: 2 };
const CHAIN = { table: 1, name: 3, hook: 4, policy: 5, type: 7 };
const HOOK_NUMBER = 1;
const RULE = { table: 1, chain: 2, expressions: 4 };
const EXPRESSION = { name: 1, data: 2 };
const [IMMEDIATE_DATA, DATA_VERDICT, VERDICT_CODE, VERDICT_CHAIN, TARGET_NAME] = [2, 2, 1, 2, 1];
const VERDICTS: ReadonlyMap<number, 'drop' | 'accept' | 'return'> = new Map([[0, 'drop'], [1, 'accept'], [-5, 'return']]);
const [JUMP, GOTO] = [-3, -4];
/** Expressions that let every packet pass on to the next one. */
const PASSIVE: ReadonlySet<string> = new Set(['counter', 'log']);
const PASSIVE_TARGETS: ReadonlySet<string> = new Set(['LOG', 'NFLOG']);
const ATTEMPTS = 3;

/** What the kernel lists in answer to a request of this type. */
export type Dump = (type: number) => Promise<readonly NetlinkMessage[] | undefined>;

/** The chains in force, of every family. Undefined: the kernel did not tell, or they kept changing. */
export async function readChains(dump: Dump = kernelDump): Promise<readonly Chain[] | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [tables, chains, rules] = [await dump(GET_TABLE), await dump(GET_CHAIN), await dump(GET_RULE)];
    if (tables === undefined || chains === undefined || rules === undefined) continue;
    // Each message says which state of the rules it is of.
    const generations = new Set([...tables, ...chains, ...rules].map(({ body }) => body.toString('latin1', 2, 4)));
    if (generations.size <= 1) return chainsOf(tables, chains, rules);
  }
  return undefined;
}

function kernelDump(type: number): Promise<readonly NetlinkMessage[] | undefined> {
  // struct nfgenmsg: any family.
  return netlinkDump(NETLINK_NETFILTER, SUBSYSTEM | type, Buffer.alloc(4));
}

const keyOf = (family: number, ...names: readonly string[]): string => [family, ...names].join('\0');

export function chainsOf(tables: readonly NetlinkMessage[], chains: readonly NetlinkMessage[], rules: readonly NetlinkMessage[]): readonly Chain[] {
  const dormant = new Set(read(tables).filter(({ facts }) => (number(facts.get(TABLE.flags)) ?? 0) & DORMANT).map(({ family, facts }) => keyOf(family, text(facts.get(TABLE.name)))));
  const fates = new Map<string, Fate[]>();
  for (const { family, facts } of read(rules)) {
    const fate = fateOf(facts.get(RULE.expressions) ?? Buffer.alloc(0));
    if (fate === undefined) continue;
    const key = keyOf(family, text(facts.get(RULE.table)), text(facts.get(RULE.chain)));
    const known = fates.get(key);
    if (known === undefined) fates.set(key, [fate]);
    else known.push(fate);
  }
  return read(chains).map(({ family, facts }) => {
    const [table, name] = [text(facts.get(CHAIN.table)), text(facts.get(CHAIN.name))];
    return { family, table, name, inputPolicy: dormant.has(keyOf(family, table)) ? undefined : inputPolicyOf(facts), fates: fates.get(keyOf(family, table, name)) ?? [] };
  });
}

type Read = { readonly family: number; readonly facts: ReadonlyMap<number, Buffer> };

function read(messages: readonly NetlinkMessage[]): readonly Read[] {
  return messages.filter(({ body }) => body.length >= 4).map(({ body }) => ({ family: body.readUInt8(0), facts: attributesOf(body.subarray(4)) }));
}

function inputPolicyOf(facts: ReadonlyMap<number, Buffer>): Chain['inputPolicy'] {
  const hook = facts.get(CHAIN.hook);
  if (hook === undefined || number(attributesOf(hook).get(HOOK_NUMBER)) !== LOCAL_IN || text(facts.get(CHAIN.type)) !== 'filter') return undefined;
  return number(facts.get(CHAIN.policy)) === 0 ? 'drop' : 'accept';
}

/** Undefined: the rule is about some packets only, or lets all go on. */
function fateOf(expressions: Buffer): Fate | undefined {
  for (const [, element] of listOf(expressions)) {
    const expression = attributesOf(element);
    const [name, data] = [text(expression.get(EXPRESSION.name)), attributesOf(expression.get(EXPRESSION.data) ?? Buffer.alloc(0))];
    if (PASSIVE.has(name)) continue;
    if (name === 'reject') return 'drop';
    if (name === 'target' && PASSIVE_TARGETS.has(text(data.get(TARGET_NAME)))) continue;
    if (name === 'target') return text(data.get(TARGET_NAME)) === 'REJECT' ? 'drop' : undefined;
    return name === 'immediate' ? verdictOf(attributesOf(data.get(IMMEDIATE_DATA) ?? Buffer.alloc(0)).get(DATA_VERDICT)) : undefined;
  }
  return undefined;
}

function verdictOf(verdict: Buffer | undefined): Fate | undefined {
  const facts = attributesOf(verdict ?? Buffer.alloc(0));
  const code = number(facts.get(VERDICT_CODE));
  if (code === undefined) return undefined;
  const signed = code | 0;
  if (signed === JUMP || signed === GOTO) return { jump: text(facts.get(VERDICT_CHAIN)), back: signed === JUMP };
  return VERDICTS.get(signed);
}

function number(value: Buffer | undefined): number | undefined {
  return value?.length === 4 ? value.readUInt32BE(0) : undefined;
}

/** Names end with a zero byte. */
function text(value: Buffer | undefined): string {
  return value === undefined ? '' : value.toString('latin1').replace(/\0.*$/s, '');
}
