import { type ByteString, encodeUtf8 } from '@belay/core/bytes';
import type { Platform } from '../platform/platform.ts';
import type { Permit } from './enforceable.ts';
import type { Gathered } from './gather.ts';
import { inert } from './inert.ts';
import { setVariables } from './kept-variables.ts';
import { ruleNames } from './messages.ts';
import type { Ruling } from './ruling.ts';

/** A decision and the environment that it was made under. */
export type Permitted = { readonly decision: Permit; readonly env: readonly ByteString[] };

/** The request as it will run: what the obligations make of it. Errors: a sentence for the requester. */
export function launchingOf(gathered: Gathered, permitted: Permitted | undefined, platform: Pick<Platform, 'openRootFolder'>): Gathered | string {
  if (permitted === undefined) return gathered;
  const { environment, cwd } = permitted.decision.obligations;
  // SECURITY(T-20): a rule may say where its command runs, and then it runs nowhere else.
  const directory = cwd === undefined ? gathered.directory : platform.openRootFolder(encodeUtf8(cwd));
  if (cwd !== undefined && directory === undefined) {
    return `the rule "${ruleNames(permitted.decision.by)}" runs this in ${inert(cwd)}, which is no folder of root's that everybody may enter. Tell IT.`;
  }
  const request = { ...gathered.request, env: setVariables(permitted.env, environment.set), cwd: cwd === undefined ? gathered.request.cwd : (directory as ByteString) };
  return { ...gathered, request, directory };
}

/** SECURITY(T-14): whether the descriptor is still of the file that was decided on, with the same owner and mode; by path, the same path still root's. */
export function isSameFile({ fd, inspected, request }: Gathered, ruling: Ruling | undefined, outsideRules: boolean, platform: Pick<Platform, 'fileState' | 'inspect'>): boolean {
  const now = platform.fileState(fd);
  const then = inspected.file;
  if (now.device !== then.device || now.inode !== then.inode || now.uid !== then.uid || now.gid !== then.gid || now.mode !== then.mode) return false;
  if (ruling?.sealed !== undefined) return true;
  if (ruling?.sha256 !== undefined && now.changedNs !== then.changedNs) return false;
  if (!request.executable.script || outsideRules) return true;
  const again = platform.inspect(fd, request.executable.resolved);
  return again.ok && again.value.executable.rootOnly;
}
