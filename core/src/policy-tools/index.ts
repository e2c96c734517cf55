export { type Mismatch } from './cases/compare.ts';
export { type Coverage, coverageOf, type RuleCoverage } from './cases/coverage.ts';
export { junitXml } from './cases/junit.ts';
export { type CaseSuite, holdsCases, isCaseFile, loadCaseFile, type PolicyCase } from './cases/load.ts';
export { type CaseOutcome, outcomeOf } from './cases/outcome.ts';
export { type CaseQuestion, questionIn } from './cases/question.ts';
export { type CaseResult, caseSets, runCases, type SuiteResult } from './cases/run.ts';
export { type Ask, policyTestJsonSchema } from './cases/schema.ts';
export { type World } from './cases/schema-world.ts';
export { type TestedPolicies, testedPolicies } from './cases/tested.ts';
export { compilePolicy } from './compile.ts';
export type { KnownDevice } from './entitlements/open-question.ts';
export { whoCanSchema } from './entitlements/question-schema.ts';
export type { Verdict, VerdictRule } from './entitlements/verdict.ts';
export type { OpenCriterion } from './entitlements/weigh.ts';
export { type Entitlement, type OtherRule, whoCan, type WhoCan, type WhoCanQuestion } from './entitlements/who-can.ts';
export { demandTexts, limitTexts } from './entitlements/words.ts';
export { checkExpression, type ExpressionProblem } from './expression-check.ts';
export {
  assess, type EscapeFinding, type EscapeGuards, type EscapeTarget, escapeTable, type ProgramEntry, programOf, type Rewrite, rewriteFor, type Severity,
} from './escapes/index.ts';
export { type ExplainedRequest, explainRequest, requestSchema, type WrittenRequest } from './explain-request.ts';
export {
  type FleetDevice, type FleetFacts, isAtLeast, isLintCode, lint, LINT_CODES, type LintCode, type LintFinding, type LintRewrite, type LintSeverity, SEVERITIES,
} from './lint/index.ts';
export { ANSWERING } from './lint/roles.ts';
export { documentNames, MAX_FILE_CHARS, MAX_FILES, parsePolicyDocuments, parsePolicyFiles, type PolicyDocument, type PolicyFile } from './parse.ts';
export { formatProblems, type PolicyProblem } from './problem.ts';
export { checkRecovery } from './recovery.ts';
export { type Kind, type Policy, policyJsonSchema } from './schema.ts';
