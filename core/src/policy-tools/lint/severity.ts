/** How much it matters: `error` hands out more than is written, or the rule cannot work; `note` is worth a look. */
export const SEVERITIES = ['note', 'warning', 'error'] as const;
export type LintSeverity = (typeof SEVERITIES)[number];

export function isAtLeast(severity: LintSeverity, least: LintSeverity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}

/** One step milder; a note stays one. */
export function milder(severity: LintSeverity): LintSeverity {
  return SEVERITIES[Math.max(0, SEVERITIES.indexOf(severity) - 1)] as LintSeverity;
}
