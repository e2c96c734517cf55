import { encodeUtf8, bytesOf } from '../bytes.ts';
import type { Sha256 } from '../crypto.ts';
import type { LoginSession } from '../request/request.ts';

/**
 * What ties a waited-for yes to the login session that waits: user, session, its leader's start, the terminal, and the boot, as all of
 * these numbers come again after a restart of the machine. Undefined: without a leader the session's number may be another's tomorrow.
 */
export function loginSessionDigest(uid: number, { sessionId, leaderStart, terminal }: LoginSession, bootId: string, sha256: Sha256): Uint8Array | undefined {
  if (leaderStart === 0) return undefined;
  return sha256(bytesOf(encodeUtf8(`belay/login-session/v1\0${uid}\0${sessionId}\0${leaderStart}\0${terminal}\0${bootId}`)));
}
