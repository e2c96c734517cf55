import { useState } from 'react';
import type { RequestDetail } from '../../api/types.ts';
import { useSession } from '../../session/session.tsx';
import { Button } from '../../ui/button.tsx';
import { TextArea } from '../../ui/field.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { At } from '../../ui/time.tsx';
import { useRequestActs } from './queries.ts';

/** An emergency is looked at afterwards, by somebody, in words. */
export function Review({ request }: { readonly request: RequestDetail }) {
  const { may } = useSession();
  const { review } = useRequestActs(request.id);
  const [words, setWords] = useState('');
  if (request.state === 'pending') return <Notice tone="bad" title="This is an emergency (break-glass)">A yes alerts everybody, the session is recorded in full, and somebody has to review it afterwards.</Notice>;
  if (request.review !== null) return <Section title="Review"><p><Inert text={request.review.by} />, <At at={request.review.at} /></p><blockquote><Inert text={request.review.words} /></blockquote></Section>;
  if (request.decisions.every(({ decision }) => decision !== 'approved')) return null;
  if (!may('requests.answer')) return <Notice tone="warn" title="Not reviewed yet">Somebody who may answer requests has to look at this emergency.</Notice>;
  return (
    <Section title="Review">
      <form className="stack" onSubmit={(event) => {
        event.preventDefault();
        review.mutate(words.trim());
      }}>
        <Notice tone="warn" title="This emergency waits for its review">What was done, was it needed, and what follows from it?</Notice>
        <TextArea label="What you found" value={words} required maxLength={1000} onChange={(event) => setWords(event.target.value)} />
        {review.error !== null && <Problem error={review.error} />}
        <div className="actions end"><Button type="submit" tone="primary" isDisabled={words.trim() === ''} isPending={review.isPending}>Close the review</Button></div>
      </form>
    </Section>
  );
}
