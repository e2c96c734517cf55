import { type ByteString, decodeUtf8 } from '@belay/core/bytes';
import { PAYLOADS } from '@belay/core/evidence';
import { exactScope, isInScope, type Scope, scopeFault } from '@belay/core/grants';
import type { ElevationRequest } from '@belay/core/request';
import { err, ok, type Result } from '@belay/core/result';
import { patternText } from './command-text.ts';
import { inert } from './inert.ts';

export type ScopeWish = {
  /** Any arguments that match these, instead of the very ones; undefined: those and no others. */
  readonly anyArguments: readonly string[] | undefined;
  /** Names of other devices that it is asked for on as well. */
  readonly alsoOn: readonly string[];
};

/**
 * What is asked for instead of the one exact request; undefined: that. Other devices have other files and environments, so what is asked
 * for there too is a scope, of the very arguments where no others are wanted. Errors: a sentence.
 *
 * SECURITY(T-05): a scope's arguments are patterns as in a policy, one for each argument; the command is the very path that was opened.
 */
export function scopeOf({ anyArguments, alsoOn }: ScopeWish, request: Pick<ElevationRequest, 'deviceId' | 'requester' | 'executable' | 'args' | 'runAs'>): Result<Scope | undefined, string> {
  if (anyArguments === undefined && alsoOn.length === 0) return ok(undefined);
  const fault = scopeFault(anyArguments ?? []);
  if (fault !== undefined) return err(`The patterns for arguments: ${fault}`);
  const command = decodeUtf8(request.executable.resolved);
  if (command === undefined) return err('The path of this command is no text, so nothing but this one exact command can be asked for, on this device alone.');
  const scope = anyArguments === undefined ? scopeOfThese(command, request) : ok({ commands: [{ command, args: [...anyArguments] }], runAsUid: request.runAs.uid, runAsGid: request.runAs.gid });
  if (!scope.ok) return scope;
  if (!PAYLOADS.grant.shape.scope.safeParse(scope.value).success) return err('The command has too many arguments for this, or too long ones: 1000 can be, of 4096 characters each.');
  return isInScope(scope.value, request) ? scope : err('The command that you name has arguments that its own patterns do not match.');
}

function scopeOfThese(command: string, { args, runAs }: Pick<ElevationRequest, 'args' | 'runAs'>): Result<Scope, string> {
  const texts = textsOf(args);
  return texts === undefined ? err('An argument of this command is no text (UTF-8), so it can be asked for on this device alone. Leave out --also-on, or say with --any-arguments which arguments there may be.') : ok(exactScope(command, texts, runAs));
}

function textsOf(args: readonly ByteString[]): readonly string[] | undefined {
  const texts = args.map(decodeUtf8);
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

export function scopeText({ commands }: Scope): string {
  return inert(commands.map(({ command, args }) => [command, ...(args ?? ['**'])].map(patternText).join(' ')).join('; '), 2000);
}
