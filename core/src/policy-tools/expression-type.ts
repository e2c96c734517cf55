import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { isCelError, run } from '@bufbuild/cel';
import { type ExpressionFault, FUNCTIONS } from '../policy/expression.ts';
import { FACTS } from '../policy/facts.ts';
import { nearestOf } from './problem.ts';

/**
 * Types of expressions. `wrong` stands for what has been complained about already and goes with everything. `facts` is a
 * family of facts (`user`), of no use by itself.
 */
type Type = 'bool' | 'int' | 'double' | 'string' | 'bytes' | 'null' | 'strings' | 'ints' | 'list' | 'labels' | 'groups' | 'programs' | `facts:${string}` | 'wrong';

const IN_WORDS: Readonly<Record<string, string>> = {
  bool: 'true or false',
  int: 'a whole number',
  double: 'a number',
  string: 'text',
  bytes: 'bytes',
  null: 'null',
  strings: 'a list of texts',
  ints: 'a list of numbers',
  list: 'a list',
  labels: 'labels',
  groups: "the user's groups",
  programs: 'the programs above the request',
};

/**
 * The library's own checker knows constants and names only, so this one does the rest for the facts there are: everything a
 * policy's author can get wrong is said when the policy is written, not found unknown on a device.
 */
export function checkExpressionTypes(root: Expr): readonly ExpressionFault[] {
  const checker = new TypeChecker();
  const type = checker.typeOf(root, new Map());
  if (type !== 'bool' && type !== 'wrong') checker.complain(root, `The expression gives ${inWords(type)}, not true or false`, 'Compare it with something, for instance with ==.');
  return checker.faults;
}

type Variables = ReadonlyMap<string, Type>;
type Call = { readonly expr: Expr; readonly name: string; readonly operands: readonly Expr[]; readonly types: readonly Type[] };

class TypeChecker {
  readonly faults: ExpressionFault[] = [];

  complain(expr: Expr, message: string, remedy: string): 'wrong' {
    this.faults.push({ message, remedy, exprId: expr.id });
    return 'wrong';
  }

  typeOf(expr: Expr | undefined, variables: Variables): Type {
    const kind = expr?.exprKind;
    if (expr === undefined || kind === undefined) return 'wrong';
    switch (kind.case) {
      case 'constExpr':
        return CONSTANT_TYPES[kind.value.constantKind.case ?? ''] ?? this.complain(expr, 'A value of an unknown kind', 'Use text, numbers, true and false.');
      case 'identExpr':
        return this.#identifier(expr, kind.value.name, variables);
      case 'selectExpr':
        // has() gives true or false, and is refused with the bounds.
        return kind.value.testOnly ? 'bool' : this.#member(expr, this.typeOf(kind.value.operand, variables), kind.value.field);
      case 'listExpr':
        return this.#list(expr, kind.value.elements.map((element) => this.typeOf(element, variables)));
      case 'callExpr': {
        const operands = kind.value.target === undefined ? kind.value.args : [kind.value.target, ...kind.value.args];
        const types = operands.map((operand) => this.typeOf(operand, variables));
        return this.#call({ expr, name: kind.value.function, operands, types });
      }
      case 'comprehensionExpr': {
        const range = this.typeOf(kind.value.iterRange, variables);
        const inner = new Map(variables).set(kind.value.iterVar, this.#elementOf(expr, range)).set(kind.value.accuVar, this.typeOf(kind.value.accuInit, variables));
        this.typeOf(kind.value.loopStep, inner);
        return this.typeOf(kind.value.result, inner);
      }
      default:
        return 'wrong';
    }
  }

  #identifier(expr: Expr, name: string, variables: Variables): Type {
    const variable = variables.get(name);
    if (variable !== undefined) return variable;
    if (!Object.hasOwn(FACTS, name)) return this.#unknownFact(expr, name, Object.keys(FACTS));
    const fact = FACTS[name as keyof typeof FACTS];
    return typeof fact === 'string' ? fact : `facts:${name}`;
  }

  #unknownFact(expr: Expr, name: string, known: readonly string[], prefix = ''): 'wrong' {
    const near = nearestOf(name, known);
    const list = `Facts are ${known.map((each) => prefix + each).join(', ')}.`;
    return this.complain(expr, `There is no fact called "${prefix}${name}"`, near === undefined ? list : `Did you mean ${prefix}${near}? ${list}`);
  }

  #member(expr: Expr, operand: Type, field: string): Type {
    if (operand === 'wrong') return 'wrong';
    if (operand === 'labels') return 'string';
    if (!operand.startsWith('facts:')) return this.complain(expr, `${capital(inWords(operand))} has no "${field}"`, 'Take the dot and what follows away.');
    const family = operand.slice('facts:'.length);
    const members = FACTS[family as keyof typeof FACTS] as Readonly<Record<string, Type>>;
    return Object.hasOwn(members, field) ? (members[field] as Type) : this.#unknownFact(expr, field, Object.keys(members), `${family}.`);
  }

  #list(expr: Expr, elements: readonly Type[]): Type {
    const first = elements[0];
    if (first === undefined) return 'list';
    const mixed = elements.find((element) => !isSame(element, first));
    if (mixed !== undefined) return this.complain(expr, `The list mixes ${inWords(first)} and ${inWords(mixed)}`, 'Use one kind of value in a list.');
    return first === 'string' ? 'strings' : first === 'int' ? 'ints' : first === 'wrong' ? 'wrong' : 'list';
  }

  #elementOf(expr: Expr, range: Type): Type {
    if (range === 'strings' || range === 'labels') return 'string';
    if (range === 'ints') return 'int';
    if (range === 'groups') return this.complain(expr, "Group by group, the user's groups cannot be gone through", 'Ask for each by name: "NAME" in user.groups.');
    if (range === 'programs') return this.complain(expr, 'Program by program, what is above the request cannot be gone through', 'Ask for each by path: "/PATH" in ancestors.');
    if (range === 'wrong' || range === 'list') return 'wrong';
    return this.complain(expr, `A macro goes through a list, not ${inWords(range)}`, 'Use it on command.args, device.groups or device.labels.');
  }

  #call(call: Call): Type {
    const lone = call.types.find((type) => type.startsWith('facts:'));
    if (lone !== undefined) {
      const family = lone.slice('facts:'.length);
      const members = Object.keys(FACTS[family as keyof typeof FACTS]).map((member) => `${family}.${member}`);
      return this.complain(call.expr, `"${family}" by itself is no value`, `Say which: ${members.join(', ')}.`);
    }
    if (call.types.includes('wrong')) return RESULTS[call.name] ?? 'wrong';
    const signature = SIGNATURES[call.name];
    if (!FUNCTIONS.has(call.name) || signature === undefined) return this.#unknownFunction(call);
    const result = signature(call.types);
    if (result === undefined) {
      return this.complain(call.expr, `${call.name.replaceAll('_', ' ').replace('@', '').trim()} does not go with ${call.types.map(inWords).join(' and ')}`, EXPECTS[call.name] ?? 'Compare values of one kind.');
    }
    return call.name === 'matches' ? this.#matches(call) : result;
  }

  #unknownFunction({ expr, name, operands }: Call): 'wrong' {
    const names = [...FUNCTIONS].filter((each) => /^[a-z]/i.test(each));
    if (['all', 'exists', 'exists_one'].includes(name)) return this.complain(expr, `${name} is written LIST.${name}(x, CONDITION)`, 'For instance command.args.exists(a, a == "--force").');
    if (name === 'map' || name === 'filter') return this.complain(expr, 'Macros that build a list are not supported', 'Use all, exists or exists_one.');
    const near = nearestOf(name, names);
    return this.complain(expr, `There is no function called "${name}" for ${operands.length} operands`, near === undefined ? `Functions are ${names.join(', ')}, all, exists, exists_one.` : `Did you mean ${near}?`);
  }

  /** The pattern must be written out, so that a bad one is found now. */
  #matches({ expr, operands }: Call): Type {
    const pattern = operands[1]?.exprKind;
    const constant = pattern?.case === 'constExpr' && pattern.value.constantKind.case === 'stringValue' ? pattern.value.constantKind.value : undefined;
    if (constant === undefined) return this.complain(expr, 'The pattern of matches() must be written out', 'Write it in quotes.');
    if (constant.length > 256) return this.complain(expr, 'The pattern of matches() is longer than 256 characters', 'Shorten it.');
    if (!isCelError(run('"".matches(pattern)', { pattern: constant }))) return 'bool';
    return this.complain(expr, `"${constant}" is no regular expression`, 'RE2 syntax; no look-around and no back-references.');
  }
}

const CONSTANT_TYPES: Readonly<Record<string, Type>> = {
  boolValue: 'bool', int64Value: 'int', uint64Value: 'int', doubleValue: 'double', stringValue: 'string', bytesValue: 'bytes', nullValue: 'null',
};

type Signature = (types: readonly Type[]) => Type | undefined;

const SETS: readonly Type[] = ['groups', 'programs', 'labels'];
const LISTS: readonly Type[] = ['strings', 'ints', 'list'];
const isNumber = (type: Type | undefined): boolean => type === 'int' || type === 'double';
const arithmetic: Signature = ([a, b]) => (a === b && isNumber(a) ? a : undefined);
const logic: Signature = (types) => (types.every((type) => type === 'bool') ? 'bool' : undefined);
const equality: Signature = ([a, b]) => (a !== undefined && b !== undefined && isComparable(a, b) ? 'bool' : undefined);
const order: Signature = ([a, b]) => ((isNumber(a) && isNumber(b)) || (a === b && a === 'string') ? 'bool' : undefined);
const texts: Signature = (types) => (types.length === 2 && types.every((type) => type === 'string') ? 'bool' : undefined);

function isComparable(a: Type, b: Type): boolean {
  if (SETS.includes(a) || SETS.includes(b)) return false;
  return isSame(a, b) || (isNumber(a) && isNumber(b)) || (LISTS.includes(a) && LISTS.includes(b) && (a === 'list' || b === 'list'));
}

const SIGNATURES: Readonly<Record<string, Signature>> = {
  '_&&_': logic, '_||_': logic, '!_': logic, '@not_strictly_false': logic,
  '_==_': equality, '_!=_': equality, '_<_': order, '_<=_': order, '_>_': order, '_>=_': order,
  '_+_': (types) => arithmetic(types) ?? (types.every((type) => type === 'string') ? 'string' : undefined),
  '_-_': arithmetic, '_*_': arithmetic, '_/_': arithmetic, '_%_': ([a, b]) => (a === 'int' && b === 'int' ? 'int' : undefined),
  '-_': ([a]) => (isNumber(a) ? a : undefined),
  '_?_:_': ([condition, a, b]) => (condition === 'bool' && a !== undefined && b !== undefined && isSame(a, b) ? a : undefined),
  '@in': ([item, list]) => {
    if (list === 'strings' || (list !== undefined && SETS.includes(list))) return item === 'string' ? 'bool' : undefined;
    return (list === 'ints' && item === 'int') || list === 'list' ? 'bool' : undefined;
  },
  '_[_]': ([container, key]) => {
    if (container === 'labels') return key === 'string' ? 'string' : undefined;
    if (key !== 'int') return undefined;
    return container === 'strings' ? 'string' : container === 'ints' ? 'int' : undefined;
  },
  size: ([a, ...rest]) => (rest.length === 0 && a !== undefined && (a === 'string' || a === 'labels' || LISTS.includes(a)) ? 'int' : undefined),
  contains: texts, startsWith: texts, endsWith: texts, matches: texts,
};

/** What a call gives even where an operand is wrong, so that one mistake is told once. */
const RESULTS: Readonly<Record<string, Type>> = {
  '_&&_': 'bool', '_||_': 'bool', '!_': 'bool', '_==_': 'bool', '_!=_': 'bool', '_<_': 'bool', '_<=_': 'bool', '_>_': 'bool', '_>=_': 'bool', '@in': 'bool',
};

const EXPECTS: Readonly<Record<string, string>> = {
  '_&&_': 'Both sides must be true or false.', '_||_': 'Both sides must be true or false.', '!_': 'It must be true or false.',
  '@in': 'Write "NAME" in user.groups, TEXT in LIST, "KEY" in device.labels, "NAME" in env, or "/PATH" in ancestors.',
  '_?_:_': 'Write CONDITION ? A : B with A and B of one kind.',
  '_[_]': 'Write command.args[0], device.labels["KEY"] or env["NAME"].',
  size: 'It counts lists, labels and the characters of texts.',
};

function isSame(a: Type, b: Type): boolean {
  return a === b || a === 'wrong' || b === 'wrong';
}

function inWords(type: Type): string {
  return IN_WORDS[type] ?? type;
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
