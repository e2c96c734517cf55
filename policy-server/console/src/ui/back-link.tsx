import { ArrowLeft } from 'lucide-react';
import type { ReactNode } from 'react';
import { Link } from 'wouter';

export function BackLink({ href, children }: { readonly href: string; readonly children: ReactNode }) {
  return <Link href={href} className="back"><ArrowLeft aria-hidden="true" />{children}</Link>;
}
