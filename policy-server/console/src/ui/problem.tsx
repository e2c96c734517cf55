import { RotateCw } from 'lucide-react';
import { isGone, problemIn } from '../api/client.ts';
import { Button } from './button.tsx';
import { Notice } from './notice.tsx';

/** What went wrong, in the server's words, with what support needs to find it. */
export function Problem({ error, again }: { readonly error: unknown; again?: () => void }) {
  const { title, detail, code, request } = problemIn(error);
  const isAbsent = isGone(error);
  return (
    <div role="alert">
      <Notice tone={isAbsent ? 'warn' : 'bad'} title={isAbsent ? 'There is nothing here' : title} action={again !== undefined && !isAbsent && <Button isSmall onPress={again} icon={<RotateCw />}>Try again</Button>}>
        <p>{isAbsent ? 'It does not exist, or it is not yours to see. The two look alike on purpose.' : detail}</p>
        <p className="faint">{code}{request !== '' && <> · request <code>{request}</code></>}</p>
      </Notice>
    </div>
  );
}

export function ProblemPage({ error, again }: { readonly error: unknown; again(): void }) {
  return <main className="lonely"><h1>Belay</h1><Problem error={error} again={again} /></main>;
}
