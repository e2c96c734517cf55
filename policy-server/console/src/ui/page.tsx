import { type ReactNode, useEffect, useRef } from 'react';
import { setPageTitle } from '../shell/title.ts';

type Props = { readonly title: string; readonly heading?: ReactNode; readonly lead?: ReactNode; readonly actions?: ReactNode; readonly children: ReactNode; readonly back?: ReactNode };

let isFirst = true;

/** A page: its heading takes the focus when one comes to it, so that a screen reader and the keyboard begin there. */
export function Page({ title, heading, lead, actions, children, back }: Props) {
  const top = useRef<HTMLHeadingElement>(null);
  useEffect(() => setPageTitle(title), [title]);
  useEffect(() => {
    if (!isFirst) top.current?.focus({ preventScroll: true });
    isFirst = false;
  }, []);
  return (
    <div className="page">
      {back}
      <header className="page-head">
        <div className="page-title"><h1 ref={top} tabIndex={-1}>{heading ?? title}</h1>{lead !== undefined && <p className="lead">{lead}</p>}</div>
        {actions !== undefined && <div className="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Section({ title, children, aside, id }: { readonly title: string; readonly children: ReactNode; readonly aside?: ReactNode; readonly id?: string }) {
  return <section className="section" aria-label={title} id={id}><header className="section-head"><h2>{title}</h2>{aside}</header>{children}</section>;
}

export type Fact = readonly [name: string, value: ReactNode];

export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return <dl className="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}
