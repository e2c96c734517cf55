/** Devices that ask for approval as real ones do: signed events of their own chain, over gRPC. */
import { type Answer, decodeEvent, type EventDraft, type Grant, type Manifest, openEnvelope, type Payload } from '@belay/core/evidence';
import { approvalText } from '@belay/core/grants';
import { ed25519Verify, generateEd25519, sha256 } from '@belay/core/node-crypto';
import type { ApprovalDemand } from '@belay/core/policy';
import type { ServerContext } from '../../policy-server/src/context.ts';
import { takeRequestEvents } from '../../policy-server/src/features/requests/take-events.ts';
import { createChain, enrol, type Enrolled, fleetClient, openSync, type TestChain, type TestServer, type TestStream } from './fleet.ts';

const CALL = { timeoutMs: 20_000 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export const APPROVER: ApprovalDemand = { from: ['role:approver'], count: 1, withinMs: 600_000 };

export type Asking = {
  readonly number: number;
  readonly user?: string;
  readonly uid?: number;
  readonly command?: string;
  readonly argv?: readonly (string | Uint8Array)[];
  readonly approval?: readonly ApprovalDemand[];
  readonly reason?: string;
  readonly stance?: 'waiting' | 'ahead';
  readonly rules?: readonly string[];
  readonly emergency?: boolean;
  readonly forMs?: number;
  readonly uses?: number;
  readonly scope?: Grant['scope'];
  readonly alsoOn?: readonly string[];
  /** A byte that the digest is made of. */
  readonly digest?: number;
};

export function filed(asking: Asking): EventDraft {
  const { number, user = 'alice', uid = 2001, command = '/usr/bin/systemctl', argv = ['restart', 'nginx'], approval = [APPROVER], reason, stance = 'waiting', rules = ['ops/restart'] } = asking;
  return {
    type: 'request.filed',
    fields: {
      request: number, door: 'sudo', uid, user, runAsUid: 0, runAsGid: 0, rules, manifest: 1, command: bytes(command), argv: argv.map((each) => (typeof each === 'string' ? bytes(each) : each)), cwd: bytes('/home/alice'),
      terminal: 34816, sessionId: 99, stance, digest: new Uint8Array(32).fill(asking.digest ?? number % 251), session: stance === 'waiting' ? new Uint8Array(32).fill(7) : undefined, reason, reauthenticated: false,
      runAs: 'root:root', environment: [bytes('PATH'), bytes('TERM')], approval: approval.map(approvalText), forMs: asking.forMs ?? 0, uses: asking.uses ?? 1,
      scope: asking.scope === undefined ? undefined : JSON.stringify(asking.scope), sha256: undefined,
      package: JSON.stringify({ manager: 'deb', name: 'systemd', version: '252-1', repositories: ['Debian/stable'], signedBy: ['ABCD'], unmodified: true }),
      posture: JSON.stringify({ encrypted: true, osId: 'debian', osVersion: '12' }), origin: JSON.stringify({ kind: 'ssh', sourceAddress: '192.0.2.7' }), emergency: asking.emergency ?? false, alsoOn: asking.alsoOn,
    },
  };
}

/** The same without a device: what the server makes of such an event. Answers the request's id. */
export async function fileDirectly(context: ServerContext, device: string, asking: Asking): Promise<string> {
  const [encoded] = createChain({ id: device, key: generateEd25519(), serverId: context.keys.serverId }).write(filed(asking));
  const event = decodeEvent(encoded as Uint8Array, sha256);
  if (!event.ok) throw new Error(event.error.message);
  await context.store.transaction((tx) => takeRequestEvents(context, tx, device, [event.value]));
  return (await context.store.db.selectFrom('requests').select('id').where('device_id', '=', device).where('number', '=', asking.number).executeTakeFirstOrThrow()).id;
}

export function used(number: number, grant: string, user = 'alice', uid = 2001): EventDraft {
  return {
    type: 'elevation.intent',
    fields: {
      request: number, door: 'sudo', uid, user, runAsUid: 0, runAsGid: 0, rules: ['ops/restart'], manifest: 2, command: bytes('/usr/bin/systemctl'), argv: [], cwd: bytes('/'), terminal: 0, sessionId: 1,
      digest: new Uint8Array(32).fill(1), reauthenticated: false, outsideRules: false, grant, environment: [],
    },
  };
}

export type AskingDevice = {
  readonly device: Enrolled;
  readonly chain: TestChain;
  readonly stream: TestStream;
  /** Chains, signs and uploads; what is lost on the way is sent again by `resend`. */
  upload(...drafts: readonly EventDraft[]): Promise<void>;
  resend(): Promise<void>;
  /** The next answer about this request that is as wanted. */
  answer(number: number, isWanted?: (answer: Answer) => boolean): Promise<Answer>;
  manifest(isWanted: (manifest: Manifest) => boolean): Promise<Manifest>;
  /** What came, in the order it came. */
  kinds(): readonly (string | undefined)[];
  opened<K extends 'answer' | 'manifest' | 'time'>(kind: K): readonly Payload<K>[];
  grant(envelope: Uint8Array): Grant;
  /** Connects anew, to this server or another, with what it has. */
  reconnect(to?: TestServer): void;
  close(): void;
};

export async function askingDevice(server: TestServer, options: { readonly groups?: readonly string[]; readonly hostname?: string } = {}): Promise<AskingDevice> {
  const device = await enrol(server, await server.token(options), undefined, options.hostname);
  const chain = createChain(device);
  let [present, sent, last]: [TestServer, number, readonly Uint8Array[]] = [server, 0, []];
  let client = fleetClient(present, device);
  let stream = openSync(client);
  const report = (): void => stream.report({ agentVersion: '1.2.3' });
  report();
  const open = <K extends 'answer' | 'manifest' | 'time' | 'grant'>(kind: K, envelope: Uint8Array): Payload<K> => {
    const opened = openEnvelope(envelope, kind, present.context.keys.trust, ed25519Verify, present.context.clock());
    if (!opened.ok) throw new Error(`${kind}: ${opened.error.message}`);
    return opened.value;
  };
  const wait = async <K extends 'answer' | 'manifest'>(kind: K, isWanted: (payload: Payload<K>) => boolean): Promise<Payload<K>> => {
    const message = await stream.next((each) => each.case === kind && isWanted(open(kind, each.value as Uint8Array)));
    return open(kind, message.value as Uint8Array);
  };
  const send = async (first: number, events: readonly Uint8Array[]): Promise<void> => {
    await client.uploadEvents({ chain: chain.chain, first: BigInt(first), events: [...events], earliest: 1n }, CALL);
  };
  await stream.next((message) => message.case === 'manifest');
  return {
    device, chain,
    get stream() {
      return stream;
    },
    async upload(...drafts) {
      last = chain.write(...drafts);
      const first = sent + 1;
      sent += last.length;
      await send(first, last);
    },
    resend: () => send(sent - last.length + 1, last),
    answer: (number, isWanted = () => true) => wait('answer', (answer) => answer.request === number && isWanted(answer)),
    manifest: (isWanted) => wait('manifest', isWanted),
    kinds: () => stream.messages.map((message) => message.case),
    opened: (kind) => stream.messages.filter((message) => message.case === kind).map((message) => open(kind, message.value as Uint8Array)),
    grant: (envelope) => open('grant', envelope),
    reconnect(to = present) {
      stream.close();
      client.close();
      present = to;
      client = fleetClient(present, device);
      stream = openSync(client);
      report();
    },
    close() {
      stream.close();
      client.close();
    },
  };
}
