import { isAlias, isMap, isScalar, isSeq, type Document, type LineCounter, type Node } from 'yaml';
import type { Finding } from './problem.ts';

/** Where a finding is in the file: the offset of the value, of its key, or of a character inside a text. */
export function offsetOf(finding: Finding, document: Document, source: string): number {
  let node = document.contents as Node | null;
  let at = startOf(node) ?? document.range?.[0] ?? 0;
  for (const [depth, step] of finding.path.entries()) {
    const resolved = isAlias(node) ? (node.resolve(document) as Node | undefined) : node;
    const next = childOf(resolved, step);
    if (next === undefined) return at;
    const isLast = depth === finding.path.length - 1;
    at = (isLast && finding.atKey === true ? startOf(next.key) : startOf(next.value)) ?? startOf(next.key) ?? at;
    node = next.value;
  }
  return finding.offset === undefined ? at : offsetInside(node, finding.offset, source) ?? at;
}

export function placeOf(offset: number, lines: LineCounter): { readonly line: number; readonly column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}

type Child = { readonly key: Node | null; readonly value: Node | null };

function childOf(node: Node | null | undefined, step: string | number): Child | undefined {
  if (isSeq(node)) return typeof step === 'number' && node.items[step] !== undefined ? { key: null, value: node.items[step] as Node } : undefined;
  if (!isMap(node)) return undefined;
  const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
  return pair === undefined ? undefined : { key: pair.key as Node, value: pair.value as Node | null };
}

/**
 * From a character of the text to the character in the file. Exact where the text stands there as it is (plain, quoted without
 * escapes, literal blocks); undefined where the two differ (folded lines, escapes).
 */
function offsetInside(node: Node | null, offset: number, source: string): number | undefined {
  if (!isScalar(node) || typeof node.value !== 'string' || !node.range) return undefined;
  const [start, end] = node.range;
  if (node.type === 'BLOCK_LITERAL') return offsetInBlock(node.value, offset, source, start);
  const opening = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE' ? 1 : 0;
  const written = source.slice(start + opening, end - opening);
  return written === node.value ? start + opening + offset : undefined;
}

/** Each line of the text is a line of the file, further right by the block's indentation. */
function offsetInBlock(value: string, offset: number, source: string, start: number): number | undefined {
  const before = value.slice(0, offset).split('\n');
  let lineStart = source.indexOf('\n', start) + 1;
  for (let i = 1; i < before.length && lineStart > 0; i++) lineStart = source.indexOf('\n', lineStart) + 1;
  if (lineStart === 0) return undefined;
  const text = value.split('\n')[before.length - 1] as string;
  const lineEnd = source.indexOf('\n', lineStart);
  const line = source.slice(lineStart, lineEnd < 0 ? source.length : lineEnd).replace(/\r$/, '');
  return line.endsWith(text) ? lineStart + (line.length - text.length) + (before.at(-1) as string).length : undefined;
}
