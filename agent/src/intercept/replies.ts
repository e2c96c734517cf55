import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { CommitAnswer_Answer, ServerFrameSchema, Verdict_Answer } from '@belay/proto/local';
import { VERDICT_MS } from '../decide/elevation.ts';
import type { Step } from '../decide/steps.ts';
import type { Wanted } from '../decide/fulfilment.ts';
import { inert } from '../decide/inert.ts';
import { writeVerdictFrame } from './quick-frames.ts';

export type Reply = NonNullable<MessageInitShape<typeof ServerFrameSchema>['message']>;

const LONGEST_SUGGESTION = 200;

export function encodeReply(message: Reply): Uint8Array {
  const quick = message.case === 'verdict' ? writeVerdictFrame(message.value) : undefined;
  return quick ?? toBinary(ServerFrameSchema, create(ServerFrameSchema, { message }));
}

export function challengeReply(request: number, wanted: Wanted): Reply {
  const least = wanted.reasonMinLength > 1 ? ` (at least ${wanted.reasonMinLength} characters)` : '';
  const choice = wanted.suggestions.length > 0 ? ', or the number of one above' : '';
  return {
    case: 'challenge',
    value: {
      request: BigInt(request),
      reason: wanted.reason,
      reasonPrompt: wanted.reason ? `Belay #${request}: give the reason for this${least}${choice}: ` : '',
      reasonMinLength: wanted.reasonMinLength,
      reauth: wanted.reauth,
      message: inert(wanted.message),
      account: wanted.account,
      suggestions: wanted.suggestions.map((each) => inert(each, LONGEST_SUGGESTION)),
      confirmPrompt: wanted.confirm,
    },
  };
}

export function waitingReply(request: number, { message, leftMs }: Extract<Step, { kind: 'wait' }>): Reply {
  return { case: 'waiting', value: { request: BigInt(request), text: inert(message, 2000), leftMs: BigInt(Math.ceil(leftMs)) } };
}

/** Anything but an allow is a deny. */
export function verdictReply(request: number, step: Exclude<Step, { kind: 'challenge' | 'wait' }>): Reply {
  const common = { request: BigInt(request), rule: step.rule };
  if (step.kind === 'deny') return { case: 'verdict', value: { ...common, answer: Verdict_Answer.DENY, message: step.message } };
  const { token, launch, go } = step;
  const value = { ...common, answer: Verdict_Answer.ALLOW, message: inert(step.message), token, validMs: VERDICT_MS, go };
  return { case: 'verdict', value: launch === undefined ? value : { ...value, launch } };
}

export function commitReply(go: boolean, message: string): Reply {
  return { case: 'commitAnswer', value: { answer: go ? CommitAnswer_Answer.GO : CommitAnswer_Answer.STOP, message: inert(message, 2000) } };
}

export function refusalReply(code: string, message: string): Reply {
  return { case: 'refusal', value: { code, message: inert(message, 2000) } };
}
