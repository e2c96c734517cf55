import { BackLink } from '../../ui/back-link.tsx';
import { Page } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Lines } from '../../ui/skeleton.tsx';
import { Changes } from './diff-view.tsx';
import { useDiff } from './queries.ts';

export function DiffPage({ from, to }: { readonly from: number; readonly to: number }) {
  const diff = useDiff(from, to);
  return (
    <Page title={`Version ${from} to ${to}`} lead="What changed between them." back={<BackLink href="/policies/versions">Versions</BackLink>}>
      {diff.error !== null ? <Problem error={diff.error} again={() => void diff.refetch()} /> : diff.data === undefined ? <Lines count={10} /> : <Changes changes={diff.data} />}
    </Page>
  );
}
