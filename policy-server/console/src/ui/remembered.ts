import { useCallback, useState } from 'react';

/** A choice that this browser keeps for one account. Nothing secret belongs here. */
export function useRemembered<T>(name: string, initial: T): readonly [T, (value: T) => void] {
  const key = `belay:${name}`;
  const [value, setValue] = useState<T>(() => read(key, initial));
  const remember = useCallback((next: T) => {
    setValue(next);
    try {
      localStorage.setItem(key, JSON.stringify(next));
    } catch {
      // Full or forbidden: it then holds for this page only.
    }
  }, [key]);
  return [value, remember];
}

export function read<T>(key: string, initial: T): T {
  try {
    const text = localStorage.getItem(key);
    return text === null ? initial : (JSON.parse(text) as T);
  } catch {
    return initial;
  }
}
