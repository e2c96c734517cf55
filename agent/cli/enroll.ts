import type { ErrorCode } from '@belay/core/codes';
import { parseToken } from '@belay/core/evidence';
import { sha256 } from '@belay/core/node-crypto';
import { readFileSync } from 'node:fs';
import { askDaemon, type Question } from './client.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { inert } from './text.ts';

const timeoutMs = 120_000;

export type EnrollOptions = { readonly socket: string; readonly replace: boolean; readonly tokenFile?: string };

const byCode: Partial<Record<ErrorCode, ExitCode>> = {
  BELAY_E_TOKEN: exitCodes.tokenRefused,
  BELAY_E_WRONG_SERVER: exitCodes.tokenRefused,
  BELAY_E_SERVER_UNREACHABLE: exitCodes.serverUnreachable,
};

/** `token`: as typed; "-" or none: from stdin, so that it shows in no list of processes. */
export async function enroll(token: string | undefined, options: EnrollOptions): Promise<ExitCode> {
  if (!isRoot('enrol this device')) return exitCodes.needsRoot;
  const text = options.tokenFile !== undefined ? readFileSync(options.tokenFile, 'utf8') : token === undefined || token === '-' ? await readInput() : token;
  const parsed = parseToken(text, sha256);
  if (!parsed.ok) {
    process.stderr.write(`belay: ${parsed.error.message}\n`);
    return exitCodes.tokenRefused;
  }
  return await carryOut({ case: 'enroll', value: { token: text.trim(), replace: options.replace } }, options.socket);
}

export async function unenroll(options: { readonly socket: string }): Promise<ExitCode> {
  if (!isRoot('take this device out of its fleet')) return exitCodes.needsRoot;
  return await carryOut({ case: 'unenroll', value: {} }, options.socket);
}

function isRoot(act: string): boolean {
  if (process.getuid?.() === 0) return true;
  process.stderr.write(`belay: only root may ${act}: run this as root\n`);
  return false;
}

async function readInput(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('Enrolment token: ');
  let text = '';
  for await (const chunk of process.stdin) {
    text += String(chunk);
    // A person ends with Enter, not with the end of input.
    if (text.includes('\n') || text.length > 8192) break;
  }
  return text;
}

async function carryOut(question: Question, socket: string): Promise<ExitCode> {
  let code: ExitCode = exitCodes.failed;
  await askDaemon(socket, question, {
    timeoutMs,
    onAnswer: (answer) => {
      if (answer.case === 'enroll') {
        if (answer.value.text !== '') process.stdout.write(`${inert(answer.value.text)}\n`);
        if (!answer.value.done) return 'more';
        code = exitCodes.done;
      } else if (answer.case === 'done') {
        process.stdout.write('This device has left its fleet. Nobody but root can elevate here until it is enrolled again.\n');
        code = exitCodes.done;
      } else if (answer.case === 'refusal') {
        process.stderr.write(`belay: ${inert(answer.value.message)} (${inert(answer.value.code)})\n`);
        code = byCode[answer.value.code as ErrorCode] ?? exitCodes.failed;
      }
      return 'last';
    },
  });
  return code;
}
