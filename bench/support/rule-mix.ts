// Rules of a realistic mix, and requests that fit them: one rule in five has a CEL condition, 400 different ones in all; two in five a
// glob inside an argument; one in ten is a deny; and every criterion of the language is used by some.
import { type ByteString, encodeUtf8 } from '../../core/src/bytes.ts';
import { type CompiledPolicy, type DecisionContext, decodeBundle, encodeBundle, UNKNOWN_POSTURE } from '../../core/src/policy/index.ts';
import { compilePolicy, formatProblems, parsePolicyFiles, type Policy } from '../../core/src/policy-tools/index.ts';
import type { ElevationRequest } from '../../core/src/request/index.ts';

export const GROUPS = 40;
export const command = (i: number): string => `/usr/bin/tool-${i}`;

/** By the remainder of a rule's number: what else the rule asks for. */
const EXTRAS: readonly (readonly [every: number, key: string])[] = [
  [17, 'cwd: ["/home/**"]'],
  [19, 'env: { LANG: "C.*", LD_PRELOAD: null }'],
  [23, 'from: { login: [ssh], networks: [10.0.0.0/8, "2001:db8::/32"] }'],
  [29, 'during: { days: [mon-fri], from: "06:00", to: "20:00", zone: Europe/Berlin }'],
  [31, 'device: { encrypted: true, os: [debian], maxPatchAge: 30d, labels: { site: "ber*" } }'],
  [37, 'ancestor: [/usr/sbin/sshd]'],
  [41, 'parent: [/usr/bin/bash]'],
  [43, 'from: { terminal: true }'],
  [47, 'alert: low'],
];

function argsOf(i: number): string {
  if (i % 13 === 0) return '[install, remove], { regex: "-[a-z]+" }, "pack*"';
  return i % 5 < 2 ? 'install, "-*", "pack*"' : 'install, "**"';
}

function ruleText(i: number): string {
  const used = new Set<string>();
  const extras = EXTRAS.filter(([every, key]) => {
    const name = key.slice(0, key.indexOf(':'));
    if (i % every !== 0 || used.has(name)) return false;
    used.add(name);
    return true;
  }).map(([, key]) => `, ${key}`);
  const when = i % 5 === 0 ? `, when: "time.hour >= ${i % 8} && time.minute < ${60 + (i % 50)}"` : '';
  const owner = i % 11 === 0 ? ', package: { name: "tool*", repository: "Debian/*" }' : '';
  const isDeny = i % 10 === 9;
  const limits = !isDeny && i % 7 === 0 ? ', limits: { duration: 15m }' : '';
  return `  - { name: rule ${i}, who: ["group:team-${i % GROUPS}"], run: [{ command: ${command(i)}, args: [${argsOf(i)}]${owner} }]${when}${extras.join('')}${limits}, then: ${isDeny ? 'deny' : 'allow'} }`;
}

/** Rules `from` up to `to`, one policy. */
export function policyText(name: string, from: number, to: number): string {
  const head = `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: ${name} }\nrules:\n`;
  return head + Array.from({ length: to - from }, (_, i) => ruleText(from + i)).join('\n');
}

export function parseText(text: string): Policy {
  const parsed = parsePolicyFiles([{ name: 'bench.yaml', text }]);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  return parsed.value[0] as Policy;
}

const PER_POLICY = 5000;

/** So many rules, through their bundles, as a device gets them. */
export function compiledRules(count: number): readonly CompiledPolicy[] {
  return Array.from({ length: Math.ceil(count / PER_POLICY) }, (_, p) => {
    const decoded = decodeBundle(encodeBundle(compilePolicy(parseText(policyText(`bench-${p}`, p * PER_POLICY, Math.min(count, (p + 1) * PER_POLICY))))));
    if (!decoded.ok) throw new Error(decoded.error.message);
    return decoded.value;
  });
}

const noAliases: readonly ByteString[] = [];
const owner = { manager: 'deb', name: 'tools', version: '1.2-3', repositories: ['Debian/stable'], signedBy: [], unmodified: true } as const;
const process = (path: string) => ({ executable: encodeUtf8(path), device: 1n, inode: 2n, uid: 0 });

/** What an agent knows of a device on which every rule's circumstances hold; of the file that is asked about it knows what it is. */
export function contextsFor(rules: number): (request: ElevationRequest) => DecisionContext {
  const ids = new Map(Array.from({ length: GROUPS }, (_, i) => [`team-${i}`, 5000 + i]));
  const inodes = new Map(Array.from({ length: rules }, (_, i) => [encodeUtf8(command(i)), BigInt(i)]));
  const lineage = { processes: [process('/usr/bin/bash'), process('/usr/sbin/sshd')], whole: true };
  const origin = { kind: 'ssh', sourceAddress: '10.1.2.3' } as const;
  const posture = { ...UNKNOWN_POSTURE, encrypted: true, osId: 'debian', patchAgeDays: 3 };
  const common: Omit<DecisionContext, 'objectOf'> = {
    nowMs: Date.UTC(2026, 2, 4, 10),
    utcOffsetMinutes: 60,
    device: { id: 'd-bench', name: 'bench', groups: [], labels: { site: 'berlin' } },
    manifestExpired: false,
    pathsOfObject: () => noAliases,
    groupId: (name) => ids.get(name),
    userId: () => undefined,
    executableSha256: () => undefined,
    circumstances: { ownerOfExecutable: () => owner, lineage: () => lineage, origin: () => origin, posture: () => posture },
  };
  return ({ executable }) => ({
    ...common,
    objectOf: (path) => {
      if (path === executable.resolved) return executable;
      const inode = inodes.get(path);
      return inode === undefined ? undefined : { resolved: path, device: 1n, inode };
    },
  });
}

export function requestFor(i: number): ElevationRequest {
  const path = encodeUtf8(command(i));
  return {
    door: 'sudo',
    deviceId: 'd-bench',
    requester: { uid: 1000, gid: 1000, groups: [1000, 27, 5000 + (i % GROUPS)], name: 'ada' },
    loginSession: { sessionId: 1, leaderStart: 1, terminal: 1 },
    executable: { typed: path, links: [], resolved: path, device: 1n, inode: BigInt(i), rootOnly: true, script: false },
    args: ['install', '-y', 'package'].map(encodeUtf8),
    cwd: encodeUtf8('/home/ada'),
    env: ['LANG=C.UTF-8', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm-256color'].map(encodeUtf8),
    runAs: { uid: 0, gid: 0, groups: [0], userName: 'root', groupName: 'root' },
  };
}
