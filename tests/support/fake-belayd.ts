// A belayd that does what a test says, for what is about the sudo plugin alone: odd answers, silence, forged frames. Typed
// against the same protobuf as the real one. Imported, it starts itself in a world; run there, it serves the socket.
import { create, fromBinary, fromJson, type JsonValue, type MessageInitShape, toBinary, toJson } from '@bufbuild/protobuf';
import {
  ClientFrameSchema, Launch_By, LaunchSchema, type ServerFrame, ServerFrameSchema, type SudoCheck, Verdict_Answer, VerdictSchema,
} from '@belay/proto/local';
import { appendFileSync, chmodSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { seal } from '../../agent/src/platform/linux/seal.ts';
import { openPlace, type Place, waitFor, worldNode, worldRepo } from './world/place.ts';
import type { WorldProcess } from './world/channel.ts';
import { describeRoot } from './world/root-only.ts';

/** One thing the fake does when it has received a frame. */
export type Act =
  | { readonly send: JsonValue } // a ServerFrame in protobuf's JSON form
  | { readonly raw: string } // bytes as hex, header and all
  | { readonly close: true }
  | { readonly nothing: true }
  /** Goes on once the file exists. */
  | { readonly until: string }
  /** A yes to run what was asked as root; `launch` (JSON form) replaces parts. `seal`: a file whose sealed copy runs. `go`: without a commit. */
  | { readonly allow: { readonly go?: boolean; readonly launch?: JsonValue; readonly seal?: string; readonly unsealed?: string } };

export type FakeScript = {
  readonly hello?: readonly Act[];
  readonly sudoCheck?: readonly Act[];
  readonly demandsMet?: readonly Act[];
  readonly commit?: readonly Act[];
  readonly forgetReauth?: readonly Act[];
};

type Fields = readonly { readonly [field: string]: JsonValue }[];
export type Heard = { readonly event: 'connected' | 'closed' | 'frame'; readonly frame?: { readonly [kind: string]: JsonValue } };

const socketFile = '/run/belay/belayd.sock';
const scriptFile = '/run/fake-belayd.json';
/** One for each script: what a connection of before still says is not heard any more. */
const logOf = (script: number): string => `/var/log/fake-belayd-${script}.jsonl`;

export type FakeBelayd = {
  /** What it will do from the next connection on; forgets what it heard. */
  readonly play: (script: FakeScript) => Promise<void>;
  readonly heard: () => Promise<readonly Heard[]>;
  /** The frames of one kind, as JSON. */
  readonly frames: (kind: string) => Promise<Fields>;
  /** The same once every connection has ended: sudo does not wait for what it says last. */
  readonly framesAtEnd: (kind: string) => Promise<Fields>;
  readonly stop: () => Promise<void>;
};

export async function startFakeBelayd(place: Place): Promise<FakeBelayd> {
  let current = 0;
  const play = async (script: FakeScript): Promise<void> => {
    current++;
    await place.writeFile(logOf(current), '');
    await place.writeFile(scriptFile, JSON.stringify({ ...script, log: logOf(current) }));
  };
  await place.shell('mkdir -p -m 0755 /run/belay');
  await play({});
  const running: WorldProcess = place.spawn([worldNode, '--disable-warning=ExperimentalWarning', `${worldRepo}/tests/support/fake-belayd.ts`]);
  await place.waitFor(async () => {
    if (running.hasEnded()) throw new Error(`the fake belayd ended: ${running.output().stderr}`);
    return (await place.run(['test', '-S', socketFile])).code === 0;
  }, { what: 'the fake belayd' });
  const heard = async (): Promise<readonly Heard[]> => (await place.readFile(logOf(current))).split('\n').filter(Boolean).map((line) => JSON.parse(line) as Heard);
  const framesOf = (all: readonly Heard[], kind: string): Fields => all.flatMap(({ frame }) => (frame?.[kind] === undefined ? [] : [frame[kind] as Fields[number]]));
  const atEnd = async (): Promise<readonly Heard[] | undefined> => {
    const all = await heard();
    const count = (event: Heard['event']): number => all.filter((each) => each.event === event).length;
    return count('connected') > 0 && count('connected') === count('closed') ? all : undefined;
  };
  return {
    play,
    heard,
    frames: async (kind) => framesOf(await heard(), kind),
    framesAtEnd: async (kind) => framesOf(await place.waitFor(atEnd, { what: 'all connections to end' }), kind),
    stop: async () => {
      running.signal('SIGKILL');
      await running.ended;
      await place.shell(`rm -f ${socketFile}`);
    },
  };
}

/** Both ways of the plugin: sudo becomes the command, and a keeper sees it end; or sudo waits, as it has to on older kernels. */
const ways = [{ way: 'sudo becomes the command', option: '' }, { way: 'sudo waits', option: ' wait' }] as const;

export type Way = (typeof ways)[number]['option'];

export function describeBothWays(title: string, tests: (option: Way) => void): void {
  for (const { way, option } of ways) describeRoot(`${title}: ${way}`, () => tests(option));
}

/** A place where real sudo uses our plugin, with a fake belayd that says yes to everything. */
export async function openPluginPlace(option: Way): Promise<{ readonly place: Place; readonly belayd: FakeBelayd }> {
  const place = await openPlace();
  try {
    await place.shell(`install -D -m 0644 ${worldRepo}/agent/native/build/belay_sudo.so /opt/plugin/belay_sudo.so`);
    await place.writeFile('/etc/sudo.conf', `Plugin belay_policy /opt/plugin/belay_sudo.so${option}\nPlugin belay_audit /opt/plugin/belay_sudo.so\n`);
    return { place, belayd: await startFakeBelayd(place) };
  } catch (error) {
    await place.close();
    throw error;
  }
}

/** A field of type bytes, as protobuf's JSON has it. */
export function textOf(base64: unknown): string {
  return Buffer.from(base64 as string, 'base64').toString('latin1');
}

export function textsOf(list: unknown): readonly string[] {
  return ((list as readonly string[] | undefined) ?? []).map(textOf);
}

const token = Buffer.alloc(16, 7);
const defaults: Required<FakeScript> = {
  hello: [{ send: { hello: { protocol: 1, agentVersion: 'fake', realUid: 0 } } }],
  sudoCheck: [{ allow: {} }],
  demandsMet: [{ allow: {} }],
  commit: [{ send: { commitAnswer: { answer: 'ANSWER_GO' } } }],
  forgetReauth: [{ send: { done: {} } }],
};

function write(socket: Socket, message: ServerFrame): void {
  const body = toBinary(ServerFrameSchema, message);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  socket.write(Buffer.concat([header, body]));
}

function note({ script }: Pick<Conversation, 'script'>, heard: Heard): void {
  appendFileSync(script.log, `${JSON.stringify(heard)}\n`);
}

type Conversation = { readonly socket: Socket; readonly script: Required<FakeScript> & { readonly log: string }; check: SudoCheck | undefined };

async function allow(conversation: Conversation, how: Extract<Act, { allow: unknown }>['allow']): Promise<void> {
  const { check } = conversation;
  if (check === undefined) throw new Error('there is nothing to allow yet');
  const launch: MessageInitShape<typeof LaunchSchema> = {
    by: Launch_By.DESCRIPTOR, path: check.typedPath, argv: check.argv, environment: [Buffer.from('PATH=/usr/bin:/bin'), Buffer.from('MARK=launch')],
    uid: 0, gid: 0, groups: [0], fileModeMask: 0o22, user: 'root',
  };
  const built = create(LaunchSchema, launch);
  if (how.seal !== undefined) {
    const sealed = await seal(openSync(how.seal, 'r'), 64 * 1024 * 1024, new AbortController().signal);
    if (!sealed.ok) throw new Error(sealed.error);
    Object.assign(built, { by: Launch_By.SEALED, sealedFd: sealed.value.fd });
  }
  if (how.unsealed !== undefined) Object.assign(built, { by: Launch_By.SEALED, sealedFd: openSync(how.unsealed, 'r') });
  if (how.launch !== undefined) Object.assign(built, partOf(how.launch));
  const verdict = create(VerdictSchema, { answer: Verdict_Answer.ALLOW, request: 7n, rule: 'fake/rule', token, validMs: 5000, launch: built, go: how.go ?? false });
  write(conversation.socket, create(ServerFrameSchema, { message: { case: 'verdict', value: verdict } }));
}

/** Only the fields that the test names. */
function partOf(json: JsonValue): object {
  const message = fromJson(LaunchSchema, json) as unknown as Record<string, unknown>;
  return Object.fromEntries(Object.keys(json as object).map((name) => [name, message[name]]));
}

async function perform(conversation: Conversation, acts: readonly Act[]): Promise<void> {
  for (const act of acts) {
    if ('send' in act) write(conversation.socket, fromJson(ServerFrameSchema, act.send));
    else if ('raw' in act) conversation.socket.write(Buffer.from(act.raw, 'hex'));
    else if ('until' in act) await waitFor(() => existsSync(act.until) || conversation.socket.destroyed, { what: act.until, timeoutMs: 170_000 });
    else if ('close' in act) conversation.socket.end();
    else if ('allow' in act) await allow(conversation, act.allow);
  }
}

async function receive(conversation: Conversation, body: Buffer): Promise<void> {
  const frame = fromBinary(ClientFrameSchema, body);
  note(conversation, { event: 'frame', frame: toJson(ClientFrameSchema, frame) as { [kind: string]: JsonValue } });
  if (frame.message.case === 'sudoCheck') conversation.check = frame.message.value;
  const acts = conversation.script[frame.message.case as keyof FakeScript];
  if (acts !== undefined) await perform(conversation, acts);
}

function serve(socket: Socket): void {
  const conversation: Conversation = { socket, script: { ...defaults, ...(JSON.parse(readFileSync(scriptFile, 'utf8')) as FakeScript & { readonly log: string }) }, check: undefined };
  let received: Buffer = Buffer.alloc(0);
  let last = Promise.resolve();
  note(conversation, { event: 'connected' });
  socket.on('data', (data) => {
    received = Buffer.concat([received, data as Buffer]);
    while (received.length >= 4 && received.length >= 4 + received.readUInt32BE(0)) {
      const end = 4 + received.readUInt32BE(0);
      const body = received.subarray(4, end);
      received = received.subarray(end);
      last = last.then(() => receive(conversation, body));
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => note(conversation, { event: 'closed' }));
  last = last.then(() => perform(conversation, conversation.script.hello));
}

if (import.meta.main) {
  mkdirSync('/run/belay', { recursive: true, mode: 0o755 });
  rmSync(socketFile, { force: true });
  createServer(serve).listen(socketFile, () => chmodSync(socketFile, 0o666));
}
