import { read, useRemembered } from '../ui/remembered.ts';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export function applyTheme(theme: Theme = read<Theme>('belay:theme', 'system')): void {
  document.documentElement.style.colorScheme = theme === 'system' ? 'light dark' : theme;
}

export function useTheme(): readonly [Theme, (theme: Theme) => void] {
  const [theme, remember] = useRemembered<Theme>('theme', 'system');
  return [theme, (next) => {
    remember(next);
    applyTheme(next);
  }];
}
