import { type Document, isAlias, isCollection, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseAllDocuments, type YAMLMap } from 'yaml';
import type { PolicyDocument } from '../parse.ts';
import type { Edit, Region } from './finding.ts';
import { yamlText } from './yaml-text.ts';

export type Path = readonly (string | number)[];

/** Where the parts of a document are in its file. Its text is read when the first one is asked for. */
export class DocumentPlaces {
  readonly document: PolicyDocument;
  readonly #lines = new LineCounter();
  #yaml: Document | undefined;

  constructor(document: PolicyDocument) {
    this.document = document;
  }

  /** Of the value at a path; of the nearest above it where that is not in this text (filled in from defaults). */
  region(path: Path): Region {
    const { range } = this.#nearest(path);
    const [from, to] = range ?? [0, 0];
    return this.#regionOf(from, from + this.#written(from, to).trimEnd().length);
  }

  /** The same, without what is below: the whole of a rule would be many lines. */
  line(path: Path): number {
    return this.region(path).line;
  }

  /** Whether it is written there, and not filled in. */
  has(path: Path): boolean {
    return this.#node(path) !== undefined;
  }

  /** How many entries a list has; each entry as plain data when asked for. */
  items(path: Path): readonly unknown[] {
    const node = this.#node(path);
    return isSeq(node) ? node.items.map((item) => this.#plain(item as Node)) : [];
  }

  /** Undefined where the text there is not the value's own. */
  replacement(path: Path, text: string): Edit | undefined {
    const node = this.#own(path);
    if (node?.range == null) return undefined;
    const [from, to] = node.range;
    const written = this.#written(from, to);
    // What closes a block collection counts as its own; the next line begins there.
    return { region: this.#regionOf(from, from + written.trimEnd().length), text };
  }

  /** Puts `key: value` into a map, or the value in place of the one that is there. */
  insertion(path: Path, key: string, value: unknown): Edit | undefined {
    const map = this.#own(path);
    if (!isMap(map)) return undefined;
    const existing = pairOf(map, key);
    if (existing !== undefined) return this.replacement([...path, key], yamlText(value));
    const from = (map.items[0]?.key as Node | undefined)?.range?.[0];
    if (from === undefined) return undefined;
    const { column } = this.#regionOf(from, from);
    return { region: this.#regionOf(from, from), text: `${key}: ${yamlText(value)}${map.flow === true ? ', ' : `\n${' '.repeat(column - 1)}`}` };
  }

  get #document(): Document {
    if (this.#yaml === undefined) {
      const documents = parseAllDocuments(this.document.source, { lineCounter: this.#lines, merge: false, prettyErrors: false, version: '1.2' });
      this.#yaml = documents[0] as unknown as Document;
    }
    return this.#yaml;
  }

  #written(from: number, to: number): string {
    return this.document.source.slice(from, to);
  }

  #regionOf(from: number, to: number): Region {
    const start = this.#lines.linePos(from);
    const end = this.#lines.linePos(Math.max(from, to));
    const above = this.document.firstLine - 1;
    return { line: above + Math.max(1, start.line), column: Math.max(1, start.col), endLine: above + Math.max(1, end.line), endColumn: Math.max(1, end.col) };
  }

  #plain(node: Node | null): unknown {
    return isScalar(node) ? node.value : isCollection(node) || isAlias(node) ? node.toJS(this.#document, { maxAliasCount: -1 }) : undefined;
  }

  #node(path: Path): Node | undefined {
    let node: Node | null | undefined = this.#document.contents as Node | null;
    for (const step of path) node = childOf(this.#resolved(node), step);
    return this.#resolved(node) ?? undefined;
  }

  /** Undefined as soon as an alias is on the way: its text stands elsewhere, and for others too. */
  #own(path: Path): Node | undefined {
    let node: Node | null | undefined = this.#document.contents as Node | null;
    for (const step of path) node = isAlias(node) ? undefined : childOf(node, step);
    return isAlias(node) ? undefined : (node ?? undefined);
  }

  #nearest(path: Path): Node | { readonly range: null } {
    let node: Node | null | undefined = this.#document.contents as Node | null;
    for (const step of path) {
      const next = childOf(this.#resolved(node), step);
      if (next?.range == null) break;
      node = next;
    }
    return node ?? { range: null };
  }

  #resolved(node: Node | null | undefined): Node | null | undefined {
    return isAlias(node) ? (node.resolve(this.#document) as Node | undefined) : node;
  }
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
}

function childOf(node: Node | null | undefined, step: string | number): Node | null | undefined {
  if (isSeq(node)) return typeof step === 'number' ? (node.items[step] as Node | undefined) : undefined;
  return isMap(node) ? (pairOf(node, String(step))?.value as Node | null | undefined) : undefined;
}
