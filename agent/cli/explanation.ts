import { ExplainedCriterion_Truth, ExplainedRule_Part, type ExplainedCriterion, type ExplainedRule, type Explanation } from '@belay/proto/local';
import { fieldLines, inert } from './text.ts';

const truths = {
  [ExplainedCriterion_Truth.UNSPECIFIED]: 'unknown', [ExplainedCriterion_Truth.TRUE]: 'true', [ExplainedCriterion_Truth.FALSE]: 'false', [ExplainedCriterion_Truth.UNKNOWN]: 'unknown',
} as const;
const parts = {
  [ExplainedRule_Part.UNSPECIFIED]: 'does-not-hold', [ExplainedRule_Part.DECIDED]: 'decided', [ExplainedRule_Part.OUTRANKED]: 'outranked', [ExplainedRule_Part.DOES_NOT_HOLD]: 'does-not-hold',
} as const;
const partTexts = { decided: 'decided', outranked: 'holds, but another decided', 'does-not-hold': 'does not hold' } as const;
const marks = { unicode: { true: '✓', false: '✗', unknown: '?' }, ascii: { true: 'yes', false: 'NO ', unknown: ' ? ' } } as const;

export function explanationJson({ resolved, runAs, directory, rules, omitted, note }: Explanation): object {
  return {
    resolved: resolved || null,
    runAs: runAs || null,
    directory: directory || null,
    rules: rules.map((rule) => ({
      rule: rule.rule, then: rule.then, priority: rule.priority, part: parts[rule.part],
      criteria: rule.criteria.map(({ criterion, truth, wants, found }) => ({ criterion, truth: truths[truth], wants, found: found || null })),
    })),
    omitted,
    note: note || null,
  };
}

/** The rules that hold and those that came nearest, each condition ticked. */
export function explanationText({ resolved, runAs, directory, rules, omitted, note }: Explanation, isUnicode: boolean): string {
  const fields: (readonly [string, string])[] = [['File', resolved], ['As', runAs], ['In', directory], ['Note', note]];
  const shown = rules.map((rule) => ruleText(rule, isUnicode)).join('');
  const more = omitted === 0 ? '' : `\n${omitted} more rule${omitted === 1 ? ' is' : 's are'} further off.\n`;
  return `${fieldLines(fields.filter(([, text]) => text !== ''))}${shown === '' ? '' : `\nRules, nearest first:\n${shown}`}${more}`;
}

function ruleText({ rule, then, priority, part, criteria }: ExplainedRule, isUnicode: boolean): string {
  return `\n  ${inert(rule)}: ${inert(then)}${priority === 0 ? '' : `, priority ${priority}`}: ${partTexts[parts[part]]}\n${criteria.map((each) => criterionText(each, isUnicode)).join('')}`;
}

function criterionText({ criterion, truth, wants, found }: ExplainedCriterion, isUnicode: boolean): string {
  const mark = marks[isUnicode ? 'unicode' : 'ascii'][truths[truth]];
  const indent = ' '.repeat(4 + mark.length + 1 + 12);
  return `    ${mark} ${inert(criterion).padEnd(12)}${inert(wants)}\n${found === '' ? '' : `${indent}found: ${inert(found)}\n`}`;
}
