import { parse } from '@bufbuild/cel';
import type { ParsedExpr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { findBoundFault } from '../policy/expression.ts';
import { checkExpressionTypes } from './expression-type.ts';

/** `offset`: UTF-16 units into the expression. */
export type ExpressionProblem = { readonly offset: number; readonly message: string; readonly remedy: string };

/** Rules say the same conditions again and again. */
const checked = new Map<string, readonly ExpressionProblem[]>();
const MAX_CHECKED = 5000;

/** Everything wrong with an expression: one error of syntax, or every fact, function and type that does not fit. */
export function checkExpression(source: string): readonly ExpressionProblem[] {
  const known = checked.get(source);
  if (known !== undefined) return known;
  const problems = problemsOf(source);
  if (checked.size >= MAX_CHECKED) checked.clear();
  checked.set(source, problems);
  return problems;
}

function problemsOf(source: string): readonly ExpressionProblem[] {
  const parsed = parseExpression(source);
  if ('offset' in parsed) return [parsed];
  const { expr, sourceInfo } = parsed;
  if (expr === undefined) return [{ offset: 0, message: 'The expression is empty', remedy: 'Leave `when` out, or write a condition.' }];
  const faults = [...checkExpressionTypes(expr)];
  const bound = findBoundFault(expr);
  if (bound !== undefined && !faults.some((fault) => fault.exprId === bound.exprId)) faults.push(bound);
  return faults.map(({ message, remedy, exprId }) => ({ message, remedy, offset: sourceInfo?.positions[String(exprId)] ?? 0 })).sort((a, b) => a.offset - b.offset);
}

export function parseExpression(source: string): ParsedExpr | ExpressionProblem {
  try {
    return parse(source);
  } catch (error) {
    const offset = offsetOf(error);
    // Nesting so deep that the parser runs out of stack comes without a place.
    if (offset === undefined) return { offset: 0, message: 'The expression cannot be read', remedy: 'Make it shorter and less nested.' };
    return { offset, message: `The expression cannot be read from ${near(source, offset)} on`, remedy: remedyFor(source, offset) };
  }
}

function offsetOf(error: unknown): number | undefined {
  const offset = (error as { location?: { start?: { offset?: unknown } } }).location?.start?.offset;
  return typeof offset === 'number' ? offset : undefined;
}

function near(source: string, offset: number): string {
  const rest = source.slice(offset, offset + 20).split('\n')[0] as string;
  return rest === '' ? 'its end' : JSON.stringify(rest);
}

function remedyFor(source: string, offset: number): string {
  const rest = source.slice(offset);
  if (/^=[^=]/.test(rest)) return 'Compare with ==.';
  if (/^and\b/i.test(rest)) return 'Write && for "and".';
  if (/^or\b/i.test(rest)) return 'Write || for "or".';
  if (/^not\b/i.test(rest)) return 'Write ! for "not".';
  if (/\bpackage\./.test(rest)) return 'CEL keeps the word "package" for itself: write pkg, for instance pkg.name.';
  return rest === '' ? 'Something is missing there, or a quote or bracket is not closed.' : 'See "Expressions" in docs/policy-language.md; text stands in quotes.';
}
