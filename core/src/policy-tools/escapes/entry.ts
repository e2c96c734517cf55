/** What a program hands its user when it runs as root. */
export type Gives = 'shell' | 'command' | 'file-read' | 'file-write' | 'ownership' | 'code-load' | 'privilege' | 'delegation';

/**
 * When a written value (an option's, or an operand) leaves the escape open:
 *   any    always, even written out
 *   text   unless it is written out
 *   line   as `text`, and one that starts a shell is open too. `text` means this wherever an escape runs or loads something
 *   name   unless it is written out or at least begins with two letters of the rule's
 *   file   unless it is a path that the rule holds fast (see value.ts)
 *   slash  as `file`, but only a value with a `/` counts as a path at all
 *   target as `file`, and one on which the system rests is open even written out: what is put there is the requester's
 *   code   as `file`, and standard input is open too: what is read is done. `file` means this wherever an escape is no mere
 *          reading, writing or change of owner
 *   scheme unless it begins with a fixed network scheme, or is written out
 */
export type Judged = 'any' | 'text' | 'line' | 'name' | 'file' | 'target' | 'code' | 'slash' | 'scheme';

/** How the escape is reached. Options are spelled as in syntax.ts. */
export type Way =
  | { readonly by: 'always' }
  | { readonly by: 'key'; readonly keys: string }
  | { readonly by: 'option'; readonly options: string; readonly value: Judged }
  /** Operands `from`..`to` count from 0, behind the subcommand where there is one. `prefix`: only those that begin so (`of=`). `leading`: only before the first without a `=`. */
  | { readonly by: 'operand'; readonly value: Judged; readonly from: number; readonly to: number; readonly prefix?: string; readonly leading?: boolean }
  /** Fewer operands than this: the program asks its user what to do, or reads it from standard input. */
  | { readonly by: 'fewer'; readonly than: number }
  /**
   * Operand `from` names a program, what follows are its arguments. `assignments`: `NAME=value` may stand before it.
   * `appends`: it gets more arguments that the rule does not see. `inside`: it runs in the same process, without exec.
   */
  | { readonly by: 'wraps'; readonly from: number; readonly assignments: boolean; readonly appends: boolean; readonly inside: boolean }
  | { readonly by: 'environment'; readonly names: string }
  /** `here`: in the working directory, which is the requester's. `home`: reached only with a kept HOME. */
  | { readonly by: 'configuration'; readonly file: string; readonly at: 'here' | 'home' };

export type Conditions = {
  /** Only under these subcommands: `run | container run`. */
  readonly sub?: string;
  /** Under any subcommand but these (single words). */
  readonly except?: string;
  /** One of these options closes it: `--no-pager -P=cat -C=<path>`. */
  readonly unless?: string;
  /** Only with one of these options. */
  readonly needs?: string;
  /** One of these in the environment closes it: `LESSSECURE=1`. */
  readonly secured?: string;
};

export type Escape = { readonly gives: Gives; readonly way: Way; readonly note: string } & Conditions;

/** A use that grants without the escape, of `command` where it is another. Words in capitals stand for what the writer of the rule fills in. */
export type SafeForm = { readonly command?: string; readonly args: readonly string[]; readonly children?: 'check'; readonly note: string };

/** How a program reads its arguments. */
export type Syntax = {
  /** One-letter options may be written together: `-xvf`. */
  readonly cluster: boolean;
  /** Options are still read behind operands. */
  readonly permute: boolean;
  /** Long names may be cut short as getopt_long allows. */
  readonly abbreviate: boolean;
  /** `--` ends the options. */
  readonly dashes: boolean;
  /** The first operand is a subcommand. `split`: what stands before it and what stands behind it are two sets of options. */
  readonly subs: 'none' | 'mixed' | 'split';
  /** Subcommands may be cut short (`ip ne e`). */
  readonly shortSubs: boolean;
  /** The first argument may be a cluster without its dash (`tar xf`). */
  readonly bundled: boolean;
  /** A dash alone is an option (`su -`). */
  readonly loneDash: boolean;
  /** Further options that take a value, so that what follows them is neither option nor operand. */
  readonly values: string;
  /** The same behind a subcommand, for `split`; true of every subcommand. */
  readonly subValues: string;
};

export type ProgramEntry = {
  readonly names: readonly string[];
  readonly syntax: Syntax;
  readonly escapes: readonly Escape[];
  /** Empty: there is no form without the escape. */
  readonly safe: readonly SafeForm[];
  /** An editor: `belay edit` does what it is wanted for. */
  readonly isEditor: boolean;
};

export const LAST_OPERAND = 6;

export const always: Way = { by: 'always' };
export const key = (keys: string): Way => ({ by: 'key', keys });
export const option = (options: string, value: Judged = 'text'): Way => ({ by: 'option', options, value });
export const operand = (value: Judged = 'file', from = 0, to: number = LAST_OPERAND): Way => ({ by: 'operand', value, from, to });
export const assigned = (prefix: string, value: Judged = 'file'): Way => ({ by: 'operand', value, from: 0, to: LAST_OPERAND, prefix });
export const leading = (prefix: string, value: Judged = 'file'): Way => ({ by: 'operand', value, from: 0, to: LAST_OPERAND, prefix, leading: true });
export const fewer = (than: number): Way => ({ by: 'fewer', than });
export type WrapOptions = { readonly assignments?: boolean; readonly appends?: boolean; readonly inside?: boolean };
export const wraps = (from = 0, { assignments = false, appends = false, inside = false }: WrapOptions = {}): Way => ({ by: 'wraps', from, assignments, appends, inside });
export const environment = (names: string): Way => ({ by: 'environment', names });
export const here = (file: string): Way => ({ by: 'configuration', file, at: 'here' });
export const home = (file: string): Way => ({ by: 'configuration', file, at: 'home' });

const giving = (gives: Gives) => (way: Way, note: string, when: Conditions = {}): Escape => ({ gives, way, note, ...when });
export const shell = giving('shell');
export const command = giving('command');
export const read = giving('file-read');
export const write = giving('file-write');
export const owner = giving('ownership');
export const load = giving('code-load');
export const privilege = giving('privilege');
export const delegate = giving('delegation');

const base: Syntax = {
  cluster: true, permute: true, abbreviate: true, dashes: true, subs: 'none', shortSubs: false, bundled: false, loneDash: false, values: '', subValues: '',
};
/** getopt_long, options anywhere. */
export const gnu = (values = '', more: Partial<Syntax> = {}): Syntax => ({ ...base, values, ...more });
/** getopt_long up to the first operand. */
export const posix = (values = '', more: Partial<Syntax> = {}): Syntax => gnu(values, { permute: false, ...more });
/** Long names in full only. */
export const exact = (values = '', more: Partial<Syntax> = {}): Syntax => gnu(values, { abbreviate: false, ...more });
/** Long names in full only, up to the first operand. */
export const early = (values = '', more: Partial<Syntax> = {}): Syntax => exact(values, { permute: false, ...more });
/** Words with one dash, such as find's; no `--`. */
export const words = (values = '', more: Partial<Syntax> = {}): Syntax => exact(values, { cluster: false, dashes: false, ...more });
/** A subcommand, then its options. */
export const subcommands = (values = '', more: Partial<Syntax> = {}): Syntax => exact(values, { subs: 'mixed', ...more });

export const form = (args: string, note: string, more: { readonly children?: 'check'; readonly command?: string } = {}): SafeForm =>
  ({ args: args === '' ? [] : args.split(' '), note, ...more });

export type EntryOptions = { readonly syntax?: Syntax; readonly safe?: readonly SafeForm[]; readonly isEditor?: boolean };

export function program(names: string, escapes: readonly Escape[], options: EntryOptions = {}): ProgramEntry {
  return { names: names.split(' '), syntax: options.syntax ?? gnu(), escapes, safe: options.safe ?? [], isEditor: options.isEditor ?? false };
}
