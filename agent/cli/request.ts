import type { RequestAnswer } from '@belay/proto/local';
import { askDaemon, askOnce } from './client.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { alsoOnText, requestJson, requestLine, stateOf } from './holdings.ts';
import { inert, spanMs } from './text.ts';
import { openTrial, Unaskable } from './trial.ts';

const timeoutMs = 10_000;

export type RequestOptions = {
  readonly socket: string;
  readonly json: boolean;
  readonly isCommand: boolean;
  readonly user?: string;
  readonly group?: string;
  readonly reason?: string;
  readonly for?: string;
  readonly uses?: string;
  readonly anyArguments?: true | readonly string[];
  readonly alsoOn?: readonly string[];
  readonly wait: boolean;
  readonly cancel?: string;
};

/** `belay request`: asks for approval ahead, or takes that back. */
export async function request(words: readonly string[], options: RequestOptions): Promise<ExitCode> {
  const fault = misuse(words, options);
  if (fault !== undefined) return complain(fault, exitCodes.usage);
  if (options.cancel !== undefined) return await cancel(options.cancel, options);
  try {
    return await file(words.length, options);
  } catch (error) {
    if (!(error instanceof Unaskable)) throw error;
    return complain(error.message, exitCodes.failed);
  }
}

function misuse(words: readonly string[], options: RequestOptions): string | undefined {
  if (options.cancel !== undefined) {
    if (words.length > 0 || options.isCommand) return '--cancel stands alone: belay request --cancel 217';
    return /^#?[0-9]{1,18}$/.test(options.cancel) ? undefined : '--cancel takes the number of a request: belay request --cancel 217';
  }
  if (!options.isCommand || words.length === 0) return 'a command goes after `--`: belay request --reason "monthly patches" --for 30m -- apt-get upgrade';
  if (options.for !== undefined && spanMs(options.for) === undefined) return `--for takes a time, such as 30m or 2h, not "${inert(options.for)}"`;
  if (options.uses !== undefined && !/^[1-9][0-9]{0,3}$/.test(options.uses)) return `--uses takes a number from 1 to 9999, not "${inert(options.uses)}"`;
  return undefined;
}

function complain(text: string, code: ExitCode): ExitCode {
  process.stderr.write(`belay: ${inert(text)}\n`);
  return code;
}

async function file(count: number, options: RequestOptions): Promise<ExitCode> {
  const patterns = options.anyArguments === undefined || options.anyArguments === true ? [] : options.anyArguments;
  const trial = openTrial(count, { user: options.user, group: options.group }, (what) => ({
    case: 'fileRequest',
    value: {
      what, reason: Buffer.from(options.reason ?? ''), forMs: BigInt(options.for === undefined ? 0 : (spanMs(options.for) ?? 0)), uses: Number(options.uses ?? 1),
      anyArguments: options.anyArguments !== undefined, argumentPatterns: options.anyArguments === true ? ['**'] : [...patterns], alsoOn: [...(options.alsoOn ?? [])],
    },
  }));
  try {
    const answer = await askOnce(options.socket, trial.question, timeoutMs);
    if (answer.case !== 'requestAnswer') return complain(answer.case === 'refusal' ? answer.value.message : 'belayd gave no answer', exitCodes.failed);
    return options.wait ? await follow(answer.value, options) : told(answer.value, options);
  } finally {
    trial.close();
  }
}

function told(answer: RequestAnswer, { json }: RequestOptions): ExitCode {
  if (json) process.stdout.write(`${JSON.stringify(requestJson(answer), null, 2)}\n`);
  else {
    const about = [...alsoOnText(answer), requestLine(answer, Date.now())].map((line) => `  ${inert(line)}\n`).join('');
    process.stdout.write(`Request ${answer.request}: ${inert(answer.command)}\n${about}Follow it: belay status --watch. Take it back: belay request --cancel ${answer.request}\n`);
  }
  return exitCodes.done;
}

const ends: Readonly<Record<string, ExitCode>> = { approved: exitCodes.done, denied: exitCodes.denied, expired: exitCodes.expired, cancelled: exitCodes.cancelled };

/** Until it is answered. What is new is said once; with --json the answer alone, at the end. */
async function follow(filed: RequestAnswer, { socket, json }: RequestOptions): Promise<ExitCode> {
  let last = filed;
  let said = '';
  const say = (answer: RequestAnswer): void => {
    const mark = JSON.stringify([stateOf(answer), answer.text, answer.by, answer.delivered]);
    if (!json && mark !== said) process.stdout.write(`Request ${answer.request}: ${inert(requestLine(answer, Date.now()))}\n`);
    said = mark;
  };
  if (!json) for (const line of alsoOnText(filed)) process.stdout.write(`Request ${filed.request}: ${inert(line)}\n`);
  say(filed);
  await askDaemon(socket, { case: 'watch', value: {} }, {
    timeoutMs: undefined,
    onAnswer: (answer) => {
      if (answer.case !== 'grants') return 'last';
      const now = answer.value.requests.find((each) => each.request === filed.request);
      if (now === undefined) return 'more';
      last = now;
      say(now);
      return stateOf(now) === 'pending' ? 'more' : 'last';
    },
  });
  if (json) process.stdout.write(`${JSON.stringify(requestJson(last), null, 2)}\n`);
  return ends[stateOf(last)] ?? exitCodes.failed;
}

async function cancel(number: string, { socket, json }: RequestOptions): Promise<ExitCode> {
  const answer = await askOnce(socket, { case: 'cancelRequest', value: { request: BigInt(number.replace('#', '')) } }, timeoutMs);
  if (answer.case === 'done') {
    if (json) process.stdout.write(`${JSON.stringify({ request: Number(number.replace('#', '')), state: 'cancelled' }, null, 2)}\n`);
    else process.stdout.write(`Request ${number.replace('#', '')} is cancelled.\n`);
    return exitCodes.done;
  }
  const refusal = answer.case === 'refusal' ? answer.value : { code: '', message: 'belayd gave no answer' };
  return complain(refusal.message, refusal.code === 'BELAY_E_NOT_PERMITTED' ? exitCodes.noSuchRequest : exitCodes.failed);
}

export type EndOptions = { readonly socket: string; readonly json: boolean; readonly all: boolean };

/** `belay end`: gives an approval back before it is over. What runs under it goes on. */
export async function end(grant: string | undefined, { socket, json, all }: EndOptions): Promise<ExitCode> {
  if ((grant === undefined) !== all) return complain('belay end takes the id of one approval (belay status shows them), or --all', exitCodes.usage);
  const answer = await askOnce(socket, { case: 'endGrant', value: { grant: grant ?? '', all } }, timeoutMs);
  if (answer.case === 'done') {
    process.stdout.write(json ? `${JSON.stringify({ ended: all ? 'all' : grant }, null, 2)}\n` : 'Given back.\n');
    return exitCodes.done;
  }
  const refusal = answer.case === 'refusal' ? answer.value : { code: '', message: 'belayd gave no answer' };
  return complain(refusal.message, refusal.code === 'BELAY_E_NOT_PERMITTED' ? exitCodes.noSuchRequest : exitCodes.failed);
}
