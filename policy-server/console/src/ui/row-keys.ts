import { type RefObject, useMemo } from 'react';
import { useShortcuts } from '../shell/shortcuts.tsx';

/** j and k move from row to row by their links; o opens the one in focus. */
export function useRowKeys(table: RefObject<HTMLTableElement | null>, isLinked: boolean): void {
  useShortcuts('In a table', useMemo(() => {
    const links = (): HTMLAnchorElement[] => [...(table.current?.querySelectorAll<HTMLAnchorElement>('a[data-row-link]') ?? [])];
    const move = (by: 1 | -1) => (): void => {
      const all = links();
      const at = all.indexOf(document.activeElement as HTMLAnchorElement);
      const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
      next?.focus();
      next?.closest('tr')?.scrollIntoView({ block: 'nearest' });
    };
    if (!isLinked) return [];
    return [
      { keys: 'j', label: 'Next row', run: move(1) },
      { keys: 'k', label: 'Previous row', run: move(-1) },
      { keys: 'o', label: 'Open the row', run: () => links().find((link) => link === document.activeElement)?.click() },
    ];
  }, [table, isLinked]));
}

/** The id of the row that has the focus. */
export function focusedRow(): string | undefined {
  return document.activeElement?.closest<HTMLElement>('[data-row]')?.dataset['row'];
}
