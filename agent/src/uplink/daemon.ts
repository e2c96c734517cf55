import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type DaemonFrame, DaemonFrameSchema, type DaemonState, type EnrollTask, UplinkFrameSchema } from '@belay/proto/local';
import { connect, type Socket } from 'node:net';
import { createFrameReader, frame } from './frames.ts';

type Question = NonNullable<MessageInitShape<typeof UplinkFrameSchema>['message']>;
export type Answer = DaemonFrame['message'];
type AnswerValue<C extends string> = Extract<Answer, { case: C }>['value'];

/** A batch of events is at most a few MiB; nothing belayd says is larger. */
const maxFrameBytes = 16 * 1024 * 1024;
const answerTimeoutMs = 30_000;
const protocol = 1;

/** belayd said no. */
export class DaemonRefusal extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export type DaemonEvents = {
  readonly onState: (state: DaemonState) => void;
  readonly onEnrollTask: (task: EnrollTask) => void;
};

/** One connection to belayd. Whatever is asked after it broke rejects. */
export type Daemon = {
  /** Asks and waits; throws DaemonRefusal, or an Error when the connection breaks or belayd does not answer. */
  readonly ask: <C extends Exclude<Answer['case'], undefined | 'refusal'>>(question: Question, wanted: C) => Promise<AnswerValue<C>>;
  readonly tell: (question: Question) => void;
  readonly closed: Promise<void>;
  readonly close: () => void;
};

/** Connects and says hello; `onState` gets the state before the promise resolves. */
export async function connectDaemon(socketPath: string, events: DaemonEvents): Promise<Daemon> {
  const socket = await open(socketPath);
  const daemon = talk(socket, events);
  try {
    events.onState(await daemon.ask({ case: 'hello', value: { protocol } }, 'state'));
  } catch (error) {
    daemon.close();
    throw error;
  }
  return daemon;
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.setTimeout(answerTimeoutMs, () => socket.destroy(new Error('belayd does not accept the connection')));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

type Waiting = { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void };

function talk(socket: Socket, events: DaemonEvents): Daemon {
  const waiting = new Map<bigint, Waiting>();
  const closed = Promise.withResolvers<void>();
  const reader = createFrameReader(maxFrameBytes);
  let lastId = 0n;
  socket.on('error', () => {});
  socket.once('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('the connection to belayd broke'));
    waiting.clear();
    closed.resolve();
  });
  socket.on('data', (chunk: Buffer) => {
    try {
      const messages = reader.push(chunk);
      if (messages === undefined) throw new Error('a frame of belayd is too large');
      for (const bytes of messages) hear(fromBinary(DaemonFrameSchema, bytes));
    } catch (error) {
      socket.destroy(error as Error);
    }
  });
  const hear = ({ id, message }: DaemonFrame): void => {
    if (id === 0n) {
      if (message.case === 'state') events.onState(message.value);
      else if (message.case === 'enrollTask') events.onEnrollTask(message.value);
      return;
    }
    const question = waiting.get(id);
    waiting.delete(id);
    if (message.case === 'refusal') question?.reject(new DaemonRefusal(message.value.code, message.value.message));
    else question?.resolve(message);
  };
  const send = (id: bigint, message: Question): void => {
    socket.write(frame(toBinary(UplinkFrameSchema, create(UplinkFrameSchema, { id, message }))));
  };
  const ask: Daemon['ask'] = async (question, wanted) => {
    if (socket.destroyed) throw new Error('the connection to belayd broke');
    const id = ++lastId;
    const answered = Promise.withResolvers<Answer>();
    waiting.set(id, answered);
    const timer = setTimeout(() => {
      waiting.delete(id);
      answered.reject(new Error(`belayd did not answer ${question.case ?? ''} within ${answerTimeoutMs} ms`));
    }, answerTimeoutMs);
    try {
      send(id, question);
      const answer = await answered.promise;
      if (answer.case !== wanted) throw new Error(`belayd answered ${question.case ?? ''} with ${answer.case ?? 'nothing'}`);
      return answer.value as AnswerValue<typeof wanted>;
    } finally {
      clearTimeout(timer);
    }
  };
  return { ask, tell: (question) => { ask(question, 'done').catch(() => {}); }, closed: closed.promise, close: () => socket.destroy() };
}
