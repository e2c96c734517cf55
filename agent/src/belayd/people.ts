import type { ErrorCode, Failure } from '@belay/core/codes';
import type { EventDraft } from '@belay/core/evidence';
import type { Rate } from '@belay/core/rate-limit';
import { ok, type Result } from '@belay/core/result';
import { inert } from '../decide/inert.ts';
import { numbered } from '../decide/messages.ts';
import { LiveSessions } from '../launch/live-sessions.ts';
import type { Platform } from '../platform/platform.ts';
import type { DeviceState } from '../state/device-state.ts';
import { Grants } from '../state/grants.ts';
import { Requests } from '../state/requests.ts';
import { createServerTime } from '../state/server-time.ts';
import type { StateStore } from '../state/state-store.ts';

export type PeopleDeps = {
  readonly store: StateStore;
  readonly platform: Platform;
  readonly log: { error(detail: object, message: string): void };
  record(event: EventDraft): void;
  refused(what: 'grant' | 'answer' | 'time', code: ErrorCode): void;
  /** What was recorded is to be carried at once. */
  announce(): void;
  /** How often one person may ask for approval. */
  asking(): Rate;
};

type Enrolled = Pick<DeviceState, 'trust' | 'enrolment'>;

/** What people decide, as it comes to this device: requests for approval, grants, and the commands that run under them. */
export function createPeople({ store, platform, log, record, refused, announce, asking }: PeopleDeps) {
  const { clock, processes } = platform;
  const serverTime = createServerTime(clock);
  const requests = new Requests({ store, clock, record, announce, asking, refused: (code) => refused('answer', code) });
  const sessions = new LiveSessions({ store, processes, bootId: clock.bootId, record, log });
  const grants = new Grants({ store, clock, serverTime, record, refused: (code) => refused('grant', code), requestOf: (number) => requests.stanceOf(number) });
  const revokedText = (request: number): string => `sudo: ${inert(numbered(request, 'the approval for this command was taken back: it is being ended.'))}`;
  return {
    requests,
    sessions,
    grants,
    /** As the manifest gives and takes them. Another server, or none, has neither asked nor answered anything of this. */
    held: {
      load: (...of: Parameters<Grants['load']>) => grants.load(...of),
      change: (...of: Parameters<Grants['change']>) => grants.change(...of),
      reverify: (...of: Parameters<Grants['reverify']>) => grants.reverify(...of),
      forget() {
        requests.forget();
        grants.forget();
      },
    },
    timeNonce: (): Uint8Array | undefined => (grants.wantsTime ? serverTime.nonce() : undefined),
    load(): void {
      sessions.load();
      requests.load();
    },
    revoke: (ids: readonly string[]): void => sessions.revoke(new Set(ids), ({ request }) => revokedText(request)),
    answer: (envelope: Uint8Array, { trust, enrolment }: Enrolled): Result<void, Failure> => requests.answer(envelope, trust, enrolment?.device),
    time(envelope: Uint8Array, { trust, enrolment }: Enrolled): Result<void, Failure> {
      const proven = serverTime.prove(envelope, trust, enrolment?.device);
      if (!proven.ok) {
        refused('time', proven.error.code);
        return proven;
      }
      grants.prove(proven.value);
      return ok(undefined);
    },
    close(): void {
      requests.close();
      grants.close();
      sessions.close();
    },
  };
}
