export { isLintCode, LINT_CODES, type LintCode } from './codes.ts';
export type { Edit, LintFinding, LintRewrite, Region } from './finding.ts';
export type { FleetDevice, FleetFacts } from './fleet-checks.ts';
export { lint } from './lint.ts';
export { isAtLeast, type LintSeverity, SEVERITIES } from './severity.ts';
