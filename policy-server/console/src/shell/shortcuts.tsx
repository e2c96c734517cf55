import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { useRemembered } from '../ui/remembered.ts';
import type { Shortcut, ShortcutGroup } from './shortcut.ts';
import { ShortcutHelp } from './shortcut-help.tsx';

type Registry = { add(group: ShortcutGroup): () => void; openHelp(): void };
const Context = createContext<Registry>({ add: () => () => undefined, openHelp: () => undefined });

const NEXT_KEY_MS = 1200;

/** `shortcuts` must stay the same array as long as it means the same. */
export function useShortcuts(title: string, shortcuts: readonly Shortcut[]): void {
  const { add } = useContext(Context);
  useEffect(() => (shortcuts.length === 0 ? undefined : add({ title, shortcuts })), [add, title, shortcuts]);
}

export const useShortcutHelp = (): (() => void) => useContext(Context).openHelp;

/** Single keys, unless one types, a dialog is open, or the person turned them off (WCAG 2.1.4). */
export function ShortcutProvider({ children }: { readonly children: ReactNode }) {
  const groups = useRef(new Set<ShortcutGroup>());
  const [help, setHelp] = useState<readonly ShortcutGroup[]>();
  const [isOn, turn] = useRemembered('shortcuts', true);
  const openHelp = useCallback(() => setHelp([...groups.current]), []);
  const registry = useMemo<Registry>(() => ({
    add(group) {
      groups.current.add(group);
      return () => groups.current.delete(group);
    },
    openHelp,
  }), [openHelp]);
  useEffect(() => (isOn ? listen(() => [{ title: '', shortcuts: [{ keys: '?', label: '', run: openHelp }] }, ...groups.current]) : undefined), [isOn, openHelp]);
  return (
    <Context value={registry}>
      {children}
      <ShortcutHelp groups={help} isOn={isOn} turn={turn} close={() => setHelp(undefined)} />
    </Context>
  );
}

function listen(groups: () => readonly ShortcutGroup[]): () => void {
  let first: { readonly key: string; readonly at: number } | undefined;
  const pressed = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target) || isDialogOpen()) return;
    const all = groups().flatMap(({ shortcuts }) => shortcuts);
    const sequence = first !== undefined && performance.now() - first.at < NEXT_KEY_MS ? `${first.key} ${event.key}` : undefined;
    // The last to register is the innermost.
    const found = all.findLast(({ keys }) => keys === sequence) ?? all.findLast(({ keys }) => keys === event.key);
    first = found === undefined && all.some(({ keys }) => keys.startsWith(`${event.key} `)) ? { key: event.key, at: performance.now() } : undefined;
    if (found === undefined) return;
    event.preventDefault();
    found.run();
  };
  document.addEventListener('keydown', pressed);
  return () => document.removeEventListener('keydown', pressed);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.closest('input:not([type=checkbox]):not([type=radio]), textarea, select, [role=menu], [role=listbox]') !== null);
}

function isDialogOpen(): boolean {
  return document.querySelector('[role=dialog], [role=alertdialog]') !== null;
}
