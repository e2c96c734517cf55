import type { ByteString } from '@belay/core/bytes';
import { inertBytes } from './inert.ts';
import type { SudoRequest } from './sudo-request.ts';

const LONGEST_COMMAND = 2000;
const PLAIN = /^[\w/.:=@%+,-]+$/;

/** SECURITY(T-29): arguments are shown one by one and do nothing to a terminal. Cut where it is long. */
export function commandText(argv: readonly ByteString[]): string {
  const text = argv.map((word) => (PLAIN.test(word) ? word : quoted(inertBytes(word, LONGEST_COMMAND)))).join(' ');
  return text.length > LONGEST_COMMAND ? `${text.slice(0, LONGEST_COMMAND)}…` : text;
}

/** Of a scope: a word that would read as two, or as none, is quoted. */
export function patternText(pattern: string): string {
  return /^[^\s'"\\]+$/.test(pattern) ? pattern : quoted(pattern);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** As a shell reads it back to the same bytes, and inert: what does not print is written in bash's `$'…'`. */
export function shellWord(word: ByteString): string {
  if (PLAIN.test(word)) return word;
  if (/^[\x20-\x7e]+$/.test(word)) return quoted(word);
  const escaped = word.replace(/[^\x20-\x7e]|['\\]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `$'${escaped}'`;
}

const LONGEST_LINE = 1500;

/** The line that asks for approval ahead of what this sudo wanted. Undefined: none does, or it is too long to be printed. */
export function askAheadLine(sudo: SudoRequest, reason: string | undefined, isReasonWanted: boolean): string | undefined {
  const { loginShell, preserveEnvironment, preserveNames, directoryWanted, environmentAdded, runAsUser, runAsGroup, argv } = sudo;
  const isPlain = !loginShell && !preserveEnvironment && preserveNames.length === 0 && directoryWanted === undefined && environmentAdded.length === 0;
  const words = [
    'belay', 'request',
    ...(runAsUser === undefined ? [] : ['-u', shellWord(runAsUser)]),
    ...(runAsGroup === undefined ? [] : ['-g', shellWord(runAsGroup)]),
    ...(reason === undefined ? (isReasonWanted ? ['--reason', "'…'"] : []) : ['--reason', shellWord(Buffer.from(reason).toString('latin1') as ByteString)]),
    '--', ...argv.map(shellWord),
  ];
  const line = words.join(' ');
  return isPlain && line.length <= LONGEST_LINE ? line : undefined;
}

/** What somebody is told who may not be kept waiting. */
export function askAheadText(sudo: SudoRequest, reason: string | undefined, isReasonWanted: boolean): string {
  const line = askAheadLine(sudo, reason, isReasonWanted);
  return `somebody has to approve this first, and -n forbids to wait. ${line === undefined ? 'Run it without -n.' : `Ask ahead: ${line}`}`;
}
