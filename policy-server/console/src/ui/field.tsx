import { type InputHTMLAttributes, type ReactNode, type Ref, type SelectHTMLAttributes, type TextareaHTMLAttributes, useId } from 'react';

type Around = { readonly label: string; readonly hint?: ReactNode; readonly problem?: string | undefined; readonly isLabelHidden?: boolean };

/** A native control with its label, hint and problem tied to it. */
function useAround({ hint, problem }: Pick<Around, 'hint' | 'problem'>) {
  const id = useId();
  const described = [hint === undefined ? undefined : `${id}-hint`, problem === undefined ? undefined : `${id}-problem`].filter((each) => each !== undefined).join(' ');
  return { id, aria: { id, ...(described === '' ? {} : { 'aria-describedby': described }), ...(problem === undefined ? {} : { 'aria-invalid': true as const }) } };
}

function Framed({ id, label, hint, problem, isLabelHidden = false, children }: Around & { readonly id: string; readonly children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id} className={isLabelHidden ? 'visually-hidden' : undefined}>{label}</label>
      {children}
      {hint !== undefined && <p className="hint" id={`${id}-hint`}>{hint}</p>}
      {problem !== undefined && <p className="field-problem" id={`${id}-problem`}>{problem}</p>}
    </div>
  );
}

export function Field({ label, hint, problem, isLabelHidden, ref, ...rest }: Around & InputHTMLAttributes<HTMLInputElement> & { readonly ref?: Ref<HTMLInputElement> }) {
  const { id, aria } = useAround({ hint, problem });
  return <Framed {...{ id, label, hint, problem }} {...(isLabelHidden === undefined ? {} : { isLabelHidden })}><input {...rest} {...aria} ref={ref} /></Framed>;
}

export function TextArea({ label, hint, problem, ref, ...rest }: Around & TextareaHTMLAttributes<HTMLTextAreaElement> & { readonly ref?: Ref<HTMLTextAreaElement> }) {
  const { id, aria } = useAround({ hint, problem });
  return <Framed {...{ id, label, hint, problem }}><textarea rows={3} {...rest} {...aria} ref={ref} /></Framed>;
}

export type Option = { readonly value: string; readonly label: string };

export function Select({ label, hint, isLabelHidden, options, ...rest }: Omit<Around, 'problem'> & SelectHTMLAttributes<HTMLSelectElement> & { readonly options: readonly Option[] }) {
  const { id, aria } = useAround({ hint, problem: undefined });
  return (
    <Framed {...{ id, label, hint }} {...(isLabelHidden === undefined ? {} : { isLabelHidden })}>
      <select {...rest} {...aria}>{options.map(({ value, label: text }) => <option key={value} value={value}>{text}</option>)}</select>
    </Framed>
  );
}

export function Check({ label, ...rest }: { readonly label: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  return <label className="check"><input type="checkbox" {...rest} /><span>{label}</span></label>;
}
