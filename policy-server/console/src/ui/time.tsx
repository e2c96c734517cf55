import { useSyncExternalStore } from 'react';

const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const UNITS = [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000]] as const;

/** One clock for the page, moved on each second only while somebody looks. */
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

export function exactTime(at: number): string {
  return full.format(at);
}

export function ago(at: number, from: number): string {
  const ms = at - from;
  const [unit, size] = UNITS.find(([, each]) => Math.abs(ms) >= each) ?? ['second', 1000];
  if (unit === 'second' && Math.abs(ms) < 10_000) return 'just now';
  return relative.format(Math.trunc(ms / size), unit);
}

export function Ago({ at }: { readonly at: number }) {
  return <time dateTime={new Date(at).toISOString()} title={exactTime(at)}>{ago(at, useNow())}</time>;
}

export function At({ at }: { readonly at: number }) {
  return <time dateTime={new Date(at).toISOString()}>{exactTime(at)}</time>;
}

/** "1 h 20 min", "45 s". */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor((seconds % 86_400) / 3600), Math.floor((seconds % 3600) / 60)];
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`;
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  if (minutes >= 10 || (minutes > 0 && seconds % 60 === 0)) return `${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

export function TimeLeft({ until }: { readonly until: number }) {
  const left = until - useNow();
  return <time dateTime={new Date(until).toISOString()} title={exactTime(until)} className={left < 60_000 ? 'urgent' : undefined}>{left > 0 ? `${duration(left)} left` : 'over'}</time>;
}
