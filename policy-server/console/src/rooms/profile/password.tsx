import { useState } from 'react';
import { useTell } from '../../shell/toasts.tsx';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';
import { FactorProblem } from './factor-problem.tsx';
import { useFactorActs } from './queries.ts';

const LEAST = 12;

export function Password({ has }: { readonly has: boolean }) {
  const { setPassword } = useFactorActs();
  const tell = useTell();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  if (!has) return <p className="faint">You sign in by your organisation: your password is kept there.</p>;
  const isOther = again !== '' && next !== again;
  return (
    <form className="stack" onSubmit={(event) => {
      event.preventDefault();
      if (next !== again) return;
      setPassword.mutate({ current, next }, { onSuccess: () => {
        for (const clear of [setCurrent, setNext, setAgain]) clear('');
        tell('good', 'Your password is changed. Your other sessions have ended.');
      } });
    }}>
      <div className="columns">
        <Field label="Current password" type="password" autoComplete="current-password" required value={current} onChange={(event) => setCurrent(event.target.value)} />
        <Field label="New password" type="password" autoComplete="new-password" required minLength={LEAST} value={next} hint={`At least ${LEAST} characters: a few words are good.`} onChange={(event) => setNext(event.target.value)} />
        <Field label="New password again" type="password" autoComplete="new-password" required value={again} problem={isOther ? 'This is not the same.' : undefined} onChange={(event) => setAgain(event.target.value)} />
      </div>
      <FactorProblem error={setPassword.error} />
      <div className="actions"><Button type="submit" isDisabled={isOther} isPending={setPassword.isPending}>Change the password</Button></div>
    </form>
  );
}
