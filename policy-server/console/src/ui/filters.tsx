import { SlidersHorizontal, X } from 'lucide-react';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useSearchParams } from 'wouter';
import { Button } from './button.tsx';
import { Field, type Option, Select } from './field.tsx';

export type FilterSpec = {
  readonly name: string;
  readonly label: string;
  readonly placeholder?: string;
  /** The first is what holds when nothing is chosen. */
  readonly options?: readonly Option[];
  readonly type?: 'search' | 'text' | 'datetime-local';
};
export type FilterValues = Readonly<Record<string, string>>;

/** Filters live in the address: a link to what one sees is the address itself. Names that are not filters are left alone. */
export function useFilters(specs: readonly FilterSpec[]): readonly [FilterValues, (name: string, value: string) => void] {
  const [params, setParams] = useSearchParams();
  const values = Object.fromEntries(specs.flatMap(({ name }) => (params.get(name) === null ? [] : [[name, params.get(name) ?? '']])));
  const change = useCallback((name: string, value: string) => {
    setParams((old) => {
      const next = new URLSearchParams(old);
      if (value === '') next.delete(name);
      else next.set(name, value);
      return next;
    }, { replace: true });
  }, [setParams]);
  return [values, change];
}

type Props = { readonly filters: readonly FilterSpec[]; readonly values: FilterValues; change(name: string, value: string): void };

export function FilterBar({ filters, values, change }: Props) {
  const [isOpen, setOpen] = useState(false);
  const count = filters.filter(({ name }) => (values[name] ?? '') !== '').length;
  return (
    <div className={isOpen ? 'filters open' : 'filters'} role="search">
      {filters.map((spec) => (spec.options === undefined
        ? <TextFilter key={spec.name} spec={spec} value={values[spec.name] ?? ''} change={change} />
        : <Select key={spec.name} label={spec.label} options={spec.options} value={values[spec.name] ?? ''} onChange={(event) => change(spec.name, event.target.value)} />))}
      <div className="actions">
        {filters.length > 1 && <Button isSmall icon={<SlidersHorizontal />} aria-expanded={isOpen} isNarrowOnly onPress={() => setOpen(!isOpen)}>{count === 0 ? 'Filters' : `Filters (${count})`}</Button>}
        <Button tone="quiet" isSmall icon={<X />} isDisabled={count === 0} onPress={() => filters.forEach(({ name }) => change(name, ''))}>Clear</Button>
      </div>
    </div>
  );
}

const TYPED_MS = 250;

/** Takes effect a moment after the last key. */
function TextFilter({ spec, value, change }: { readonly spec: FilterSpec; readonly value: string; change(name: string, value: string): void }) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    clearTimeout(timer.current);
    setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const typed = (next: string): void => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => change(spec.name, next.trim()), TYPED_MS);
  };
  return <Field label={spec.label} type={spec.type ?? 'search'} value={text} placeholder={spec.placeholder} autoComplete="off" spellCheck={false} onChange={(event) => typed(event.target.value)} />;
}
