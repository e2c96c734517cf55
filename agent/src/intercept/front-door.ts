import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ClientFrameSchema, HelloSchema, ServerFrameSchema } from '@belay/proto/local';
import type { ClientFrame } from '@belay/proto/local';
import type { Peer } from '../platform/platform.ts';
import { administration, type AdministrationDeps, isAdministration } from './administration.ts';
import { createConnectionLimits, createUserRateLimit } from './limits.ts';
import type { Connection, Door, Handler } from './local-server.ts';
import { createErrands, type ErrandDeps, type Errands, isErrand } from './errands.ts';
import { createQuestions, isQuestion, type QuestionDeps, type Questions } from './questions.ts';
import { readSudoCheckFrame } from './quick-frames.ts';
import { encodeReply, refusalReply, type Reply } from './replies.ts';
import { type SudoDeps, SudoFrontEnd } from './sudo.ts';

export type FrontDoorDeps = { readonly sudo: SudoDeps & QuestionDeps & ErrandDeps; readonly administration: AdministrationDeps; readonly version: string; monotonicMs(): number };

const PROTOCOL = 1;
const HELPER_FRAME = 4 * 1024 * 1024;
const USER_FRAME = 64 * 1024;
const LIMITS = { all: 4096, perUser: 256 };
/** A person and his scripts need far less; a flood of frames gets slow answers from nobody else's share. */
const RATE = { perSecond: 1000, burst: 2000 };

/** /run/belay/belayd.sock: helpers (effective uid 0) and everybody. */
export function frontDoor(path: string, deps: FrontDoorDeps): Door {
  const rate = createUserRateLimit(RATE, deps.monotonicMs);
  const questions = createQuestions(deps.sudo, deps.monotonicMs);
  const errands = createErrands(deps.sudo, deps.monotonicMs);
  const greet = createGreeting(deps.version, () => usesPam(deps.sudo.settings()));
  return {
    path,
    mode: 0o666,
    group: 0,
    limits: createConnectionLimits(LIMITS),
    maxFrame: (peer) => (isHelper(peer) ? HELPER_FRAME : USER_FRAME),
    open: (connection) => openFront(connection, deps, { rate, questions, errands, greet }),
  };
}

// SECURITY(T-09): the level is the kernel's word about the peer at connect, and nothing in a frame.
function isHelper(peer: Peer): boolean {
  return peer.actor.effectiveUid === 0;
}

function openFront(connection: Connection, deps: FrontDoorDeps, { rate, questions, errands, greet }: { rate: ReturnType<typeof createUserRateLimit>; questions: Questions; errands: Errands; greet: (realUid: number) => Uint8Array }): Handler {
  const { peer } = connection;
  const send = (reply: Reply) => connection.send(encodeReply(reply));
  const sudo = isHelper(peer) ? new SudoFrontEnd(peer, deps.sudo, send) : undefined;
  const leave: (() => void)[] = [];
  const refuse = (code: string, message: string) => {
    connection.send(encodeReply(refusalReply(code, message)));
    connection.end();
  };
  connection.send(greet(peer.actor.realUid));
  // Every event names it: read while the plugin takes the greeting in.
  if (sudo !== undefined) void peer.actor.loginSession.terminal;
  return {
    message(bytes) {
      if (!rate.take(peer.actor.realUid)) return refuse('BELAY_E_RATE_LIMITED', 'Too many requests; wait and try again.');
      const message = decode(bytes);
      if (message === undefined) return refuse('BELAY_E_BAD_REQUEST', 'The request cannot be understood.');
      if (isQuestion(message)) return questions.answer(message, peer).then((reply) => connection.send(encodeReply(reply)));
      if (isErrand(message)) return errands.run(message, { peer, send, whenClosed: (act) => leave.push(act) });
      if (sudo === undefined && message.case !== 'status') return refuse('BELAY_E_NOT_PERMITTED', 'Not allowed.');
      if (isAdministration(message)) return administration(message, connection, deps.administration);
      if (sudo === undefined) return undefined;
      const reply = sudo.handle(message);
      if (reply instanceof Promise) return reply.then((late) => connection.send(encodeReply(late)));
      return reply === undefined ? undefined : connection.send(encodeReply(reply));
    },
    closed() {
      for (const act of leave.splice(0)) act();
      sudo?.closed();
    },
  };
}

function decode(bytes: Buffer): ClientFrame['message'] | undefined {
  try {
    const check = readSudoCheckFrame(bytes);
    if (check !== undefined) return { case: 'sudoCheck', value: check };
    const { message } = fromBinary(ClientFrameSchema, bytes);
    return message.case === undefined ? undefined : message;
  } catch {
    return undefined;
  }
}

export function usesPam({ pamAccount, pamSession }: ReturnType<SudoDeps['settings']>): boolean {
  return pamAccount || pamSession;
}

const GREETED = 1000;

/** The same person is greeted the same: everybody waits for this first. */
function createGreeting(agentVersion: string, pam: () => boolean): (realUid: number) => Uint8Array {
  const greetings = new Map<number, Uint8Array>();
  let greetedPam = pam();
  return (realUid) => {
    if (pam() !== greetedPam) {
      greetings.clear();
      greetedPam = !greetedPam;
    }
    const known = greetings.get(realUid);
    if (known !== undefined) return known;
    const value = create(HelloSchema, { protocol: PROTOCOL, agentVersion, realUid, pam: greetedPam });
    const greeting = toBinary(ServerFrameSchema, create(ServerFrameSchema, { message: { case: 'hello', value } }));
    if (greetings.size >= GREETED) greetings.clear();
    greetings.set(realUid, greeting);
    return greeting;
  };
}
