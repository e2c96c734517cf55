import { type Failure, failure } from '@belay/core/codes';
import { openEnvelope, type Trust } from '@belay/core/evidence';
import { ed25519Verify, randomBytes } from '@belay/core/node-crypto';
import { equalBytes } from '@belay/core/bytes';
import { err, ok, type Result } from '@belay/core/result';
import type { Clock } from '../platform/platform.ts';

/** The server's clock, as far as it has signed what it says; never this device's wall clock, which can be set. */
export interface ServerTime {
  /** Something was signed at that time, Unix ms: it is no earlier there now. */
  signed(timeMs: number): void;
  /** No later than it is there. Undefined: nothing was signed in this boot. */
  now(): number | undefined;
  /** What the server is to sign its time for; made anew when it is old. */
  nonce(): Uint8Array;
  /** The latest that it can be there now. Errors: those of envelopes, BELAY_E_WRONG_DEVICE, BELAY_E_STALE (not one of our last numbers). */
  prove(envelope: Uint8Array, trust: Trust | undefined, device: string | undefined): Result<number, Failure>;
}

const NONCE_BYTES = 16;
const FRESH_MS = 20_000;
/** An answer may cross with the next number. */
const KEPT = 4;

export function createServerTime(clock: Pick<Clock, 'now' | 'boot'>): ServerTime {
  let last: { readonly timeMs: number; readonly bootMs: number } | undefined;
  let asked: readonly { readonly nonce: Uint8Array; readonly bootMs: number }[] = [];
  const now = (): number | undefined => (last === undefined ? undefined : last.timeMs + (clock.boot() - last.bootMs));
  const signed = (timeMs: number): void => {
    if (timeMs > (now() ?? Number.NEGATIVE_INFINITY)) last = { timeMs, bootMs: clock.boot() };
  };
  return {
    signed,
    now,
    nonce() {
      const newest = asked[0];
      if (newest !== undefined && clock.boot() - newest.bootMs < FRESH_MS) return newest.nonce;
      const nonce = randomBytes(NONCE_BYTES);
      asked = [{ nonce, bootMs: clock.boot() }, ...asked].slice(0, KEPT);
      return nonce;
    },
    prove(envelope, trust, device) {
      if (trust === undefined) return err(failure('BELAY_E_NOT_ENROLLED'));
      const opened = openEnvelope(envelope, 'time', trust, ed25519Verify, clock.now());
      if (!opened.ok) return opened;
      if (opened.value.device !== device) return err(failure('BELAY_E_WRONG_DEVICE'));
      // SECURITY(T-18): signed for a number of ours, each of which counts once: an old answer that was kept back says nothing.
      const question = asked.find(({ nonce }) => equalBytes(nonce, opened.value.nonce));
      if (question === undefined) return err(failure('BELAY_E_STALE'));
      asked = asked.filter((each) => each !== question);
      signed(opened.value.time);
      return ok(opened.value.time + (clock.boot() - question.bootMs));
    },
  };
}
