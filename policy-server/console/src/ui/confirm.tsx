import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { Button, type Tone } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { Field } from './field.tsx';
import { Problem } from './problem.tsx';

type Props = {
  readonly title: string;
  readonly children: ReactNode;
  readonly verb: string;
  readonly tone?: Tone;
  /** What must be typed first, where a slip would be costly. */
  readonly typed?: string;
  readonly isOpen: boolean;
  act(): Promise<unknown>;
  close(): void;
};

/** Asks before something that cannot be taken back. */
export function Confirm({ title, children, verb, tone = 'danger', typed, isOpen, act, close }: Props) {
  const [text, setText] = useState('');
  const done = (): void => {
    setText('');
    acting.reset();
    close();
  };
  const acting = useMutation({ mutationFn: act, onSuccess: done });
  const isHeld = typed !== undefined && text !== typed;
  return (
    <Dialog title={title} isOpen={isOpen} close={done} isAlert>
      <form className="stack" onSubmit={(event) => {
        event.preventDefault();
        if (!isHeld) acting.mutate();
      }}>
        <div>{children}</div>
        {typed !== undefined && <Field label={`Type ${typed} to go on`} value={text} onChange={(event) => setText(event.target.value)} autoComplete="off" spellCheck={false} />}
        {acting.error !== null && <Problem error={acting.error} />}
        <div className="actions end"><Button onPress={done}>Cancel</Button><Button type="submit" tone={tone} isDisabled={isHeld} isPending={acting.isPending}>{verb}</Button></div>
      </form>
    </Dialog>
  );
}
