import { Lexer } from 'yaml';
import { inert, nearestOf } from '../problem.ts';
import type { PolicyDocument } from '../parse.ts';
import { isLintCode, LINT_CODES, type LintCode } from './codes.ts';
import type { LintFinding, Region } from './finding.ts';

/** A comment `# belay: accept CODE because REASON`. `line`: of what it speaks of. */
export type Accept = { readonly file: string; readonly line: number; readonly code: LintCode; readonly because: string; readonly at: Region };

type Comment = Region & { readonly text: string; /** Of the first line below that is neither blank nor a comment; its own where something stands before it. */ readonly about: number };
export type Accepts = { readonly accepts: readonly Accept[]; readonly faults: readonly LintFinding[] };

const MEANT = /^#+\s*belay:\s*accept\b\s*(.*)$/;

export function acceptsIn({ file, source, firstLine }: PolicyDocument): Accepts {
  if (!/#\s*belay:/.test(source)) return { accepts: [], faults: [] };
  const accepts: Accept[] = [];
  const faults: LintFinding[] = [];
  for (const { text, about, ...region } of commentsIn(source, firstLine)) {
    const [, meant] = MEANT.exec(text) ?? [];
    if (meant === undefined) continue;
    const [, code = '', because = ''] = /^(\S+)(?:\s+because\b\s*(.*))?$/.exec(meant.trim()) ?? [];
    if (isLintCode(code) && because !== '' && !OWN.has(code)) accepts.push({ file, line: about, code, because: because.trim(), at: region });
    else faults.push({ ...region, ...faultOf(code, meant), code: 'bad-accept', severity: LINT_CODES['bad-accept'].severity, file, rule: undefined });
  }
  return { accepts, faults };
}

/** About comments themselves: accepting these would hide the hiding. */
const OWN: ReadonlySet<string> = new Set(['stale-accept', 'bad-accept']);

function faultOf(code: string, meant: string): Pick<LintFinding, 'message' | 'reason'> {
  if (OWN.has(code)) return { message: `${code} cannot be accepted`, reason: 'Mend the comment that it is about.' };
  if (isLintCode(code)) return { message: `This does not say why ${code} is accepted`, reason: `Write # belay: accept ${code} because REASON.` };
  const word = meant.trim().split(/\s+/)[0] ?? '';
  const near = nearestOf(word.slice(0, 64), Object.keys(LINT_CODES));
  return { message: word === '' ? 'This does not say what is accepted' : `There is no finding called "${inert(word.slice(0, 64))}"`, reason: near === undefined ? 'The form is # belay: accept CODE because REASON.' : `Did you mean ${near}? The form is # belay: accept CODE because REASON.` };
}

/** By the lexer of YAML itself: a `#` inside a text is no comment. */
function commentsIn(source: string, firstLine: number): readonly Comment[] {
  const lines = source.split('\n');
  const found: Comment[] = [];
  let line = 0;
  let column = 0;
  let isText = false;
  for (const token of new Lexer().lex(source)) {
    // Marks of the lexer's own that stand for nothing in the source.
    if (token === '\u0002' || token === '\u0018' || token === '\u001f') {
      isText = token === '\u001f';
      continue;
    }
    if (!isText && token.startsWith('#')) {
      const isAlone = (lines[line] as string).slice(0, column).trim() === '';
      const about = isAlone ? nextContent(lines, line) : line;
      found.push({ text: token.trimEnd(), about: firstLine + about, line: firstLine + line, column: column + 1, endLine: firstLine + line, endColumn: column + 1 + token.trimEnd().length });
    }
    isText = false;
    const breaks = token.split('\n');
    line += breaks.length - 1;
    column = breaks.length > 1 ? (breaks.at(-1) as string).length : column + token.length;
  }
  return found;
}

function nextContent(lines: readonly string[], from: number): number {
  const next = lines.findIndex((text, at) => at > from && !/^\s*(?:#.*)?\r?$/.test(text));
  return next < 0 ? from : next;
}
