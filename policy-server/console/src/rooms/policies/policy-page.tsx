import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'wouter';
import { BackLink } from '../../ui/back-link.tsx';
import { Check } from '../../ui/field.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Facts, Page, Section } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Lines } from '../../ui/skeleton.tsx';
import { usePolicies, usePolicy, useSources } from './queries.ts';
import { SourceView } from './source-view.tsx';

export function PolicyPage({ name }: { readonly name: string }) {
  const [params] = useSearchParams();
  const wanted = params.get('version');
  const policy = usePolicy(name, wanted === null ? undefined : Number(wanted));
  const back = <BackLink href="/policies">Policies</BackLink>;
  if (policy.data === undefined) return <Page title={name} back={back}>{policy.error === null ? <Lines count={12} /> : <Problem error={policy.error} again={() => void policy.refetch()} />}</Page>;
  const { kind, description, fileName, version, digest, source } = policy.data;
  return (
    <Page title={name} back={back} lead={<Inert text={description} />}>
      <Section title="Document"><Facts facts={[['Kind', kind], ['Version', version], ['File', <Inert text={fileName} />], ['Digest', <code className="hash">{digest}</code>]]} /></Section>
      <Source name={name} version={version} source={source} />
    </Page>
  );
}

function Source({ name, version, source }: { readonly name: string; readonly version: number; readonly source: string }) {
  const [isAccepted, showAccepted] = useState(false);
  const list = usePolicies(version);
  const sources = useSources(list.data?.version, list.data?.policies.map((each) => each.name) ?? []);
  const linted = useQuery({ queryKey: ['policies', 'lint', version], enabled: sources.data !== undefined, staleTime: Infinity, queryFn: async () => (await import('./lint.ts')).lintAll(sources.data ?? []) });
  // Documents of one file share their text: the findings stand under the first of them.
  const file = sources.data?.find((each) => each.source === source)?.name ?? name;
  const findings = linted.data?.findings.filter((finding) => finding.file === file && (isAccepted || finding.accepted === undefined)) ?? [];
  const count = findings.length;
  return (
    <Section title="Source" aside={<div className="actions"><span className="faint" role="status">{linted.data === undefined ? 'Checking…' : count === 0 ? 'No findings' : count === 1 ? '1 finding' : `${count} findings`}</span><Check label="Also what is accepted" checked={isAccepted} onChange={(event) => showAccepted(event.target.checked)} /></div>}>
      {linted.error !== null && <Problem error={linted.error} />}
      <SourceView text={source} findings={findings} />
    </Section>
  );
}
