import type { JournalStore } from './journal-store.ts';

export type JournalLog = { error(detail: object, message: string): void; warn(detail: object, message: string): void };

/** Writes after which the log goes back into the database: at the next quiet moment, or at once when it is far behind. */
const TIDY_WRITES = 200;
const TIDY_AT_ONCE = 350;
const TIDY_IDLE_MS = 1000;
const PRUNE_EVERY_MS = 60_000;
const GROW_MS = 50;

/** What the journal's store needs now and then, off everybody's path: blocks for its log, the log brought back into the database, old events dropped. */
export class Upkeep {
  readonly #store: Pick<JournalStore, 'growLog' | 'tidy'>;
  readonly #log: JournalLog;
  readonly #pruning: NodeJS.Timeout;
  readonly #growing: NodeJS.Timeout;
  #tidying: NodeJS.Timeout | undefined;
  #writes = 0;

  constructor(store: Pick<JournalStore, 'growLog' | 'tidy'>, log: JournalLog, prune: () => void) {
    this.#store = store;
    this.#log = log;
    this.#pruning = setInterval(prune, PRUNE_EVERY_MS).unref();
    this.#growing = setInterval(() => this.#grow(), GROW_MS).unref();
  }

  /** The store was written to. */
  written(): void {
    this.#writes++;
    if (this.#writes < TIDY_WRITES) return;
    // Put off while there is something going on.
    clearTimeout(this.#tidying);
    this.#tidying = setTimeout(() => this.#tidy(), this.#writes >= TIDY_AT_ONCE ? 0 : TIDY_IDLE_MS);
  }

  close(): void {
    for (const timer of [this.#tidying, this.#pruning, this.#growing]) clearTimeout(timer);
  }

  #tidy(): void {
    this.#writes = 0;
    try {
      this.#store.tidy();
    } catch (error) {
      this.#log.warn({ cause: causeOf(error) }, 'the journal could not be tidied');
    }
  }

  #grow(): void {
    try {
      if (this.#store.growLog()) return;
    } catch (error) {
      // A full disk: slower, and no less durable.
      this.#log.warn({ cause: causeOf(error) }, 'the log of the journal could not be given its room');
    }
    clearInterval(this.#growing);
  }
}

/** What the log gets of an error. */
export function causeOf(error: unknown): string {
  if (!Error.isError(error)) return 'fault';
  return `${(error as { code?: string }).code ?? ''} ${error.message}`.trim();
}
