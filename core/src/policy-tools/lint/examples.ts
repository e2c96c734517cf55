import type { LintCode } from './codes.ts';
import type { FleetFacts } from './fleet-checks.ts';

/** What has the finding and what has not; the reference shows both and a test holds them to it. `facts`: where it needs a fleet's. */
export type LintExample = { readonly shows: string; readonly silent: string; readonly facts?: FleetFacts };

const fleet: FleetFacts = { devices: [{ id: 'd-1', groups: ['engineering'], labels: { site: 'bern' }, os: 'debian' }], users: ['ada'], groups: ['ops', 'developers'] };

const grant = (rest: string, name = 'r'): string => `- name: ${name}\n  who: ["group:ops"]\n  ${rest.replaceAll('\n', '\n  ')}\n  then: allow\n`;
const ask = (rest: string): string => `- name: r\n  who: ["group:ops"]\n  ${rest.replaceAll('\n', '\n  ')}\n  then: ask\n`;
const runs = (entry: string): string => grant(`run: [${entry}]`);
const denial = (rest: string): string => `- name: d\n  ${rest.replaceAll('\n', '\n  ')}\n  then: deny\n`;
const id = 'run: [{ command: /usr/bin/id, args: [] }]';

export const LINT_EXAMPLES: Readonly<Record<LintCode, LintExample>> = {
  'escape-shell': { shows: runs('{ command: /usr/bin/less, args: [/var/log/syslog] }'), silent: runs('{ command: /usr/bin/cat, args: [/var/log/syslog] }') },
  'escape-write': { shows: runs('{ command: /usr/bin/tee, args: ["*"] }'), silent: runs('{ command: /usr/bin/tee, args: [/etc/motd] }') },
  'escape-read': { shows: runs('{ command: /usr/bin/cat, args: ["*"] }'), silent: runs('{ command: /usr/bin/cat, args: [/var/log/syslog] }') },
  'escape-owner': { shows: runs('{ command: /usr/bin/chown, args: ["**"] }'), silent: runs('{ command: /usr/bin/chown, args: ["www-data", /srv/www/upload] }') },
  'escape-load': { shows: runs('{ command: /usr/sbin/insmod, args: ["*"] }'), silent: runs('{ command: /usr/bin/lsmod, args: [] }') },
  'escape-privilege': { shows: runs('{ command: /usr/sbin/usermod, args: ["**"] }'), silent: runs('{ command: /usr/bin/passwd, args: ["-S", ada] }') },
  'escape-delegation': { shows: runs('{ command: /usr/bin/systemctl, args: [restart, "*"] }'), silent: runs('{ command: /usr/bin/systemctl, args: [restart, nginx.service] }') },
  'runs-anything': { shows: grant('run: any'), silent: ask('run: any\nrecovery: true\nrequire: { reauth: true }') },
  'runs-package': { shows: runs('{ package: { name: nginx, key: "0123456789ABCDEF0123456789ABCDEF01234567" } }'), silent: runs('{ command: /usr/sbin/nginx, args: ["-t"], package: nginx }') },
  'user-writable': {
    shows: runs('{ command: /home/ada/deploy, args: [] }'),
    silent: runs('{ command: /home/ada/deploy, args: [], sha256: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }'),
  },
  'relative-trust': { shows: runs('{ command: /usr/local/sbin/deploy, args: [./site.yaml] }'), silent: grant('run: [{ command: /usr/local/sbin/deploy, args: [./site.yaml] }]\nlimits: { cwd: /srv/site }') },
  'broad-wildcard': { shows: runs('{ command: /usr/local/sbin/show, args: ["/etc/**"] }'), silent: runs('{ command: /usr/local/sbin/show, args: ["/etc/nginx/**"] }') },
  'keeps-dangerous': { shows: grant(`${id}\nlimits: { environment: { keep: ["LD_*"] } }`), silent: grant(`${id}\nlimits: { environment: { keep: ["LC_*"] } }`) },
  unreachable: { shows: `${grant(id)}${denial('who: ["group:ops"]\nrun: [{ command: /usr/bin/id }]')}`, silent: `${grant(id)}${denial('who: ["!group:ops"]\nrun: [{ command: /usr/bin/id }]')}` },
  shadowed: {
    shows: `${grant(id)}${grant('run: [{ command: /usr/bin/id }]\npriority: 5', 'wider')}`,
    silent: `${grant(id)}${grant('run: [{ command: /usr/bin/id, args: ["-u"] }]\npriority: 5', 'other')}`,
  },
  duplicate: { shows: `${grant(id)}${grant(id, 'again')}`, silent: `${grant(id)}${grant('run: [{ command: /usr/bin/whoami, args: [] }]', 'other')}` },
  'allow-beside-ask': {
    shows: `${grant(id)}- { name: asks, who: any, run: [{ command: /usr/bin/id }], then: ask, require: { reason: true } }\n`,
    silent: `${grant(`${id}\npriority: 1`)}- { name: asks, who: any, run: [{ command: /usr/bin/id }], then: ask, require: { reason: true } }\n`,
  },
  contradiction: { shows: `- { name: r, who: ["user:ada", "!user:ada"], ${id}, then: allow }\n`, silent: `- { name: r, who: ["group:ops", "!user:ada"], ${id}, then: allow }\n` },
  'never-matches': { shows: grant(`${id}\nwhen: time.hour >= 22 && time.hour < 6`), silent: grant(`${id}\nwhen: time.hour >= 22 || time.hour < 6`) },
  'constant-condition': { shows: grant(`${id}\nwhen: time.hour >= 0`), silent: grant(`${id}\nwhen: time.hour >= 7`) },
  'unknown-name': { shows: `- { name: r, who: ["group:sales"], ${id}, then: allow }\n`, silent: grant(id), facts: fleet },
  'misspelt-name': {
    shows: `- { name: a, who: ["group:developers"], run: [{ command: /usr/bin/id }], then: allow }\n- { name: b, who: ["group:developers"], run: [{ command: /usr/bin/whoami }], then: allow }\n- { name: c, who: ["group:developers", "group:developrs"], run: [{ command: /usr/bin/groups }], then: allow }\n`,
    silent: `- { name: a, who: ["group:developers"], run: [{ command: /usr/bin/id }], then: allow }\n- { name: b, who: ["group:developers"], run: [{ command: /usr/bin/whoami }], then: allow }\n- { name: c, who: ["group:developers", "group:designers"], run: [{ command: /usr/bin/groups }], then: allow }\n`,
  },
  'approval-impossible': {
    shows: `- { name: r, who: ["user:ada"], ${id}, then: ask, require: { approval: { from: ["user:ada"] } } }\n`,
    silent: `- { name: r, who: ["user:ada"], ${id}, then: ask, require: { approval: { from: ["user:ada", "user:bob"] } } }\n`,
  },
  'deny-unknown': { shows: denial('when: device.labels.site == "lab"'), silent: denial('when: '.concat(`'"site" in device.labels && device.labels.site == "lab"'`)) },
  'weak-parent': { shows: grant(`${id}\nparent: [/usr/bin/bash]`), silent: grant(`${id}\nparent: [/usr/local/sbin/deploy]`) },
  'monitor-recovery': {
    shows: 'apiVersion: belay/v1\nkind: Policy\nmetadata: { name: p }\nmode: monitor\nrules:\n  - { name: r, who: ["group:ops"], run: any, then: ask, recovery: true, require: { reauth: true } }\n',
    silent: 'apiVersion: belay/v1\nkind: Policy\nmetadata: { name: p }\nrules:\n  - { name: r, who: ["group:ops"], run: any, then: ask, recovery: true, require: { reauth: true } }\n',
  },
  'pointless-priority': { shows: denial('run: [{ command: /usr/bin/id }]\npriority: 10'), silent: denial('run: [{ command: /usr/bin/id }]') },
  'unused-set': {
    shows: 'apiVersion: belay/v1\nkind: UserSet\nmetadata: { name: staff }\nwho: ["group:ops"]\n',
    silent: `apiVersion: belay/v1\nkind: UserSet\nmetadata: { name: staff }\nwho: ["group:ops"]\n---\napiVersion: belay/v1\nkind: Policy\nmetadata: { name: p }\nrules:\n  - { name: r, who: ["set:staff"], ${id}, then: allow }\n`,
  },
  'stale-accept': { shows: `# belay: accept escape-shell because the pager is pinned\n${grant(id)}`, silent: `# belay: accept user-writable because root owns this home\n${runs('{ command: /home/ada/deploy, args: [] }')}` },
  'bad-accept': { shows: `# belay: accept user-writable\n${runs('{ command: /home/ada/deploy, args: [] }')}`, silent: `# belay: accept user-writable because root owns this home\n${runs('{ command: /home/ada/deploy, args: [] }')}` },
};

/** A whole document of a list of rules. */
export function exampleDocument(text: string): string {
  return text.startsWith('apiVersion') ? text : `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: p }\nrules:\n${text.replace(/^(?=.)/gm, '  ')}`;
}
