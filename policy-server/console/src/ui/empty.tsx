import type { ReactNode } from 'react';

/** Nothing is here yet: what would be, and how it comes to be. */
export function Empty({ title, icon, children, action }: { readonly title: string; readonly icon?: ReactNode; readonly children?: ReactNode; readonly action?: ReactNode }) {
  return (
    <div className="empty">
      {icon !== undefined && <span className="empty-icon" aria-hidden="true">{icon}</span>}
      <h2>{title}</h2>
      {children !== undefined && <div className="empty-text">{children}</div>}
      {action !== undefined && <div className="actions">{action}</div>}
    </div>
  );
}
