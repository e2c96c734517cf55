import { ArrowDown, ArrowUp, Columns3 } from 'lucide-react';
import { type MouseEvent, type ReactNode, type RefObject, useMemo, useRef } from 'react';
import { Link, useLocation } from 'wouter';
import { useSession } from '../session/session.tsx';
import { Button } from './button.tsx';
import { ColumnChoice } from './column-choice.tsx';
import { useRemembered } from './remembered.ts';
import { useRowKeys } from './row-keys.ts';

export type Column<T> = {
  readonly id: string;
  readonly header: string;
  cell(row: T): ReactNode;
  /** What it is sorted by; without it the column is not sorted. */
  sort?(row: T): string | number | null;
  /** The row's name: it carries the link, and cannot be hidden. */
  readonly isMain?: true;
  readonly className?: string;
};

type Sort = { readonly column: string; readonly isDown: boolean };
type Kept = { readonly sort: Sort | null; readonly hidden: readonly string[] };

type Props<T> = {
  /** Under which name the person's choices are kept. */
  readonly name: string;
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[] | undefined;
  readonly hidden?: readonly string[];
  rowKey(row: T): string;
  href?(row: T): string;
  rowClass?(row: T): string | undefined;
  readonly empty: ReactNode;
  /** More rows that the server has. */
  readonly more?: { readonly isLoading: boolean; load(): void } | undefined;
  /** The count, and what stands beside it. */
  readonly aside?: ReactNode;
};

const SKELETON_ROWS = 8;

export function DataTable<T>({ name, caption, columns, rows, hidden = [], rowKey, href, rowClass, empty, more, aside }: Props<T>) {
  const { session } = useSession();
  const [kept, keep] = useRemembered<Kept>(`${session.account.id}:table:${name}`, { sort: null, hidden });
  const table = useRef<HTMLTableElement>(null);
  useRowKeys(table, href !== undefined);
  const shown = columns.filter((column) => column.isMain === true || !kept.hidden.includes(column.id));
  const sorted = useMemo(() => (rows === undefined ? undefined : sortedBy(rows, columns, kept.sort)), [rows, columns, kept.sort]);
  if (sorted?.length === 0) return <>{empty}</>;
  return (
    <div className="table-frame">
      <div className="table-bar">
        <span className="faint" aria-live="polite">{rows === undefined ? 'Loading…' : aside ?? `${rows.length}${more === undefined ? '' : '+'} ${rows.length === 1 ? 'row' : 'rows'}`}</span>
        <ColumnChoice columns={columns.filter(({ isMain }) => isMain !== true)} hidden={kept.hidden} change={(next) => keep({ ...kept, hidden: next })} icon={<Columns3 />} />
      </div>
      <table ref={table} aria-label={caption} aria-busy={rows === undefined} role="table">
        <thead role="rowgroup"><tr role="row">{shown.map((column) => <HeadCell key={column.id} column={column} sort={kept.sort} change={(sort) => keep({ ...kept, sort })} />)}</tr></thead>
        <tbody role="rowgroup">
          {sorted === undefined
            ? Array.from({ length: SKELETON_ROWS }, (_, index) => <tr key={index} role="row">{shown.map(({ id, header }) => <td key={id} role="cell" data-label={header}><span className="skeleton cell" /></td>)}</tr>)
            : sorted.map((row) => <Row key={rowKey(row)} {...{ row, shown, table }} id={rowKey(row)} href={href?.(row)} className={rowClass?.(row)} />)}
        </tbody>
      </table>
      {more !== undefined && <div className="table-more"><Button onPress={more.load} isPending={more.isLoading}>Show more</Button></div>}
    </div>
  );
}

type RowProps<T> = { readonly row: T; readonly shown: readonly Column<T>[]; readonly id: string; readonly href: string | undefined; readonly className: string | undefined; readonly table: RefObject<HTMLTableElement | null> };

function Row<T>({ row, shown, id, href, className }: RowProps<T>) {
  const [, go] = useLocation();
  /** The whole row is a target for the pointer; the link in it is the one for the keyboard. Marking text is not clicking. */
  const click = (event: MouseEvent<HTMLTableRowElement>): void => {
    const isOwn = (event.target as Element).closest('a, button, input, select, label') !== null;
    if (href === undefined || isOwn || (getSelection()?.toString() ?? '') !== '') return;
    if (event.metaKey || event.ctrlKey) window.open(href, '_blank', 'noopener');
    else go(href);
  };
  return (
    <tr role="row" data-row={id} onClick={click} className={[href === undefined ? '' : 'linked', className ?? ''].join(' ').trim() || undefined}>
      {shown.map((column) => (
        <td key={column.id} role="cell" data-label={column.header} className={[column.isMain === true ? 'main' : '', column.className ?? ''].join(' ').trim() || undefined}>
          <div className="cell">{column.isMain === true && href !== undefined ? <Link href={href} data-row-link={id}>{column.cell(row)}</Link> : column.cell(row)}</div>
        </td>
      ))}
    </tr>
  );
}

function HeadCell<T>({ column, sort, change }: { readonly column: Column<T>; readonly sort: Sort | null; change(sort: Sort | null): void }) {
  const isSorted = sort?.column === column.id;
  const order = !isSorted ? 'none' : sort.isDown ? 'descending' : 'ascending';
  if (column.sort === undefined) return <th scope="col" role="columnheader" className={column.className}>{column.header}</th>;
  const next = !isSorted ? { column: column.id, isDown: false } : sort.isDown ? null : { column: column.id, isDown: true };
  return (
    <th scope="col" role="columnheader" aria-sort={order} className={column.className}>
      <button type="button" className="sort" onClick={() => change(next)}>{column.header}<span className="sort-mark" aria-hidden="true">{isSorted && (sort.isDown ? <ArrowDown /> : <ArrowUp />)}</span></button>
    </th>
  );
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

function sortedBy<T>(rows: readonly T[], columns: readonly Column<T>[], sort: Sort | null): readonly T[] {
  const by = columns.find(({ id }) => id === sort?.column)?.sort;
  if (sort === null || by === undefined) return rows;
  const direction = sort.isDown ? -1 : 1;
  return rows.toSorted((left, right) => {
    const [a, b] = [by(left), by(right)];
    // What has no value comes last, whichever way.
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    return direction * (typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b)));
  });
}
