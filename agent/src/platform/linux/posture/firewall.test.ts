import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import koffi from 'koffi';
import { ensureDebian, withTree } from '../../../../../tools/debian.mjs';
import { readFirewall } from './firewall.ts';
import { attributesOf, splitMessages } from './netlink.ts';
import { chainsOf, FAMILY, readChains } from './nftables.ts';

const possible = process.getuid?.() === 0 && existsSync('/var/lib/dpkg/status');
const CLONE_NEWNET = 0x4000_0000;

/** A network of its own, in which this test's thread stands while it reads. */
(possible ? describe : describe.skip)('in a network namespace', () => {
  const setns = koffi.load(null).func('int setns(int, int)');
  let tree: string;
  let net: string;
  let holder: ChildProcess;
  const namespaces: number[] = [];

  beforeAll(() => {
    tree = ensureDebian(['nftables', 'iptables']) as string;
  }, 300_000);
  beforeEach(async () => {
    holder = spawn('unshare', ['-n', 'sh', '-c', 'echo there; read x'], { stdio: ['pipe', 'pipe', 'inherit'] });
    await new Promise((resolve) => holder.stdout?.once('data', resolve));
    namespaces.push(openSync('/proc/self/ns/net', 'r'), openSync(`/proc/${holder.pid}/ns/net`, 'r'));
    expect(setns(namespaces[1], CLONE_NEWNET)).toBe(0);
    net = mkdtempSync(join(tmpdir(), 'belay-net-'));
    addresses('');
  });
  afterEach(() => {
    expect(setns(namespaces[0], CLONE_NEWNET)).toBe(0);
    for (const fd of namespaces.splice(0)) closeSync(fd);
    holder.stdin?.end();
    rmSync(net, { recursive: true });
  });

  function run(command: readonly string[], input: string = ''): void {
    const [file = '', ...args] = withTree(tree, [...command]) as string[];
    const { status, stderr } = spawnSync('nsenter', [`--net=/proc/${holder.pid}/ns/net`, file, ...args], { input, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  }
  // Its grammar wants a chain's end on a line of its own.
  const nft = (rules: string): void => run(['nft', '-f', '-'], rules.replaceAll('}', '\n}\n'));

  function addresses(ip6: string, names: string = '', names6: string = ''): void {
    writeFileSync(join(net, 'if_inet6'), `00000000000000000000000000000001 01 80 10 80       lo\n${ip6}`);
    writeFileSync(join(net, 'ip_tables_names'), names);
    writeFileSync(join(net, 'ip6_tables_names'), names6);
  }
  const IP6 = '20010db8000000000000000000000001 02 40 00 80     eth0\n';
  const read = (): Promise<boolean | undefined> => readFirewall({ net, readChains: () => readChains() });

  const input = (rules: string, policy: string = 'accept'): string => `chain input { type filter hook input priority 0; policy ${policy}; ${rules} }`;
  const table = (body: string, family: string = 'inet'): string => `table ${family} filter { ${body} }\n`;

  test.each<[string, string, boolean]>([
    ['nothing at all', '', false],
    ['a table without chains', table(''), false],
    ['a policy of dropping', table(input('', 'drop')), true],
    ['a policy of dropping, with exceptions', table(input('ct state established,related accept; iif lo accept; tcp dport 22 accept;', 'drop')), true],
    ['a policy of accepting', table(input('tcp dport 23 drop; ip saddr 192.0.2.0/24 reject;')), false],
    ['a last rule that drops', table(input('tcp dport 22 accept; drop;')), true],
    ['a last rule that rejects', table(input('tcp dport 22 accept; counter reject with icmpx admin-prohibited;')), true],
    ['a last rule that logs, counts and drops', table(input('log prefix "no: " counter drop;')), true],
    ['a rule that drops at a rate', table(input('limit rate over 5/second drop;')), false],
    ['a rule that accepts all before the policy', table(input('counter accept;', 'drop')), false],
    ['a rule that accepts all before one that drops', table(input('accept; drop;')), false],
    ['a chain of its own that drops', table(`chain last { drop; } ${input('jump last;')}`), true],
    ['a chain of its own that some go to', table(`chain last { drop; } ${input('tcp dport 23 jump last;')}`), false],
    ['a chain of its own that returns', table(`chain last { return; drop; } ${input('jump last; drop;')}`), true],
    ['a chain of its own that accepts', table(`chain last { accept; } ${input('jump last; drop;')}`), false],
    ['a chain that does not come back', table(`chain last { tcp dport 22 accept; } ${input('goto last; drop;')}`), false],
    ['a chain that does not come back, before a policy of dropping', table(`chain last { tcp dport 22 accept; } ${input('goto last; accept;', 'drop')}`), true],
    ['a return to the policy', table(input('return; accept;', 'drop')), true],
    ['what goes out', table('chain output { type filter hook output priority 0; policy drop; }'), false],
    ['what is passed on', table('chain forward { type filter hook forward priority 0; policy drop; }'), false],
    ['a table that sleeps', table(`flags dormant; ${input('', 'drop')}`), false],
    ['one of two tables that drops', table(input('', 'accept')) + `table ip other { ${input('drop;')} }\n`, true],
    ['a chain of the same name in another table', `table ip a { chain last { drop; } }\ntable ip b { chain last { } ${input('jump last;')} }\n`, false],
    ['IPv6 alone', table(input('', 'drop'), 'ip6'), false],
  ])('nftables: %s', async (_name, rules, expected) => {
    nft(rules);
    expect(await read()).toBe(expected);
  });

  test('over IPv6 too, where the machine has an address of it', async () => {
    nft(table(input('', 'drop'), 'ip'));
    expect(await read()).toBe(true);
    addresses(IP6);
    expect(await read()).toBe(false);
    nft(table(input('', 'drop'), 'ip6'));
    expect(await read()).toBe(true);
  });

  test.each<[string, readonly string[], boolean]>([
    ['a policy of dropping', ['-P INPUT DROP'], true],
    ['a policy of accepting', ['-P INPUT ACCEPT', '-A INPUT -s 192.0.2.0/24 -j DROP', '-A FORWARD -j DROP'], false],
    ['a last rule that rejects', ['-A INPUT -p tcp --dport 22 -j ACCEPT', '-A INPUT -j REJECT --reject-with icmp-host-prohibited'], true],
    ['a last rule that logs and one that drops', ['-A INPUT -j LOG', '-A INPUT -j DROP'], true],
    ['a chain of its own', ['-N ban', '-A ban -s 192.0.2.9 -j REJECT', '-A ban -j RETURN', '-A INPUT -j ban'], false],
    ['a chain of its own that rejects', ['-N last', '-A last -j REJECT', '-A INPUT -j last'], true],
  ])('iptables: %s', async (_name, commands, expected) => {
    for (const command of commands) run(['iptables-nft', ...command.split(' ')]);
    expect(await read()).toBe(expected);
  });

  test('the old iptables: what is in its filter table is not read, so not known', async () => {
    addresses('', 'nat\n');
    expect(await read()).toBe(false);
    addresses('', 'nat\nfilter\n');
    expect(await read()).toBeUndefined();
    addresses('', '', 'filter\n');
    expect(await read()).toBe(false);
    nft(table(input('', 'drop'), 'ip'));
    addresses(IP6, '', 'filter\n');
    expect(await read()).toBeUndefined();
    addresses('', 'filter\n');
    expect(await read()).toBe(true);
  });

  test('by the kernel\'s own files of this namespace', async () => {
    expect(await readFirewall()).toBe(false);
    nft(table(input('', 'drop')));
    expect(await readFirewall()).toBe(true);
  });

  test('ten thousand rules come in several pieces', async () => {
    nft(`table inet filter { ${input(Array.from({ length: 10_000 }, (_, at) => `tcp dport ${at + 1} counter accept;`).join(' '))} }\n`);
    expect(await read()).toBe(false);
    nft('add rule inet filter input drop\n');
    expect(await read()).toBe(true);
    expect((await readChains())?.map(({ family, table: name, name: chain, inputPolicy, fates }) => ({ family, name, chain, inputPolicy, fates }))).toEqual([
      { family: FAMILY.inet, name: 'filter', chain: 'input', inputPolicy: 'accept', fates: ['drop'] },
    ]);
  });

  afterAll(() => {
    expect(namespaces).toEqual([]);
  });
});

test('what the kernel does not tell is unknown', async () => {
  expect(await readFirewall({ net: '/nowhere', readChains: () => Promise.resolve(undefined) })).toBeUndefined();
  const net = mkdtempSync(join(tmpdir(), 'belay-net-'));
  expect(await readFirewall({ net, readChains: () => Promise.resolve([]) })).toBe(false);
  mkdirSync(join(net, 'ip_tables_names'));
  expect(await readFirewall({ net, readChains: () => Promise.resolve([]) })).toBeUndefined();
  rmSync(net, { recursive: true });
});

test('tables, chains and rules of different states are put together in no case', async () => {
  const calls: number[] = [];
  /** Of IPv4 in the state given; what else a message holds does not matter here. */
  const changing = (states: readonly number[]) => async (type: number) => {
    calls.push(type);
    return [{ type, body: Buffer.from([FAMILY.ip, 0, 0, states[calls.length - 1] ?? 0]) }];
  };
  expect(await readChains(changing([1, 1, 2, 2, 3, 3, 4, 4, 5]))).toBeUndefined();
  expect(calls).toHaveLength(9);
  calls.length = 0;
  expect(await readChains(changing([1, 1, 2, 2, 2, 2]))).toHaveLength(1);
  expect(calls).toHaveLength(6);
});

test('a ring of jumps ends', async () => {
  const chain = { family: FAMILY.inet, table: 't', inputPolicy: undefined };
  const ring = [
    { ...chain, name: 'input', inputPolicy: 'drop' as const, fates: [{ jump: 'a', back: true }] },
    { ...chain, name: 'a', fates: [{ jump: 'a', back: true }] },
  ];
  expect(await readFirewall({ net: '/nowhere', readChains: () => Promise.resolve(ring) })).toBe(false);
});

test('no bytes make the parsers fail or read beyond them', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.constantFrom([20, 0, 0, 0], [4, 0, 1, 0], [8, 0, 2, 0], [12, 0, 4, 0x80], [16, 0, 0, 0], [0, 0, 0, 0], [3, 0, 0, 0], [0xff, 0xff, 0xff, 0xff])).map((words) => Uint8Array.from(words.flat())),
  );
  fc.assert(
    fc.property(bytes, (given) => {
      const buffer = Buffer.from(given);
      const messages = splitMessages(buffer)?.messages ?? [];
      expect(messages.every(({ body }) => body.length <= buffer.length - 16)).toBe(true);
      for (const [, value] of attributesOf(buffer)) expect(value.length).toBeLessThanOrEqual(buffer.length - 4);
      const one = [{ type: 0, body: buffer }];
      expect(chainsOf(one, one, one).length).toBeLessThanOrEqual(1);
    }),
    { numRuns: 2000 },
  );
});

test('an error, an interrupted list and a message cut short are no answer', () => {
  const message = (length: number, type: number, flags: number): Buffer => {
    const buffer = Buffer.alloc(20);
    const view = new DataView(buffer.buffer, buffer.byteOffset);
    const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
    view.setUint32(0, length, little);
    view.setUint16(4, type, little);
    view.setUint16(6, flags, little);
    return buffer;
  };
  expect(splitMessages(message(20, 2563, 2))).toEqual({ messages: [{ type: 2563, body: Buffer.alloc(4) }], done: false });
  expect(splitMessages(message(20, 3, 2))).toEqual({ messages: [], done: true });
  for (const bad of [message(20, 2, 0), message(20, 2563, 0x12), message(24, 2563, 2), message(8, 2563, 2), message(20, 2563, 2).subarray(0, 10)]) expect(splitMessages(bad)).toBeUndefined();
});
