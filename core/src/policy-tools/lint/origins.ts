import type { PolicyDocument } from '../parse.ts';
import type { LintRule } from './model.ts';
import { DocumentPlaces, type Path } from './places.ts';

/** Where a target of a rule is written: an entry of the rule's own, or of a set that the rule uses. */
export type Origin = {
  /** In the rule's document. */
  readonly path: Path;
  readonly set?: { readonly places: DocumentPlaces; readonly path: Path } | undefined;
};

/** Entries of command sets stand for as many targets as the set has entries; this finds the way back. */
export class Origins {
  readonly #sets = new Map<string, DocumentPlaces>();
  readonly #lengths = new Map<string, number>();
  readonly #known = new WeakMap<LintRule, readonly Origin[]>();

  constructor(documents: readonly PolicyDocument[]) {
    for (const document of documents) if (document.kind === 'CommandSet') this.#sets.set(document.name, new DocumentPlaces(document));
  }

  of(rule: LintRule, target: number): Origin {
    const own: Path = ['rules', rule.index, 'run'];
    if (rule.compiled.run.any) return target === 0 ? { path: own } : (this.#originsOf(rule)[target - 1] ?? { path: own });
    return this.#originsOf(rule)[target] ?? { path: own };
  }

  #originsOf(rule: LintRule): readonly Origin[] {
    const known = this.#known.get(rule);
    if (known !== undefined) return known;
    const run: readonly unknown[] = Array.isArray(rule.shape.run) ? rule.shape.run : [];
    const entries = this.#entriesOf(rule);
    const isWanted = run.map((entry) => typeof entry === 'object' && entry !== null && !('not' in entry));
    const origins = entries.filter((_, at) => isWanted[at] === true);
    this.#known.set(rule, origins);
    return origins;
  }

  /** One for each entry once the sets are filled in. */
  #entriesOf(rule: LintRule): readonly Origin[] {
    const base: Path = ['rules', rule.index, 'run'];
    const run: readonly unknown[] = Array.isArray(rule.shape.run) ? rule.shape.run : [];
    if (!rule.policy.document.uses.some((use) => use.startsWith('CommandSet/'))) return run.map((_, at) => ({ path: [...base, at] }));
    return rule.policy.places.items(base).flatMap((written, at): readonly Origin[] => {
      const name = (written as { readonly set?: unknown } | null)?.set;
      const places = typeof name === 'string' ? this.#sets.get(name) : undefined;
      if (places === undefined) return [{ path: [...base, at] }];
      return Array.from({ length: this.#lengthOf(name as string, places) }, (_, entry) => ({ path: [...base, at], set: { places, path: ['run', entry] } }));
    });
  }

  #lengthOf(name: string, places: DocumentPlaces): number {
    const known = this.#lengths.get(name) ?? places.items(['run']).length;
    this.#lengths.set(name, known);
    return known;
  }
}
