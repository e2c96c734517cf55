export { compilePolicy } from './compile.ts';
export { checkExpression, type ExpressionProblem } from './expression-check.ts';
export {
  assess, type EscapeFinding, type EscapeGuards, type EscapeTarget, escapeTable, type ProgramEntry, programOf, type Rewrite, rewriteFor, type Severity,
} from './escapes/index.ts';
export { documentNames, MAX_FILE_CHARS, MAX_FILES, parsePolicyDocuments, parsePolicyFiles, type PolicyDocument, type PolicyFile } from './parse.ts';
export { formatProblems, type PolicyProblem } from './problem.ts';
export { checkRecovery } from './recovery.ts';
export { type Kind, type Policy, policyJsonSchema } from './schema.ts';
