import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { CompiledRunAs, Identity } from './compiled.ts';
import { childrenOf, decodeExpression } from './expression.ts';
import type { LoadedRule, PolicySet } from './policy-set.ts';

/** What the agent resolves ahead, and refreshes off the path of requests, for `userId` and `groupId`. */
export type NamesInPolicy = { readonly users: readonly string[]; readonly groups: readonly string[] };

/** Every user and group name a rule may ask for, those written out in expressions (`"admins" in user.groups`) included. */
export function namesInPolicy(set: PolicySet): NamesInPolicy {
  const users = new Set<string>();
  const groups = new Set<string>();
  for (const rule of set.rules) {
    for (const subject of [...rule.who.is, ...rule.who.not]) {
      if (subject.kind === 'user') users.add(subject.name);
      if (subject.kind === 'group') groups.add(subject.name);
    }
    addRunAs(rule.as, users, groups);
    addFromExpression(rule, groups);
  }
  return { users: [...users].sort(), groups: [...groups].sort() };
}

function addRunAs(as: CompiledRunAs, users: Set<string>, groups: Set<string>): void {
  for (const name of namesOf(as.users)) users.add(name);
  for (const name of namesOf(as.groups)) groups.add(name);
  // Where the device does not tell primary groups, the group of the user's own name stands in.
  if (as.groups === 'own') for (const name of namesOf(as.users)) groups.add(name);
}

function namesOf(identities: string | readonly Identity[]): readonly string[] {
  return typeof identities === 'string' ? [] : identities.flatMap((identity) => ('name' in identity ? [identity.name] : []));
}

function addFromExpression(rule: LoadedRule, groups: Set<string>): void {
  const parsed = rule.source.when?.parsed;
  if (parsed !== undefined) visit(decodeExpression(parsed), groups);
}

/** Any text in an expression that asks about groups may be a group's name: too many is harmless. */
function visit(expr: Expr | undefined, groups: Set<string>): void {
  if (expr === undefined) return;
  const kind = expr.exprKind;
  if (kind.case === 'callExpr' && kind.value.function === '@in' && isUserGroups(kind.value.args[1])) addTexts(kind.value.args[0], groups);
  for (const child of childrenOf(expr)) visit(child, groups);
}

function addTexts(expr: Expr | undefined, groups: Set<string>): void {
  if (expr === undefined) return;
  const kind = expr.exprKind;
  if (kind.case === 'constExpr' && kind.value.constantKind.case === 'stringValue') groups.add(kind.value.constantKind.value);
  for (const child of childrenOf(expr)) addTexts(child, groups);
}

function isUserGroups(expr: Expr | undefined): boolean {
  const kind = expr?.exprKind;
  if (kind?.case !== 'selectExpr' || kind.value.field !== 'groups') return false;
  const operand = kind.value.operand?.exprKind;
  return operand?.case === 'identExpr' && operand.value.name === 'user';
}
