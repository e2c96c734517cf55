import type { ArgumentSpec, RunTarget } from '../../policy/compiled.ts';
import type { Proposal } from './proposals.ts';
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
export function lintRewrite(proposed: Proposal, rule: LintRule, target: number, origins: Origins): LintRewrite {
  const at = rule.targets[target] as RunTarget;
  const origin = origins.of(rule, target);
  const own = origin.set === undefined;
  switch (proposed.kind) {
    case 'arguments': {
      const entry = entryOf(at, proposed.command, proposed.args, rule);
      const limits = proposed.children === undefined ? undefined : { children: proposed.children };
      const edits = own ? together([rule.policy.places.replacement(origin.path, yamlText(entry)), ...(limits === undefined ? [] : [limitEdit(rule, 'children', 'check')])]) : [];
      return { text: yamlLines({ run: [entry], limits }), reason: proposed.reason, edits };
    }
    case 'children':
      return { text: yamlLines({ limits: { children: proposed.children } }), reason: proposed.reason, edits: together([limitEdit(rule, 'children', 'check')]) };
    case 'deny': {
      const entry = entryOf(at, at.command as string, at.args, rule);
      const denial = { run: [entry], then: 'deny', message: proposed.message };
      const { name, who } = rule.shape;
      const edits = own && rule.targets.length === 1 && rule.compiled.run.not.length === 0 ? together([rule.policy.places.replacement(['rules', rule.index], yamlText({ name, who, ...denial }))]) : [];
      return { text: yamlLines(denial), reason: proposed.reason, edits };
    }
  }
}

/** The same entry with another command. */
export function commandRewrite({ rule, target, origins }: EntryPlace, command: string, reason: string): LintRewrite {
  const at = rule.targets[target] as RunTarget;
  const origin = origins.of(rule, target);
  const entry = { ...entryOf(at, command, at.args, rule), package: at.package === undefined ? undefined : packageOf(rule, at) };
  return { text: yamlLines({ run: [entry] }), reason, edits: origin.set === undefined ? together([rule.policy.places.replacement(origin.path, yamlText(entry))]) : [] };
}

export type EntryPlace = { readonly rule: LintRule; readonly target: number; readonly origins: Origins };

/** One more limit of a rule, or another value of it. */
export function limitRewrite(rule: LintRule, key: string, value: unknown, reason: string): LintRewrite {
  return { text: yamlLines({ limits: { [key]: value } }), reason, edits: together([limitEdit(rule, key, value)]) };
}

/** Another value of a key that the rule has. */
export function valueRewrite(rule: LintRule, key: string, value: unknown, reason: string): LintRewrite {
  return { text: yamlLines({ [key]: value }), reason, edits: together([rule.policy.places.replacement(['rules', rule.index, key], yamlText(value))]) };
}

/** All of them or none: half a rewrite is none. */
function together(edits: readonly (Edit | undefined)[]): readonly Edit[] {
  return edits.every((edit) => edit !== undefined) ? edits : [];
}

function limitEdit(rule: LintRule, key: string, value: unknown): Edit | undefined {
  const { places } = rule.policy;
  const path = ['rules', rule.index] as const;
  return places.has([...path, 'limits']) ? places.insertion([...path, 'limits'], key, value) : places.insertion(path, 'limits', { [key]: value });
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
