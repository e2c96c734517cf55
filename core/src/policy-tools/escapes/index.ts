export { assess, type EscapeFinding, type EscapeGuards, type EscapeTarget, type Severity } from './assess.ts';
export type { Conditions, Escape, Gives, Judged, ProgramEntry, SafeForm, Syntax, Way } from './entry.ts';
export { type Rewrite, rewriteFor } from './rewrite.ts';
export { escapeTable, programOf } from './table.ts';
