import type { PackagePattern, VersionCondition } from '../policy/compiled.ts';
import { type RunTargetShape, versionPattern } from './schema-run.ts';

type PackageShape = NonNullable<RunTargetShape['package']>;

/** `takesAway`: of a deny, or of an allow's exception: there a file counts whether it was modified or not. */
export function compilePackage(owner: PackageShape, takesAway: boolean): PackagePattern {
  const { name, version, repository, key, unmodified } = typeof owner === 'string' ? { name: owner } : owner;
  return {
    name,
    version: version === undefined ? undefined : [version].flat().map(compileVersion),
    repository: repository === undefined ? undefined : [repository].flat(),
    key: key === undefined ? undefined : [key].flat().map((each) => each.replaceAll(' ', '').toUpperCase()),
    unmodified: unmodified === 'any' ? undefined : (unmodified ?? (takesAway ? undefined : true)),
  };
}

function compileVersion(text: string): VersionCondition {
  const [, operator, version] = versionPattern.exec(text) as unknown as [string, VersionCondition['is'] | undefined, string];
  return { is: operator ?? (version.includes('*') ? 'like' : '='), version };
}
