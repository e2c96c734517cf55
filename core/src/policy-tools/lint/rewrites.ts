import type { ArgumentSpec, RunTarget } from '../../policy/compiled.ts';
import type { Rewrite } from '../escapes/index.ts';
import type { Edit, LintRewrite } from './finding.ts';
import type { LintRule } from './model.ts';
import type { Origins } from './origins.ts';
import { yamlLines, yamlText } from './yaml-text.ts';

/** What a target is written as: a compiled one, back in the language. */
export type Written = {
  readonly command?: string | undefined;
  readonly args?: readonly unknown[] | undefined;
  readonly sha256?: readonly string[] | undefined;
  readonly package?: unknown;
};

/** As YAML and as edits of the file, from what the table of escapes proposes. */
export function lintRewrite(proposed: Rewrite, rule: LintRule, target: number, origins: Origins): LintRewrite {
  const at = rule.targets[target] as RunTarget;
  const origin = origins.of(rule, target);
  const own = origin.set === undefined;
  switch (proposed.kind) {
    case 'arguments': {
      const entry = entryOf(at, proposed.command, restored(proposed.args, at.args), rule);
      const limits = proposed.children === undefined ? undefined : { children: proposed.children };
      const edits = own ? together([rule.policy.places.replacement(origin.path, yamlText(entry)), ...(limits === undefined ? [] : [childrenEdit(rule)])]) : [];
      return { text: yamlLines({ run: [entry], limits }), reason: proposed.reason, edits };
    }
    case 'children':
      return { text: yamlLines({ limits: { children: proposed.children } }), reason: proposed.reason, edits: together([childrenEdit(rule)]) };
    case 'deny': {
      const entry = entryOf(at, at.command as string, at.args, rule);
      const denial = { run: [entry], then: 'deny', message: proposed.message };
      const { name, who } = rule.shape;
      const edits = own && rule.targets.length === 1 && rule.compiled.run.not.length === 0 ? together([rule.policy.places.replacement(['rules', rule.index], yamlText({ name, who, ...denial }))]) : [];
      return { text: yamlLines(denial), reason: proposed.reason, edits };
    }
  }
}

/** All of them or none: half a rewrite is none. */
function together(edits: readonly (Edit | undefined)[]): readonly Edit[] {
  return edits.every((edit) => edit !== undefined) ? edits : [];
}

function childrenEdit(rule: LintRule): Edit | undefined {
  const { places } = rule.policy;
  const path = ['rules', rule.index] as const;
  return places.has([...path, 'limits']) ? places.insertion([...path, 'limits'], 'children', 'check') : places.insertion(path, 'limits', { children: 'check' });
}

function entryOf(target: RunTarget, command: string, args: readonly ArgumentSpec[] | undefined, rule: LintRule): Written {
  const isSame = command === target.command;
  return {
    command,
    args: args?.map((spec) => (typeof spec === 'object' && 'either' in spec ? spec.either : spec)),
    sha256: isSame ? target.sha256 : undefined,
    package: isSame && target.package !== undefined ? packageOf(rule, target) : undefined,
  };
}

/** As its author wrote it. */
function packageOf({ shape, compiled }: LintRule, target: RunTarget): unknown {
  const wanted = (Array.isArray(shape.run) ? shape.run : []).filter((entry): entry is Exclude<typeof entry, string> => typeof entry === 'object' && !('not' in entry && entry.not !== undefined));
  const entry = wanted[compiled.run.is.indexOf(target)];
  return entry !== undefined && 'package' in entry ? entry.package : undefined;
}

/** A regular expression or a list was asked about as "any argument"; where the proposal keeps the rule's arguments, it keeps these as they are. */
function restored(args: readonly string[], original: readonly ArgumentSpec[] | undefined): readonly ArgumentSpec[] {
  if (original === undefined || original.every((spec) => typeof spec === 'string')) return args;
  const result: ArgumentSpec[] = [];
  let next = 0;
  for (const arg of args) {
    const spec = original[next];
    if (spec !== undefined && openText(spec) === arg) {
      result.push(spec);
      next++;
    } else result.push(arg);
  }
  return next === original.length ? result : args;
}

/** What an argument is taken for where only globs can be judged. */
export function openText(spec: ArgumentSpec): string {
  return typeof spec === 'string' ? spec : '*';
}
