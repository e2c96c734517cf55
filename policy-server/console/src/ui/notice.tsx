import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';

export type NoticeTone = 'info' | 'good' | 'warn' | 'bad';
const ICONS = { info: Info, good: CircleCheck, warn: TriangleAlert, bad: CircleAlert } as const;

export function Notice({ tone, title, children, action }: { readonly tone: NoticeTone; readonly title?: ReactNode; readonly children?: ReactNode; readonly action?: ReactNode }) {
  const Icon = ICONS[tone];
  return (
    <div className={`notice ${tone}`}>
      <Icon aria-hidden="true" />
      <div className="notice-body">{title !== undefined && <strong>{title}</strong>}{children !== undefined && <div>{children}</div>}</div>
      {action}
    </div>
  );
}
