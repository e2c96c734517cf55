import { bytesOf, type ByteString } from '@belay/core/bytes';
import type { Obligations } from '@belay/core/policy';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Launch_By, type LaunchSchema, type RecordingSchema } from '@belay/proto/local';
import type { Gathered } from '../decide/gather.ts';
import type { SealedCopy } from '../platform/platform.ts';

export type LaunchChoice = {
  readonly gathered: Gathered;
  /** Undefined for uid 0, outside the rules. */
  readonly obligations: Obligations | undefined;
  readonly sealed: SealedCopy | undefined;
  /** The bytes behind the descriptor were hashed where they are, as only root can change them. */
  readonly hashed: boolean;
  readonly loginShell: boolean;
  readonly fileModeMask: number;
  readonly pamAccount: boolean;
  readonly pamSession: boolean;
  readonly recording: MessageInitShape<typeof RecordingSchema> | undefined;
};

export type LaunchPlan = MessageInitShape<typeof LaunchSchema> & { readonly by: Launch_By; readonly pamAccount: boolean; readonly pamSession: boolean };

/** umask(2): never less strict than the system's usual one. */
const LEAST_MASK = 0o022;

/**
 * How it is started. Pinned bytes run from the sealed copy in which they were hashed, or by the descriptor where only root can change
 * them and nothing reads them later; a script runs by its path, which is root's all the way (the engine lets no other through);
 * everything else by the descriptor that was decided on.
 */
export function planLaunch(choice: LaunchChoice): LaunchPlan {
  const { gathered, obligations } = choice;
  const { executable, runAs } = gathered.request;
  const by = howToRun(choice);
  return {
    by,
    path: bytesOf(executable.resolved),
    sealedFd: by === Launch_By.SEALED ? (choice.sealed as SealedCopy).fd : 0,
    argv: [argv0(choice, obligations), ...gathered.request.args].map(bytesOf),
    environment: gathered.request.env.map(bytesOf),
    uid: runAs.uid,
    gid: runAs.gid,
    groups: [...runAs.groups],
    workingDirectory: bytesOf((gathered.directory ?? '') as ByteString),
    fileModeMask: choice.fileModeMask | LEAST_MASK | (obligations?.umask ?? 0),
    user: gathered.account.name,
    pamSession: choice.pamSession,
    pamAccount: choice.pamAccount,
    ...(choice.recording === undefined ? {} : { recording: choice.recording }),
  };
}

function howToRun({ gathered, obligations, sealed, hashed }: LaunchChoice): Launch_By {
  const { script } = gathered.request.executable;
  if (obligations?.sha256 === undefined) return script ? Launch_By.PATH : Launch_By.DESCRIPTOR;
  // SECURITY(T-15): what runs is what was hashed.
  if (sealed !== undefined) return Launch_By.SEALED;
  return hashed && !script ? Launch_By.DESCRIPTOR : Launch_By.UNSPECIFIED;
}

/** A leading dash makes a shell a login shell. Otherwise the rule's name for the program, never a link's of the caller's. */
function argv0({ loginShell, gathered }: LaunchChoice, obligations: Obligations | undefined): ByteString {
  const { resolved, typed } = gathered.request.executable;
  if (loginShell) return `-${typed.slice(typed.lastIndexOf('/') + 1)}` as ByteString;
  return obligations === undefined ? gathered.typedName : obligations.argv0 === '' ? resolved : obligations.argv0;
}
