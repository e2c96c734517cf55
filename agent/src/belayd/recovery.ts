import { existsSync, renameSync } from 'node:fs';

const DAMAGED = ['SQLITE_CORRUPT', 'SQLITE_NOTADB'];

/** Opens a database; one that is damaged is put aside, whole, for whoever investigates, and begun anew. */
export function openOrPutAside<T>(file: string, open: (file: string) => T): { readonly store: T; readonly damaged: string | undefined } {
  try {
    return { store: open(file), damaged: undefined };
  } catch (error) {
    const code = (error as { code?: string }).code ?? '';
    if (!DAMAGED.some((prefix) => code.startsWith(prefix))) throw error;
    const aside = `${file}.damaged-${Date.now()}`;
    for (const suffix of ['', '-wal', '-shm']) if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
    return { store: open(file), damaged: aside };
  }
}
