import type { RuleRef } from '../../policy/decision.ts';
import type { LintCode } from './codes.ts';
import type { LintSeverity } from './severity.ts';

/** Part of a file. Lines and columns count from 1, columns in UTF-16 units; the end is not included. */
export type Region = { readonly line: number; readonly column: number; readonly endLine: number; readonly endColumn: number };

/** One replacement in the finding's file; an empty region inserts. */
export type Edit = { readonly region: Region; readonly text: string };

export type LintRewrite = {
  /** Keys of the rule, as YAML, to write instead of those it has. */
  readonly text: string;
  /** One sentence. */
  readonly reason: string;
  /** The same as replacements in the finding's file; none where the file does not hold the rule's own text (a set, an alias). */
  readonly edits: readonly Edit[];
};

export type LintFinding = Region & {
  readonly code: LintCode;
  readonly severity: LintSeverity;
  readonly file: string;
  /** Undefined: of a document as a whole, or of a comment. */
  readonly rule: RuleRef | undefined;
  /** What is the matter, one sentence without its full stop. */
  readonly message: string;
  /** Why it matters, in sentences. */
  readonly reason: string;
  readonly rewrite?: LintRewrite | undefined;
  /** Set by a comment `# belay: accept CODE because …`. */
  readonly accepted?: { readonly because: string } | undefined;
};
