import { type WhyAnswer, WhyAnswer_Decision } from '@belay/proto/local';
import { askOnce, type Question } from './client.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { explanationJson, explanationText } from './explanation.ts';
import { ageOf, fieldLines, inert, showsUnicode, versionJson, versionText } from './text.ts';
import { openTrial, Unaskable, whomIn } from './trial.ts';

const timeoutMs = 10_000;

/** `isCommand`: the words came after `--`. */
export type WhyOptions = { readonly socket: string; readonly json: boolean; readonly isCommand: boolean; readonly as?: string; readonly user?: string };

export async function why(words: readonly string[], options: WhyOptions): Promise<ExitCode> {
  const fault = misuse(words, options);
  if (fault !== undefined) {
    process.stderr.write(`belay: ${fault}\n`);
    return exitCodes.usage;
  }
  if (!options.isCommand) return await ask(questionOf(words, options.user ?? ''), options);
  try {
    const trial = openTrial(words.length, whomIn(options.as), (check) => ({ case: 'why', value: { about: { case: 'trial', value: check }, user: options.user ?? '' } }));
    try {
      return await ask(trial.question, options);
    } finally {
      trial.close();
    }
  } catch (error) {
    if (!(error instanceof Unaskable)) throw error;
    process.stderr.write(`belay: ${error.message}\n`);
    return exitCodes.failed;
  }
}

function misuse(words: readonly string[], { isCommand, as }: WhyOptions): string | undefined {
  if (isCommand) return words.length === 0 ? 'a command goes after `--`: belay why -- apt-get update' : undefined;
  if (as !== undefined) return '--as goes with a command: belay why --as postgres -- psql';
  if (words.length > 1 || (words[0] !== undefined && !/^#?[0-9]{1,18}$/.test(words[0]))) {
    return `belay why takes the number of a request. To ask about a command: belay why -- ${inert(words.join(' '))}`;
  }
  return undefined;
}

function questionOf([word]: readonly string[], user: string): Question {
  const about = word === undefined ? ({ case: 'last', value: true } as const) : ({ case: 'request', value: BigInt(word.replace('#', '')) } as const);
  return { case: 'why', value: { about, user } };
}

async function ask(question: Question, { socket, json, isCommand }: WhyOptions): Promise<ExitCode> {
  const answer = await askOnce(socket, question, timeoutMs);
  if (answer.case !== 'why') {
    const refusal = answer.case === 'refusal' ? answer.value : { code: '', message: 'belayd gave no answer' };
    process.stderr.write(`belay: ${inert(refusal.message)}\n`);
    return refusal.code === 'BELAY_E_NOT_PERMITTED' && !isCommand ? exitCodes.noSuchRequest : exitCodes.failed;
  }
  process.stdout.write(json ? `${JSON.stringify(whyJson(answer.value), null, 2)}\n` : whyText(answer.value, Date.now(), showsUnicode(process.env)));
  return isCommand && answer.value.decision === WhyAnswer_Decision.DENY ? exitCodes.wouldBeRefused : exitCodes.done;
}

const decisions = { [WhyAnswer_Decision.UNSPECIFIED]: 'deny', [WhyAnswer_Decision.ALLOW]: 'allow', [WhyAnswer_Decision.ASK]: 'ask', [WhyAnswer_Decision.DENY]: 'deny' } as const;

/** Null where there is nothing; times in Unix milliseconds. `explanation`: root alone has one. */
export function whyJson(answer: WhyAnswer): object {
  return {
    request: answer.request === 0n ? null : Number(answer.request),
    atMs: Number(answer.atMs),
    uid: answer.uid,
    user: answer.user || null,
    command: answer.command,
    decision: decisions[answer.decision],
    reason: answer.reason || null,
    text: answer.text || null,
    rules: answer.rules,
    message: answer.message || null,
    demands: answer.demands,
    outsideRules: answer.outsideRules,
    policy: versionJson(answer.policy),
    policyNow: versionJson(answer.policyNow),
    ...(answer.explanation === undefined ? {} : { explanation: explanationJson(answer.explanation) }),
  };
}

export function whyText(answer: WhyAnswer, nowMs: number, isUnicode: boolean): string {
  const isTold = answer.text.includes(answer.message);
  const fields: (readonly [string, string])[] = [
    ['Command', answer.command],
    ...(answer.text === '' ? [] : [['Because', answer.text] as const]),
    ...answer.rules.map((rule) => ['Rule', rule] as const),
    ...(answer.message === '' || isTold ? [] : [['Message', answer.message] as const]),
    ...answer.demands.map((demand) => ['Asks for', demand] as const),
    ...(answer.outsideRules ? [['Rules', 'none apply: root may run anything, and it is recorded'] as const] : []),
    ['Policy', policyText(answer, nowMs)],
  ];
  return `${inert(headline(answer, nowMs))}\n\n${fieldLines(fields)}${answer.explanation === undefined ? '' : explanationText(answer.explanation, isUnicode)}`;
}

function headline({ request, decision, user, uid, atMs }: WhyAnswer, nowMs: number): string {
  const who = user === '' ? `uid ${uid}` : user;
  if (request === 0n) return `Now, for ${who}: ${{ allow: 'it would be allowed', ask: 'it would be allowed, once what is asked for is given', deny: 'it would be refused' }[decisions[decision]]}.`;
  return `Request ${request} of ${who}: ${decisions[decision] === 'deny' ? 'refused' : 'allowed'} ${ageOf(nowMs - Number(atMs))} ago.`;
}

function policyText({ policy, policyNow }: WhyAnswer, nowMs: number): string {
  const then = policy === undefined ? undefined : versionText(policy, nowMs);
  if (policyNow === undefined) return then ?? 'none was in force';
  return then === undefined ? `none was in force; now it is ${versionText(policyNow, nowMs)}` : `${then}; policy has changed since: now number ${policyNow.number}, issued ${ageOf(nowMs - Number(policyNow.issuedMs))} ago`;
}
