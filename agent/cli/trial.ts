import { closeSync, openSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { ClientFrameSchema, SudoCheck_Mode, type SudoCheckSchema } from '@belay/proto/local';
import { SECURE_PATH } from '../src/decide/environment.ts';
import type { Question } from './client.ts';

/** A command that is only asked about: as sudo would put it to belayd. `close` lets go of the file. */
export type Trial = { readonly question: Question; close(): void };

/** Whom it is to run as; left out: as with sudo. */
export type Whom = { readonly user?: string | undefined; readonly group?: string | undefined };

/** It cannot be asked about; a sentence for the person. */
export class Unaskable extends Error {}

/** What belayd takes from people; see local.proto. */
const USER_FRAME = 64 * 1024;

type Check = MessageInitShape<typeof SudoCheckSchema>;

/** USER[:GROUP], either of them left out. */
export function whomIn(as: string | undefined): Whom {
  const [user, group] = as?.split(':') ?? [];
  return { user, group };
}

/**
 * `count`: how many of the last words of our own command line are the command's. They are bytes, which Node's own list is not.
 * `ask`: the question about it.
 */
export function openTrial(count: number, as: Whom, ask: (check: Check) => Question): Trial {
  const argv = nulSeparated('/proc/self/cmdline').slice(-count);
  const typedPath = findCommand(argv[0] ?? '');
  const fd = openCommand(typedPath);
  const question = ask({ ...runAs(as), ...checkOf(argv, typedPath), executableOpen: fd !== undefined, executableFd: fd ?? -1 });
  const close = (): void => {
    if (fd !== undefined) closeSync(fd);
  };
  if (process.getuid?.() !== 0 && toBinary(ClientFrameSchema, create(ClientFrameSchema, { message: question })).length > USER_FRAME) {
    close();
    throw new Unaskable('the command and the environment are too long to be asked about');
  }
  return { question, close };
}

function checkOf(argv: readonly string[], typedPath: string): Check {
  return {
    mode: SudoCheck_Mode.RUN,
    nonInteractive: true,
    argv: argv.map(bytes),
    environment: nulSeparated('/proc/self/environ').map(bytes),
    workingDirectory: bytes(readlinkSync('/proc/self/cwd', 'latin1')),
    typedPath: bytes(typedPath),
    fileModeMask: process.umask(),
    pamAvailable: true,
    records: true,
  };
}

function runAs({ user = '', group = '' }: Whom): Check {
  return {
    ...(user === '' ? {} : { runAsUser: Buffer.from(user), runAsUserGiven: true }),
    ...(group === '' ? {} : { runAsGroup: Buffer.from(group), runAsGroupGiven: true }),
  };
}

/** Absolute, links not resolved: what is named without a folder is looked for where sudo looks. */
function findCommand(typed: string): string {
  if (typed.startsWith('/')) return typed;
  if (typed.includes('/')) return `${readlinkSync('/proc/self/cwd', 'latin1')}/${typed}`;
  return SECURE_PATH.split(':').map((folder) => `${folder}/${typed}`).find(isProgram) ?? typed;
}

function isProgram(path: string): boolean {
  try {
    const stats = statSync(bytes(path));
    return stats.isFile() && (stats.mode & 0o111) !== 0;
  } catch {
    return false;
  }
}

/** Undefined: there is none, as far as this person can see. Belayd takes it from here by its number. */
function openCommand(path: string): number | undefined {
  if (!path.startsWith('/') || !isProgram(path)) return undefined;
  try {
    return openSync(bytes(path), 'r');
  } catch {
    throw new Unaskable('you may run that file but not read it, so it cannot be asked about here: `sudo -l COMMAND` says whether it is allowed');
  }
}

function nulSeparated(file: string): readonly string[] {
  return readFileSync(file, 'latin1').split('\0').slice(0, -1);
}

/** Of a string with a byte in each character. */
function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
