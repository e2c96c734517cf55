import type { ByteString } from '@belay/core/bytes';
import { err, ok, type Result } from '@belay/core/result';
import { type SudoCheck, SudoCheck_Mode } from '@belay/proto/local';

export type SudoMode = 'run' | 'list' | 'list-command' | 'validate';

/** What was typed, as bytes. All of it is the caller's word; who the caller is, is not in here. */
export type SudoRequest = {
  readonly mode: SudoMode;
  readonly runAsUser: ByteString | undefined;
  readonly runAsGroup: ByteString | undefined;
  readonly loginShell: boolean;
  readonly preserveEnvironment: boolean;
  readonly preserveNames: readonly ByteString[];
  readonly nonInteractive: boolean;
  readonly directoryWanted: ByteString | undefined;
  readonly argv: readonly ByteString[];
  readonly environment: readonly ByteString[];
  readonly environmentAdded: readonly ByteString[];
  readonly typedPath: ByteString;
  /** Descriptor number in the calling process; undefined: there is no such command. */
  readonly executableFd: number | undefined;
  readonly listUser: ByteString | undefined;
  readonly fileModeMask: number;
  readonly listLong: boolean;
  readonly ignoreCachedReauth: boolean;
  readonly pamAvailable: boolean;
  /** Without PAM nothing comes between the yes and the start. */
  readonly startsAtOnce: boolean;
  /** The front end can record a session. */
  readonly records: boolean;
};

const MODES: Readonly<Record<number, SudoMode>> = {
  [SudoCheck_Mode.RUN]: 'run',
  [SudoCheck_Mode.LIST]: 'list',
  [SudoCheck_Mode.LIST_COMMAND]: 'list-command',
  [SudoCheck_Mode.VALIDATE]: 'validate',
};

/** The kernel's own limits for one exec: what is larger could not run. */
const MAX_ARGUMENTS = 200_000;
const MAX_ONE = 131_072;
const MAX_VARIABLES = 10_000;
const MAX_NAME = 256;
const MAX_PATH = 4095;

/** Errors: a sentence for the requester. Nothing is cut, guessed or dropped: a request is understood whole or refused. */
export function readSudoCheck(check: SudoCheck): Result<SudoRequest, string> {
  const mode = MODES[check.mode];
  if (mode === undefined) return err('the request has no known mode');
  // SECURITY(T-02): bounded before anything is built from it.
  if (check.argv.length > MAX_ARGUMENTS || check.environment.length > MAX_VARIABLES || check.environmentAdded.length > MAX_VARIABLES) {
    return err('the request has too many arguments or variables');
  }
  const request = convert(check, mode);
  if (hasNul(request)) return err('the request has a NUL byte where none can be');
  if ([...request.argv, ...request.environment].some((text) => text.length >= MAX_ONE)) return err('an argument or variable is larger than the system runs');
  if (request.typedPath.length > MAX_PATH) return err('the path is too long');
  if ([request.runAsUser, request.runAsGroup, request.listUser].some((name) => (name?.length ?? 0) > MAX_NAME)) return err('a name is too long');
  if (mode === 'run' && request.argv.length === 0) return err('the request names no command');
  return ok(request);
}

function convert(check: SudoCheck, mode: SudoMode): SudoRequest {
  return {
    mode,
    runAsUser: check.runAsUserGiven ? text(check.runAsUser) : undefined,
    runAsGroup: check.runAsGroupGiven ? text(check.runAsGroup) : undefined,
    loginShell: check.loginShell,
    preserveEnvironment: check.preserveEnvironment,
    preserveNames: check.preserveEnvironmentNames.map(text),
    nonInteractive: check.nonInteractive,
    directoryWanted: check.workingDirectoryWantedGiven ? text(check.workingDirectoryWanted) : undefined,
    argv: check.argv.map(text),
    environment: check.environment.map(text),
    environmentAdded: check.environmentAdded.map(text),
    typedPath: text(check.typedPath),
    executableFd: check.executableOpen ? check.executableFd : undefined,
    listUser: check.listUserGiven ? text(check.listUser) : undefined,
    fileModeMask: check.fileModeMask & 0o777,
    listLong: check.listLong,
    ignoreCachedReauth: check.ignoreCachedReauth,
    pamAvailable: check.pamAvailable,
    startsAtOnce: check.startsAtOnce,
    records: check.records,
  };
}

function text(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') as ByteString;
}

function hasNul(request: SudoRequest): boolean {
  const single = [request.runAsUser ?? '', request.runAsGroup ?? '', request.directoryWanted ?? '', request.typedPath, request.listUser ?? ''];
  return [single, request.argv, request.environment, request.environmentAdded, request.preserveNames].some((list) => list.some((item) => item.includes('\0')));
}
