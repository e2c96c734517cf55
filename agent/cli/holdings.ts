import { type GrantsAnswer, type HeldGrant, type RequestAnswer, RequestAnswer_State } from '@belay/proto/local';
import { ageOf, inert } from './text.ts';

const states = {
  [RequestAnswer_State.UNSPECIFIED]: 'pending', [RequestAnswer_State.PENDING]: 'pending', [RequestAnswer_State.APPROVED]: 'approved', [RequestAnswer_State.DENIED]: 'denied',
  [RequestAnswer_State.CANCELLED]: 'cancelled', [RequestAnswer_State.EXPIRED]: 'expired',
} as const;

export function stateOf(answer: RequestAnswer): (typeof states)[RequestAnswer_State] {
  return states[answer.state];
}

/** Times in Unix milliseconds. */
export function requestJson(answer: RequestAnswer): object {
  const { request, command, text, by, grant, filedMs, expiresMs, uid, user, delivered, waiting, alsoOn } = answer;
  const state = stateOf(answer);
  return {
    request: Number(request), state, command, uid, user: user || null, approvers: state === 'pending' ? text || null : null, words: state === 'pending' ? null : text || null, by, grant: grant || null,
    filedMs: Number(filedMs), expiresMs: Number(expiresMs), delivered, waiting, alsoOn,
  };
}

/** `request` null: asked on another device. `usesLeft` null: as often as one likes. `leftMs` null: not known until the server's time is. */
export function grantJson({ grant, command, uid, user, leftMs, usesLeft, by, message, suspended, running, request, emergency }: HeldGrant): object {
  return {
    grant, request: request === 0n ? null : Number(request), command, uid: uid ?? null, user: user || null, leftMs: suspended ? null : Number(leftMs), usesLeft: usesLeft === 0 ? null : usesLeft, by, words: message || null, suspended, running, emergency,
  };
}

/** Empty: there is nothing. `showsUsers`: root sees whose they are. */
export function holdingsText({ requests, grants }: GrantsAnswer, nowMs: number, showsUsers: boolean): string {
  const of = (user: string, uid: number | undefined): string => (showsUsers ? ` of ${user === '' ? `uid ${uid}` : user}` : '');
  const asked = requests.map((each) => `  #${each.request}${of(each.user, each.uid)}  ${each.command}\n${[...alsoOnText(each), requestLine(each, nowMs)].map((line) => `      ${line}\n`).join('')}`);
  const held = grants.map((each) => `  ${each.grant}${of(each.user, each.uid)}  ${each.command}\n      ${grantLine(each)}\n`);
  const parts = [asked.length === 0 ? '' : `\nRequests for approval:\n${asked.join('')}`, held.length === 0 ? '' : `\nApprovals held (give one back: belay end ID):\n${held.join('')}`];
  return parts.join('').split('\n').map((line) => inert(line)).join('\n');
}

/** A line; none: it is for this device alone. */
export function alsoOnText({ alsoOn }: RequestAnswer): readonly string[] {
  return alsoOn.length === 0 ? [] : [`asked for on ${alsoOn.join(', ')} too`];
}

export function requestLine(answer: RequestAnswer, nowMs: number): string {
  const by = answer.by.length === 0 ? '' : ` by ${answer.by.join(', ')}`;
  const words = answer.text === '' ? '' : `: ${answer.text}`;
  const state = stateOf(answer);
  if (state === 'pending') {
    const who = answer.text === '' ? (answer.delivered ? 'the server has it' : 'the server does not have it yet') : `who can approve: ${answer.text}`;
    return `waits for approval, ${ageOf(Number(answer.expiresMs) - nowMs)} left${answer.waiting ? ', a sudo waits for it' : ''}; ${who}`;
  }
  if (state === 'expired') return 'nobody approved it in time';
  return `${state}${by}${words}`;
}

function grantLine({ leftMs, usesLeft, by, message, suspended, running, request, emergency }: HeldGrant): string {
  return [
    suspended ? 'suspended since the restart, until the server has told the time' : `${ageOf(Number(leftMs))} left`,
    usesLeft === 0 ? 'as often as you like' : usesLeft === 1 ? 'once' : `${usesLeft} times`,
    ...(running === 0 ? [] : [`${running} running`]),
    ...(by.length === 0 ? [] : [`approved by ${by.join(', ')}${message === '' ? '' : `: ${message}`}`]),
    ...(request === 0n ? ['asked on another device'] : []),
    ...(emergency ? ['an emergency: somebody looks at it afterwards'] : []),
  ].join(', ');
}
