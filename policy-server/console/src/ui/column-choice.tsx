import type { ReactNode } from 'react';
import { Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { Button } from './button.tsx';
import { Check } from './field.tsx';

type Props = { readonly columns: readonly { readonly id: string; readonly header: string }[]; readonly hidden: readonly string[]; readonly icon: ReactNode; change(hidden: readonly string[]): void };

/** Which columns are shown. */
export function ColumnChoice({ columns, hidden, icon, change }: Props) {
  if (columns.length === 0) return null;
  return (
    <DialogTrigger>
      <Button tone="quiet" isSmall icon={icon}>Columns</Button>
      <Popover className="popover" placement="bottom end">
        <Dialog className="popover-body" aria-label="Columns">
          {columns.map(({ id, header }) => (
            <Check key={id} label={header} checked={!hidden.includes(id)} onChange={(event) => change(event.target.checked ? hidden.filter((each) => each !== id) : [...hidden, id])} />
          ))}
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}
