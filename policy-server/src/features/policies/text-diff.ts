/** Lines of context around a change. */
const CONTEXT = 3;
/** Beyond this many lines that differ, whole texts are shown as replaced: the search is quadratic in it. */
const MAX_CHANGED = 4000;

type Line = { readonly mark: ' ' | '-' | '+'; readonly text: string };

/** A unified diff without file names; empty when the texts are the same. */
export function textDiff(before: string, after: string): string {
  if (before === after) return '';
  const lines = compare(linesOf(before), linesOf(after));
  const shown = new Set<number>();
  lines.forEach((line, index) => {
    if (line.mark === ' ') return;
    for (let near = index - CONTEXT; near <= index + CONTEXT; near++) shown.add(near);
  });
  const out: string[] = [];
  let [oldLine, newLine] = [1, 1];
  let isOpen = false;
  lines.forEach((line, index) => {
    if (shown.has(index) && !isOpen) out.push(`@@ -${oldLine} +${newLine} @@`);
    isOpen = shown.has(index);
    if (isOpen) out.push(line.mark + line.text);
    if (line.mark !== '+') oldLine++;
    if (line.mark !== '-') newLine++;
  });
  return `${out.join('\n')}\n`;
}

function linesOf(text: string): readonly string[] {
  if (text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

function compare(before: readonly string[], after: readonly string[]): readonly Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  const same = (text: string): Line => ({ mark: ' ', text });
  return [
    ...before.slice(0, start).map(same),
    ...changed(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(same),
  ];
}

function changed(before: readonly string[], after: readonly string[]): readonly Line[] {
  if (before.length + after.length > MAX_CHANGED) return [...before.map((text): Line => ({ mark: '-', text })), ...after.map((text): Line => ({ mark: '+', text }))];
  const common = longestCommon(before, after);
  const width = after.length + 1;
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const down = i < before.length ? (common[(i + 1) * width + j] as number) : -1;
    const right = j < after.length ? (common[i * width + j + 1] as number) : -1;
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push({ mark: ' ', text: before[i++] as string });
      j++;
    } else if (down >= right) lines.push({ mark: '-', text: before[i++] as string });
    else lines.push({ mark: '+', text: after[j++] as string });
  }
  return lines;
}

/** Length of the longest common subsequence of before[i…] and after[j…], at i × (after + 1) + j. */
function longestCommon(before: readonly string[], after: readonly string[]): Uint16Array {
  const width = after.length + 1;
  const table = new Uint16Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      table[i * width + j] = before[i] === after[j]
        ? (table[(i + 1) * width + j + 1] as number) + 1
        : Math.max(table[(i + 1) * width + j] as number, table[i * width + j + 1] as number);
    }
  }
  return table;
}
