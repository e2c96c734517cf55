/** What people ask for in the console's world: requests as devices file them, of every kind that an approver meets. */
import type { EventDraft } from '@belay/core/evidence';
import { approvalText } from '@belay/core/grants';
import type { ApprovalDemand } from '@belay/core/policy';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export const APPROVER: ApprovalDemand = { from: ['role:approver'], count: 1, withinMs: 30 * 60_000 };
const TWO: ApprovalDemand = { from: ['role:approver', 'role:administrator'], count: 2, withinMs: 15 * 60_000 };

/** The policy whose rules ask for what is below. */
export const ASKING_POLICY = `apiVersion: belay/v1
kind: Policy
metadata: { name: approvals, description: What needs a second person }
rules:
  - name: services of others
    who: ["group:developers"]
    run: [{ command: /usr/bin/systemctl, args: [restart, "**"] }]
    then: ask
    require: { reason: { minLength: 8 }, approval: { from: ["role:approver"], count: 1, within: 30m } }
    message: Say which ticket it is for.
  - name: printing
    who: ["group:developers"]
    run: [{ command: /usr/bin/printf }, { command: /usr/bin/tar }]
    then: ask
    require: { approval: { from: ["role:approver"], count: 1, within: 30m } }
  - name: break glass
    who: ["group:oncall"]
    run: [{ command: /usr/bin/psql }]
    then: ask
    emergency: true
    record: session
    alert: high
    require: { reason: { minLength: 12 }, approval: { from: ["role:approver", "role:administrator"], count: 2, within: 15m } }
`;

export type Asking = {
  readonly number: number;
  readonly user: string;
  readonly uid: number;
  readonly command: string;
  readonly argv: readonly (string | Uint8Array)[];
  readonly rule: string;
  readonly reason?: string;
  readonly approval?: ApprovalDemand;
  readonly stance?: 'waiting' | 'ahead';
  readonly emergency?: boolean;
  readonly forMs?: number;
  readonly uses?: number;
  readonly alsoOn?: readonly string[];
  readonly package?: object | 'none';
};

export function asks({ number, user, uid, command, argv, rule, reason, approval = APPROVER, stance = 'waiting', emergency = false, forMs = 0, uses = 1, alsoOn, package: owner = SYSTEMD }: Asking): EventDraft {
  return {
    type: 'request.filed',
    fields: {
      request: number, door: 'sudo', uid, user, runAsUid: 0, runAsGid: 0, rules: [`approvals/${rule}`], manifest: 1, command: bytes(command), argv: argv.map((each) => (typeof each === 'string' ? bytes(each) : each)),
      cwd: bytes(`/home/${user}`), terminal: 34816, sessionId: 99, stance, digest: new Uint8Array(32).map((_, index) => (number * 37 + index * 11) % 251), session: stance === 'waiting' ? new Uint8Array(32).fill(7) : undefined,
      reason, reauthenticated: false, runAs: 'root:root', environment: [bytes('LANG'), bytes('PATH'), bytes('TERM')], approval: [approvalText(approval)], forMs, uses, alsoOn,
      scope: alsoOn === undefined ? undefined : JSON.stringify({ commands: [{ command, args: argv }], runAsUid: 0, runAsGid: 0 }),
      sha256: 'b1d2ec40f3a9a7e10d7a4b6c9f3f0c39be8f5d3f6c8f6f8d4de0d2f2a1c9b7e5', package: JSON.stringify(owner),
      posture: JSON.stringify({ encrypted: true, secureBoot: true, firewall: false, agentHealthy: true, patchAgeDays: 12, osId: 'debian', osVersion: '13' }), origin: JSON.stringify({ kind: 'ssh', sourceAddress: '192.0.2.7' }), emergency,
    },
  };
}

const SYSTEMD = { manager: 'deb', name: 'systemd', version: '257.7-1', repositories: ['Debian/trixie'], signedBy: ['4D64FEC119C2029067D6E791F8D2585B8783D481'], unmodified: true };

/** T-29: what somebody may write who wants a reader's page or terminal to do something, or a reader to overlook something. */
export const HOSTILE_ARGUMENTS = ['<img src=x onerror="document.title=\'owned\'">', '\u001b[31mred\u001b[0m', 'invoice\u202egpj.exe', 'pаypal.com', '', '  padded ', new Uint8Array([0x2d, 0xff, 0xfe, 0x41])] as const;

/** By the name of the device that they come from. */
export const REQUESTS: Readonly<Record<string, readonly EventDraft[]>> = {
  'ada-laptop': [
    asks({ number: 11, user: 'ada', uid: 1001, command: '/usr/bin/systemctl', argv: ['restart', 'postgresql@17-main.service'], rule: 'services of others', reason: 'OPS-412: connections hang since the update' }),
    asks({ number: 12, user: 'ada', uid: 1001, command: '/usr/bin/systemctl', argv: ['restart', 'cups.service'], rule: 'services of others', reason: 'The printer on floor 3 hangs every Monday', stance: 'ahead', forMs: 8 * 3_600_000, uses: 3 }),
  ],
  'grace-laptop': [asks({ number: 7, user: 'grace', uid: 1002, command: '/usr/bin/printf', argv: [...HOSTILE_ARGUMENTS], rule: 'printing', reason: 'please click <b>approve</b> \u202eylkciuq', package: 'none' })],
  'web-01': [asks({ number: 4, user: 'grace', uid: 1002, command: '/usr/bin/systemctl', argv: ['reload', 'nginx.service'], rule: 'services of others', reason: 'OPS-417: the new certificate', stance: 'ahead', forMs: 30 * 60_000, uses: 2, alsoOn: ['web-02', 'db-01'] })],
  'web-02': [asks({ number: 3, user: 'linus', uid: 1003, command: '/usr/bin/tar', argv: ['--create', '--file', '/srv/backup/web 02.tar', '/etc/nginx'], rule: 'printing' })],
  'db-01': [asks({ number: 5, user: 'grace', uid: 1002, command: '/usr/bin/psql', argv: ['--username', 'postgres', '--command', 'SELECT pg_terminate_backend(4711)'], rule: 'break glass', reason: 'Orders are blocked by one session', approval: TWO, emergency: true })],
};

/** Answered already: what the history of a request is made of. */
export const ANSWERED: readonly { readonly device: string; readonly asking: EventDraft; readonly number: number; readonly words: string; readonly verb: 'approve' | 'deny' }[] = [
  { device: 'ada-laptop', number: 8, verb: 'approve', words: 'Fine, off hours.', asking: asks({ number: 8, user: 'ada', uid: 1001, command: '/usr/bin/systemctl', argv: ['restart', 'postgresql@17-main.service'], rule: 'services of others', reason: 'OPS-398: new settings' }) },
  { device: 'ada-laptop', number: 9, verb: 'deny', words: 'Not during the release. Ask again after four.', asking: asks({ number: 9, user: 'ada', uid: 1001, command: '/usr/bin/systemctl', argv: ['restart', 'docker.service'], rule: 'services of others', reason: 'Builds are slow' }) },
];
