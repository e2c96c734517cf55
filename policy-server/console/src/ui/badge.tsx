import type { ReactNode } from 'react';

export type BadgeTone = 'neutral' | 'info' | 'good' | 'warn' | 'bad';

export function Badge({ tone = 'neutral', icon, children }: { readonly tone?: BadgeTone; readonly icon?: ReactNode; readonly children: ReactNode }) {
  return <span className={`badge ${tone}`}>{icon !== undefined && <span className="icon" aria-hidden="true">{icon}</span>}{children}</span>;
}
