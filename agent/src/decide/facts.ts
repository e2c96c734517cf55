import type { ByteString } from '@belay/core/bytes';
import type { Circumstances, DecisionContext, FileIdentity } from '@belay/core/policy';
import type { Executable } from '@belay/core/request';
import type { Platform } from '../platform/platform.ts';
import type { Aliases } from '../state/aliases.ts';
import type { PolicyInForce } from '../state/device-state.ts';

export type FactsDeps = {
  readonly platform: Platform;
  readonly aliases: Aliases;
  /** Ms since the server was last heard of; undefined: never. */
  serverSilentMs(): number | undefined;
};

/** What is asked about. `executable` was inspected a moment ago: its own path is not walked twice. Undefined: nothing yet, as for a list. */
export type AskedAbout = {
  readonly executable: Executable | undefined;
  readonly circumstances: Circumstances | undefined;
  /** Undefined where it has not been computed; that it is called tells that it is wanted. */
  sha256(): string | undefined;
};

/** What the engine may ask of this device, for one decision. */
export function decisionContext(policy: PolicyInForce, deps: FactsDeps, { executable, circumstances, sha256 }: AskedAbout): DecisionContext {
  const { manifest } = policy;
  const { clock, accounts, objectOf } = deps.platform;
  const nowMs = clock.now();
  const known = new Map<ByteString, FileIdentity | undefined>();
  if (executable?.rootOnly === true) known.set(executable.resolved, executable);
  return {
    nowMs,
    utcOffsetMinutes: clock.utcOffsetMinutes(),
    device: { id: manifest.device, name: manifest.name, groups: manifest.groups, labels: manifest.labels },
    manifestExpired: manifest.expiresAt <= nowMs,
    serverSilentMs: deps.serverSilentMs(),
    objectOf(path) {
      if (!known.has(path)) known.set(path, objectOf(path));
      return known.get(path);
    },
    pathsOfObject: (device, inode) => deps.aliases.pathsOf(device, inode),
    groupId: (name) => accounts.groupByName(name)?.gid,
    userId: (name) => accounts.userByName(name)?.uid,
    primaryGroupId: (uid) => accounts.userById(uid)?.gid,
    executableSha256: sha256,
    circumstances,
  };
}
