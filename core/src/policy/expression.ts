import { type CelInput, celEnv, isCelError, plan } from '@bufbuild/cel';
import { type Expr, type ParsedExpr, ParsedExprSchema } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FACTS, type FactBindings } from './facts.ts';
import { FALSE, TRUE, type Truth3, UNKNOWN } from './truth.ts';

export const MAX_EXPRESSION_NODES = 400;
export const MAX_EXPRESSION_DEPTH = 60;
export const MAX_EXPRESSION_CHARS = 4096;

/** Operators and functions an expression may use. Conversions and time zones are left out on purpose. */
export const FUNCTIONS: ReadonlySet<string> = new Set([
  '!_', '-_', '_&&_', '_||_', '_?_:_', '_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_', '_+_', '_-_', '_*_', '_/_', '_%_',
  '@in', '_[_]', 'size', 'contains', 'startsWith', 'endsWith', 'matches', '@not_strictly_false',
]);

const environment = celEnv();

export type ExpressionFault = { readonly message: string; readonly remedy: string; readonly exprId: bigint };

export function encodeExpression(expr: Expr): Uint8Array {
  return toBinary(ParsedExprSchema, create(ParsedExprSchema, { expr }));
}

/** Undefined when the bytes are no expression. */
export function decodeExpression(bytes: Uint8Array): Expr | undefined {
  try {
    return (fromBinary(ParsedExprSchema, bytes) as ParsedExpr).expr;
  } catch {
    return undefined;
  }
}

/** An evaluator: true, false, or unknown when the result, after CEL's own absorption, is an error or no boolean. Never throws. */
export function planExpression(parsed: Uint8Array): (facts: FactBindings) => Truth3 {
  try {
    const expr = decodeExpression(parsed);
    if (expr === undefined || findBoundFault(expr) !== undefined) return () => UNKNOWN;
    const evaluate = plan(environment, expr);
    return (facts) => {
      try {
        const result = evaluate(facts as unknown as Record<string, CelInput>);
        if (isCelError(result)) return UNKNOWN;
        return result === true ? TRUE : result === false ? FALSE : UNKNOWN;
      } catch {
        return UNKNOWN;
      }
    };
  } catch {
    return () => UNKNOWN;
  }
}

/**
 * The evaluator has no cost limit, so what could take long is refused: nested macros, macros that build lists, and large
 * expressions. With lists bounded as well (`MAX_FACT_LIST`), an evaluation is at most a few hundred thousand steps.
 * Checked when a policy is written and again when a device takes it.
 */
export function findBoundFault(root: Expr): ExpressionFault | undefined {
  let nodes = 0;
  const visit = (expr: Expr | undefined, depth: number, variables: readonly string[]): ExpressionFault | undefined => {
    if (expr === undefined) return undefined;
    nodes++;
    if (nodes > MAX_EXPRESSION_NODES || depth > MAX_EXPRESSION_DEPTH) {
      return fault(expr, 'The expression is too large', 'Split the rule in two, or say more with who, run and as.');
    }
    const own = faultOf(expr, variables);
    if (own !== undefined) return own;
    const inner = expr.exprKind.case === 'comprehensionExpr' ? [...variables, expr.exprKind.value.iterVar, expr.exprKind.value.accuVar] : variables;
    for (const child of childrenOf(expr)) {
      const found = visit(child, depth + 1, inner);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(root, 0, []);
}

function faultOf(expr: Expr, variables: readonly string[]): ExpressionFault | undefined {
  const kind = expr.exprKind;
  switch (kind.case) {
    case 'identExpr':
      if (Object.hasOwn(FACTS, kind.value.name) || variables.includes(kind.value.name)) return undefined;
      return fault(expr, `There is no fact called "${kind.value.name}"`, `Facts are ${Object.keys(FACTS).join(', ')}.`);
    case 'selectExpr':
      return kind.value.testOnly ? fault(expr, 'has() says nothing here: every fact is always there, possibly unknown', 'Leave has() out; an unknown fact never allows anything.') : undefined;
    case 'callExpr':
      return FUNCTIONS.has(kind.value.function) ? undefined : fault(expr, `There is no function called "${kind.value.function}"`, 'Functions are size, contains, startsWith, endsWith, matches, and the macros all, exists and exists_one.');
    case 'comprehensionExpr':
      return faultOfMacro(expr, variables);
    case 'structExpr':
      return fault(expr, 'Maps and messages cannot be written in an expression', 'Compare with values and lists.');
    case 'constExpr':
    case 'listExpr':
      return undefined;
    default:
      return fault(expr, 'The expression has a part that is not understood', 'Write it with facts, values, operators and functions.');
  }
}

function faultOfMacro(expr: Expr, variables: readonly string[]): ExpressionFault | undefined {
  if (expr.exprKind.case !== 'comprehensionExpr') return undefined;
  if (variables.length > 0 || contains(expr.exprKind.value.iterRange, 'comprehensionExpr')) {
    return fault(expr, 'A macro inside a macro could take very long', 'Use one of all, exists, exists_one at a time.');
  }
  // `map` and `filter` collect into a list, one concatenation an element.
  if (expr.exprKind.value.accuInit?.exprKind.case !== 'constExpr') {
    return fault(expr, 'Macros that build a list are not supported', 'Use all, exists or exists_one.');
  }
  return undefined;
}

function contains(expr: Expr | undefined, kind: Expr['exprKind']['case']): boolean {
  if (expr === undefined) return false;
  return expr.exprKind.case === kind || childrenOf(expr).some((child) => contains(child, kind));
}

export function childrenOf(expr: Expr): readonly (Expr | undefined)[] {
  const kind = expr.exprKind;
  switch (kind.case) {
    case 'selectExpr':
      return [kind.value.operand];
    case 'callExpr':
      return [kind.value.target, ...kind.value.args];
    case 'listExpr':
      return kind.value.elements;
    case 'comprehensionExpr':
      return [kind.value.iterRange, kind.value.accuInit, kind.value.loopCondition, kind.value.loopStep, kind.value.result];
    default:
      return [];
  }
}

function fault(expr: Expr, message: string, remedy: string): ExpressionFault {
  return { message, remedy, exprId: expr.id };
}
