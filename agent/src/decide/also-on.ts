import type { ElevationRequest } from '@belay/core/request';
import { err, ok, type Result } from '@belay/core/result';
import type { Permit } from './enforceable.ts';

// SECURITY(T-08): each name is kept, sent on and looked up by the server.
export const MOST_DEVICES = 50;
const MAX_NAME_BYTES = 253;

/** The other devices that a command is asked for on, each once. Which devices they are, the server knows. Errors: a sentence. */
export function otherDevices(names: readonly string[]): Result<readonly string[], string> {
  const each = [...new Set(names)];
  if (each.length > MOST_DEVICES) return err(`One request is for at most ${MOST_DEVICES} other devices. Ask for the others by a request of their own.`);
  if (!each.every(isDeviceName)) return err(`The name of a device has 1 to ${MAX_NAME_BYTES} bytes and no control characters. Name them like this: --also-on web-02,web-03`);
  return ok(each);
}

function isDeviceName(name: string): boolean {
  return name !== '' && !/\p{Cc}/u.test(name) && Buffer.byteLength(name) <= MAX_NAME_BYTES;
}

/** Why this is nothing to be asked for on other devices too, as a sentence; undefined: it can be. */
export function objectionToOthers({ demands }: Extract<Permit, { kind: 'ask' }>, { requester, runAs }: Pick<ElevationRequest, 'requester' | 'runAs'>): string | undefined {
  if (demands.emergency === true) return 'An emergency is for one device. Ask without --also-on, on each device by itself.';
  // SECURITY(T-12): of all numbers only root's is the same everywhere, and of a requester only the name is.
  if (runAs.uid !== 0 || runAs.gid !== 0) return 'Other accounts and groups than root have other numbers on other devices. Ask without --also-on, on each device by itself, or for a command that runs as root.';
  if (requester.name === undefined) return 'Other devices would know you by your name, and your user id has none here that is known. Try again, or ask without --also-on, on each device by itself.';
  return undefined;
}
