/** One thing wrong in one file, and what to do about it. Lines and columns count from 1. */
export type PolicyProblem = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** What to do. */
  readonly remedy: string;
};

/** A problem before it has a place: where in the document, by keys and indexes. */
export type Finding = {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly remedy: string;
  /** The key itself is the matter, not its value. */
  readonly atKey?: boolean;
  /** Characters into the text at `path`. */
  readonly offset?: number;
};

/** `file:line:column: message. remedy`, one line a problem. */
export function formatProblems(problems: readonly PolicyProblem[]): string {
  return problems.map(({ file, line, column, message, remedy }) => `${inert(file)}:${line}:${column}: ${inert(message)}. ${inert(remedy)}`).join('\n');
}

/** SECURITY(T-29): a file's own text is quoted in messages; control and formatting characters never reach a terminal. */
export function inert(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${(char.codePointAt(0) as number).toString(16)}}`);
}

export function byPlace(a: PolicyProblem, b: PolicyProblem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}

/** The nearest of `known`, when it is near enough to be what was meant. */
export function nearestOf(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const ranked = known.map((each) => ({ each, distance: editDistance(lower, each.toLowerCase()) })).sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(1, Math.floor(best.each.length / 3)) ? best.each : undefined;
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  if (a.length > 64) return a.length;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
