import { Mark } from './mark.tsx';

/** Stands where a page will be, before it is known who looks. */
export function PageSkeleton() {
  return <div className="lonely" role="status" aria-label="Loading"><Mark /><div className="skeleton line" /></div>;
}

export function Lines({ count = 4 }: { readonly count?: number }) {
  return <div className="stack" role="status" aria-label="Loading">{Array.from({ length: count }, (_, index) => <div key={index} className="skeleton line" />)}</div>;
}
