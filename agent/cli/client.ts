import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { ClientFrameSchema, type ServerFrame, ServerFrameSchema } from '@belay/proto/local';
import { connect, type Socket } from 'node:net';
import { createFrameReader, frame } from '../src/uplink/frames.ts';

export type Question = NonNullable<MessageInitShape<typeof ClientFrameSchema>['message']>;
export type Answer = ServerFrame['message'];

/** belayd is not there, does not answer, or broke off. */
export class Unreachable extends Error {}

const maxFrameBytes = 4 * 1024 * 1024;

/**
 * Asks belayd one thing and hands each answer to `onAnswer` until that says it was the last. belayd speaks first; what it says
 * of itself in its hello is not needed here.
 */
export async function askDaemon(socketPath: string, question: Question, options: { /** Undefined: until it closes. */ readonly timeoutMs: number | undefined; readonly onAnswer: (answer: Answer) => 'more' | 'last' }): Promise<void> {
  const socket = connect(socketPath);
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(() => socket.destroy(new Error('it does not answer')), options.timeoutMs);
  try {
    await converse(socket, question, options.onAnswer);
  } catch (error) {
    throw new Unreachable(`${socketPath}: ${(error as Error).message}`, { cause: error });
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

async function converse(socket: Socket, question: Question, onAnswer: (answer: Answer) => 'more' | 'last'): Promise<void> {
  const reader = createFrameReader(maxFrameBytes);
  for await (const chunk of socket) {
    const messages = reader.push(chunk as Buffer);
    if (messages === undefined) throw new Error('it sent a frame that is too large');
    for (const bytes of messages) {
      const { message } = fromBinary(ServerFrameSchema, bytes);
      if (message.case === 'hello') socket.write(frame(toBinary(ClientFrameSchema, create(ClientFrameSchema, { message: question }))));
      else if (onAnswer(message) === 'last') return;
    }
  }
  throw new Error('it closed the connection');
}

/** Asks one thing that has one answer. */
export async function askOnce(socketPath: string, question: Question, timeoutMs: number): Promise<Answer> {
  let given: Answer = { case: undefined };
  await askDaemon(socketPath, question, {
    timeoutMs,
    onAnswer: (answer) => {
      given = answer;
      return 'last';
    },
  });
  return given;
}
