// A program of an attacker's in a world, driven from the test: it speaks to belayd's sockets as whoever it runs as.
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { ClientFrameSchema, type DaemonFrame, DaemonFrameSchema, type ServerFrame, ServerFrameSchema, UplinkFrameSchema } from '@belay/proto/local';
import { readFileSync } from 'node:fs';
import type { WorldProcess } from '../../support/world/channel.ts';
import { waitFor, worldNode } from '../../support/world/place.ts';
import type { Place } from '../../support/world/place.ts';

export const userSocket = '/run/belay/belayd.sock';
export const uplinkSocket = '/run/belay/uplink.sock';

type ClientMessage = NonNullable<MessageInitShape<typeof ClientFrameSchema>['message']>;
type UplinkMessage = NonNullable<MessageInitShape<typeof UplinkFrameSchema>['message']>;
type Report = { readonly is: string; readonly id?: number; readonly hex?: string; readonly why?: string; readonly fd?: number; readonly error?: string; readonly open?: number; readonly refused?: number };

/** One connection. `received` grows; what it says is in the order of arrival. */
export type Line = {
  /** Bytes as they are. */
  readonly send: (bytes: Uint8Array) => void;
  readonly end: () => void;
  readonly destroy: () => void;
  readonly received: () => Buffer;
  readonly isClosed: () => boolean;
  /** The error code of a connection that never was, or broke. */
  readonly why: () => string | undefined;
};

export type Attacker = {
  readonly pid: Promise<number>;
  /** Answers when connected or refused. */
  readonly connect: (path: string) => Promise<Line>;
  readonly openFile: (path: string) => Promise<number>;
  readonly closeFile: (fd: number) => Promise<void>;
  /** Opens `count` connections that stay; counts those which belayd greeted and those it closed. */
  readonly flood: (path: string, count: number) => Promise<{ readonly open: number; readonly refused: number }>;
  readonly releaseFlood: () => Promise<void>;
  readonly kill: () => Promise<void>;
};

const puppetFile = '/opt/attacker/puppet.mjs';

/** `as`: a command that changes who runs what follows it; a user's name stands for setpriv(1) with all of that user's ids. */
export async function startAttacker(place: Place, as: string | readonly string[]): Promise<Attacker> {
  await place.writeFile(puppetFile, readFileSync(new URL('puppet.mjs', import.meta.url), 'utf8'));
  await place.shell('chmod 0755 /opt/attacker');
  const argv = [worldNode, puppetFile];
  const running = typeof as === 'string' ? place.spawnAs(as, argv, { cwd: '/' }) : place.spawn([...as, ...argv]);
  const hearers = new Map<number, (report: Report) => void>();
  await listenTo(running, (report) => hearers.get(report.id ?? 0)?.(report));
  let lastId = 0;
  const order = (what: object): void => running.write(`${JSON.stringify(what)}\n`);
  const ask = (what: object): Promise<Report> => new Promise((resolve) => {
    const id = ++lastId;
    hearers.set(id, resolve);
    order({ ...what, id });
  });
  return {
    pid: running.pid,
    connect: (path) => connectLine(path, ++lastId, order, (id, hearer) => hearers.set(id, hearer)),
    openFile: async (path) => {
      const { fd, error } = await ask({ do: 'file', path });
      if (fd === undefined) throw new Error(`the attacker cannot open ${path}: ${error}`);
      return fd;
    },
    closeFile: async (fd) => void (await ask({ do: 'close-file', fd })),
    flood: async (path, count) => {
      const { open = 0, refused = 0 } = await ask({ do: 'flood', path, count });
      return { open, refused };
    },
    releaseFlood: async () => void (await ask({ do: 'release' })),
    kill: async () => {
      running.signal('SIGKILL');
      await running.ended;
    },
  };
}

/** Resolves when the program is there; hands on what it says from then on. */
function listenTo(running: WorldProcess, hear: (report: Report) => void): Promise<void> {
  const ready = Promise.withResolvers<void>();
  let heard = 0;
  const timer = setInterval(() => {
    const { stdout } = running.output();
    const whole = stdout.slice(heard, stdout.lastIndexOf('\n') + 1);
    heard += whole.length;
    for (const line of whole.split('\n').filter(Boolean)) {
      const report = JSON.parse(line) as Report;
      if (report.is === 'ready') ready.resolve();
      else hear(report);
    }
  }, 5);
  void running.ended.then(({ code }) => {
    clearInterval(timer);
    ready.reject(new Error(`the attacker's program ended (${code}): ${running.output().stderr}`));
  });
  return ready.promise;
}

function connectLine(path: string, id: number, order: (what: object) => void, register: (id: number, hearer: (report: Report) => void) => void): Promise<Line> {
  const chunks: Buffer[] = [];
  let isClosed = false;
  let why: string | undefined;
  return new Promise((resolve) => {
    const line: Line = {
      send: (bytes) => order({ do: 'send', id, hex: Buffer.from(bytes).toString('hex') }),
      end: () => order({ do: 'end', id }),
      destroy: () => order({ do: 'destroy', id }),
      received: () => Buffer.concat(chunks),
      isClosed: () => isClosed,
      why: () => why,
    };
    register(id, (report) => {
      if (report.is === 'data') chunks.push(Buffer.from(report.hex ?? '', 'hex'));
      if (report.is === 'closed') {
        isClosed = true;
        why = report.why;
      }
      resolve(line);
    });
    order({ do: 'open', id, path });
  });
}

export function frameOf(message: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([length, message]);
}

/** The whole frames in what a line has received so far. */
export function framesIn(bytes: Buffer): readonly Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    frames.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return frames;
}

export function clientFrame(message: ClientMessage): Buffer {
  return frameOf(toBinary(ClientFrameSchema, create(ClientFrameSchema, { message })));
}

/** What belayd has said on a line of belayd.sock. */
export function saidTo(line: Line): readonly ServerFrame['message'][] {
  return framesIn(line.received()).map((bytes) => fromBinary(ServerFrameSchema, bytes).message);
}

/** A conversation on belayd.sock: `next` answers what belayd said after what was taken before; undefined: it closed the line. */
export type Conversation = {
  readonly line: Line;
  readonly say: (message: ClientMessage) => void;
  readonly next: () => Promise<ServerFrame['message'] | undefined>;
};

export async function converse(attacker: Attacker, path: string = userSocket): Promise<Conversation> {
  const line = await attacker.connect(path);
  let taken = 0;
  return {
    line,
    say: (message) => line.send(clientFrame(message)),
    next: async () => {
      const { frame } = await waitFor(() => {
        const frame = saidTo(line)[taken];
        return frame !== undefined || line.isClosed() ? { frame } : undefined;
      }, { what: 'belayd to answer' });
      if (frame !== undefined) taken += 1;
      return frame;
    },
  };
}

/** What belayd has said on a line of uplink.sock. */
export function daemonFrames(line: Line): readonly DaemonFrame[] {
  return framesIn(line.received()).map((bytes) => fromBinary(DaemonFrameSchema, bytes));
}

/** As belay-uplink talks; `ask` answers belayd's frame with the same id. */
export type UplinkConversation = {
  readonly line: Line;
  readonly ask: (message: UplinkMessage) => Promise<DaemonFrame['message'] | undefined>;
};

export async function converseAsUplink(attacker: Attacker): Promise<UplinkConversation> {
  const line = await attacker.connect(uplinkSocket);
  let lastId = 0n;
  return {
    line,
    ask: async (message) => {
      const id = ++lastId;
      line.send(frameOf(toBinary(UplinkFrameSchema, create(UplinkFrameSchema, { id, message }))));
      const { answer } = await waitFor(() => {
        const answer = daemonFrames(line).find((frame) => frame.id === id);
        return answer !== undefined || line.isClosed() ? { answer } : undefined;
      }, { what: 'belayd to answer the uplink' });
      return answer?.message;
    },
  };
}

/** As a setuid program such as sudo: the user's real ids, root's effective ones. What the plugin is to belayd. */
export function likeSudo(uid: number): readonly string[] {
  return ['setpriv', `--ruid=${uid}`, '--euid=0', `--rgid=${uid}`, '--egid=0', '--clear-groups', '--'];
}

/** Full length in `npm run soak`. */
export function rounds(usual: number, soak: number): number {
  return process.env.BELAY_SOAK === '1' ? soak : usual;
}
