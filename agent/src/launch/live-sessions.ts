import { setTimeout as delay } from 'node:timers/promises';
import { type CborValue, decodeCanonical, encodeCanonical, type EventDraft } from '@belay/core/evidence';
import * as z from 'zod';
import type { Processes } from '../platform/platform.ts';
import type { Item, StateStore } from '../state/state-store.ts';

const shape = z.strictObject({
  request: z.number().int(),
  uid: z.number().int(),
  user: z.string(),
  grant: z.string(),
  pid: z.number().int(),
  startTicks: z.number().int(),
  bootId: z.string(),
  /** sudo became the command; otherwise it waits for it. */
  becomes: z.boolean(),
});
/** A command that runs under a grant. */
export type LiveSession = Readonly<z.infer<typeof shape>>;

export type LiveSessionsDeps = {
  readonly store: Pick<StateStore, 'items' | 'putItems'>;
  readonly processes: Processes;
  readonly bootId: string;
  record(event: EventDraft): void;
  readonly log: { error(detail: object, message: string): void };
};

export const GRACE_MS = 5000;
const AGAIN_MS = 60_000;

/** What runs under grants, kept on disk so that a grant can be taken back from a command that outlived a restart of belayd. */
export class LiveSessions {
  readonly #deps: LiveSessionsDeps;
  readonly #all = new Map<number, LiveSession>();
  readonly #ending = new Set<number>();
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;

  constructor(deps: LiveSessionsDeps) {
    this.#deps = deps;
    // A command of an earlier run ends without telling this one.
    this.#timer = setInterval(() => this.#forgetEnded(), AGAIN_MS);
    this.#timer.unref();
  }

  /** From disk: those that still run. */
  load(): void {
    for (const { name, content } of this.#deps.store.items('session')) {
      const decoded = decodeCanonical(content);
      const parsed = decoded.ok ? shape.safeParse(decoded.value) : undefined;
      const runs = parsed?.success === true && parsed.data.bootId === this.#deps.bootId && this.#deps.processes.isAlive(parsed.data);
      if (parsed?.success === true && runs) this.#all.set(parsed.data.request, parsed.data);
      else this.#deps.store.putItems([{ kind: 'session', name, content: undefined }]);
    }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  countUnder(grant: string): number {
    return [...this.#all.values()].filter((each) => each.grant === grant).length;
  }

  /** To be written with the use that it makes of its grant, before it starts. */
  itemOf(session: Omit<LiveSession, 'bootId'>): Item {
    return { kind: 'session', name: `${session.request}`, content: encodeCanonical({ ...session, bootId: this.#deps.bootId } as CborValue) };
  }

  noItem(request: number): Item {
    return { kind: 'session', name: `${request}`, content: undefined };
  }

  begin(session: Omit<LiveSession, 'bootId'>): void {
    this.#all.set(session.request, { ...session, bootId: this.#deps.bootId });
    this.#tell();
  }

  /** It has ended. */
  over(request: number): void {
    if (!this.#all.delete(request)) return;
    this.#ending.delete(request);
    this.#write(request);
    this.#tell();
  }

  /** Ends whatever runs under these. `text`: told to the person, whole and inert. */
  revoke(ids: ReadonlySet<string>, text: (session: LiveSession) => string): void {
    for (const session of this.#all.values()) {
      if (!ids.has(session.grant) || this.#ending.has(session.request)) continue;
      this.#ending.add(session.request);
      this.#end(session, text(session)).catch((error: unknown) => this.#deps.log.error({ request: session.request, cause: Error.isError(error) ? error.stack : 'fault' }, 'a command could not be ended'));
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  async #end(session: LiveSession, text: string): Promise<void> {
    const { request, uid, user, grant, becomes } = session;
    this.#deps.processes.tell(session, text);
    const processes = await this.#deps.processes.end(session, { graceMs: GRACE_MS, spared: becomes ? 'keeper' : 'root', pause: delay });
    this.#deps.record({ type: 'session.ended', fields: { request, uid, user: user === '' ? undefined : user, grant, why: 'revoked', processes } });
    this.over(request);
  }

  #forgetEnded(): void {
    for (const session of this.#all.values()) if (!this.#deps.processes.isAlive(session)) this.over(session.request);
  }

  #write(request: number): void {
    try {
      this.#deps.store.putItems([this.noItem(request)]);
    } catch {
      // It is not alive at the next start.
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
