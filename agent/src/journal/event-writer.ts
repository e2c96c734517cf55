import type { CommitLog } from './commit-log.ts';
import type { JournalStore, JournalWrite } from './journal-store.ts';

export type Entry = JournalWrite['events'][number];

/** Makes events durable: at once in the commit log, and in the store when there is time. */
export class EventWriter {
  readonly #store: Pick<JournalStore, 'write'>;
  readonly #log: CommitLog | undefined;
  #logged: readonly Entry[];
  #begun: readonly Entry[] = [];

  /** `log`: undefined where none could be had. `logged`: what it holds that the store does not. */
  constructor(store: Pick<JournalStore, 'write'>, log: CommitLog | undefined, logged: readonly Entry[]) {
    this.#store = store;
    this.#log = log;
    this.#logged = logged;
  }

  /** How many are durable and not in the store. */
  get logged(): number {
    return this.#logged.length;
  }

  /** Begins to write them to the log; false: they are for the store. What `bytes` end with may still be signed before `finish`. Throws: the disk refuses. */
  begin(entries: readonly Entry[]): boolean {
    this.#begun = entries;
    return this.#log?.begin(entries.map(({ bytes }) => bytes)) === true;
  }

  /** What was begun is durable when this returns. Throws: it is not. */
  finish(): void {
    this.#log?.finish();
    this.#logged = [...this.#logged, ...this.#begun];
    this.#begun = [];
  }

  /** Everything that is not in the store yet, and these. Throws: nothing has changed. */
  store(chain: number, entries: readonly Entry[]): void {
    this.#store.write({ chain, events: [...this.#logged, ...entries] });
    this.#logged = [];
    this.#log?.clear();
  }

  close(): void {
    this.#log?.close();
  }
}
