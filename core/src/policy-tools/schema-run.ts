import * as z from 'zod';
import { compilePattern } from '../policy/argument-pattern.ts';
import { compileRegex } from '../policy/regular-expression.ts';
import { commandPath, documentName, glob, label, text } from './texts.ts';

/** What a rule's `run` may say. */
const command = text(commandPath).meta({ pattern: '^/' });

const pattern = text((value) => {
  if (value.includes('\0')) return { message: 'An argument cannot hold a NUL byte', remedy: 'Remove it.' };
  if (value.length > 1024) return { message: 'The pattern is longer than 1024 characters', remedy: 'Shorten it, with * for instance.' };
  if (value === '**') return undefined;
  const compiled = compilePattern(value);
  return compiled.ok ? undefined : compiled.error;
}).meta({ description: 'One pattern an argument: * is any one argument (inside a pattern: anything but /), ** at the end is the rest.' });

export const regex = text((value) => {
  const compiled = compileRegex(value);
  return compiled.ok ? undefined : compiled.error;
}).meta({ description: 'A regular expression (RE2 syntax) for the whole text.' });

const alternative = text((value) => (value === '**' ? { message: '"**" is no alternative', remedy: 'Write it as the last argument, by itself.' } : glob('An argument')(value))).meta({ description: 'A pattern for one argument.' });

export const argument = z.union([
  pattern,
  z.strictObject({ regex }).meta({ title: 'An argument by regular expression' }),
  z.array(alternative).min(1).max(256).meta({ description: 'Alternatives: one of them must match.' }),
]);

const hash = text((value) =>
  /^[0-9a-fA-F]{64}$/.test(value) ? undefined : { message: 'A SHA-256 is 64 hexadecimal digits', remedy: 'Take the first column of `sha256sum FILE`.' },
).meta({ description: 'SHA-256 of the file, in hexadecimal.', pattern: '^[0-9a-fA-F]{64}$' });

const packageName = text((value) =>
  /^[A-Za-z0-9*][A-Za-z0-9.+_*-]{0,127}$/.test(value) ? undefined : { message: `"${value}" is no package name`, remedy: 'Letters, digits and . + _ -; * stands for any of them.' },
).meta({ description: 'Name of the package that owns the file; * inside it stands for anything.' });

export const versionPattern = /^(?:(<=|>=|<|>|=) ?)?([A-Za-z0-9.+~^:_*-]{1,128})$/;
const version = text((value) => {
  const [, operator, number] = versionPattern.exec(value) ?? [];
  if (number === undefined) return { message: `"${value}" is no version`, remedy: 'For instance ">= 1.18", "< 2" or "1.18.*".' };
  return operator !== undefined && number.includes('*') ? { message: 'A version with * is not compared', remedy: 'Write the glob alone, or a whole version after the operator.' } : undefined;
}).meta({ description: 'An operator (< <= = >= >) and a version, ordered as the package manager orders them; or a glob.' });

const fingerprint = text((value) =>
  /^[0-9A-Fa-f]{40}(?:[0-9A-Fa-f]{24})?$/.test(value.replaceAll(' ', '')) ? undefined : { message: 'A key is named by its whole fingerprint', remedy: 'Take the 40 hexadecimal digits that `gpg --show-keys --fingerprint FILE` prints.' },
).meta({ description: 'Fingerprint of a signing key, 40 hexadecimal digits.' });

const repository = text(glob('A repository')).meta({ description: 'ORIGIN/SUITE, as `apt-cache policy` tells o= and a=; * stands for anything but /.' });

const oneOrMore = <T extends z.ZodType>(item: T) => z.union([item, z.array(item).min(1).max(256)]);

const owner = z.union([
  packageName,
  z.strictObject({
    name: packageName.optional(),
    version: oneOrMore(version).optional().meta({ description: 'All of these must hold of its version.' }),
    repository: oneOrMore(repository).optional().meta({ description: 'One of these repositories offers this very version. With rpm there is none.' }),
    key: oneOrMore(fingerprint).optional().meta({ description: 'One of these keys has signed: the repository with deb, the package with rpm.' }),
    unmodified: z.union([z.boolean(), z.literal('any')]).optional().meta({ description: 'Whether the file is as the package brought it. Left out: true in allow and ask, any in deny.' }),
  }).meta({ title: 'A package' }),
]).meta({ description: 'The package that owns the file, by dpkg or rpm.' });

const targetFields = {
  command: command.optional().meta({ description: 'Absolute path of one file. Nothing in it is expanded.' }),
  args: z.array(argument).max(256).optional().meta({ description: 'One entry an argument; [] is none. Left out: any arguments.' }),
  sha256: z.union([hash, z.array(hash).min(1).max(256)]).optional().meta({ description: 'The content of the file, one of these. It then runs from a sealed copy.' }),
  package: owner.optional(),
};

export const runTarget = z.strictObject({
  ...targetFields,
  not: z.strictObject(targetFields).meta({ title: 'An exception' }).optional().meta({ description: 'Excepts this from the other entries; alone in its entry.' }),
}).meta({ title: 'A command' });
export type RunTargetShape = z.infer<typeof runTarget>;

const parameterName = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/);
const parameterValue = text(label('The value', 1024));
/** A list stands for alternatives, where the parameter is a whole argument. */
const parameterValues = z.union([parameterValue, z.array(parameterValue).min(1).max(256)]);

export const setUse = z.strictObject({
  set: documentName('command set').meta({ description: 'A command set, by its name.' }),
  with: z.record(parameterName, parameterValues).optional().meta({ description: "Values of the set's parameters. A list stands for alternatives, and fills a whole argument only." }),
}).meta({ title: 'A command set in use' });

/** Parameters stand as {{name}}, so the strings are checked when they are filled in. */
const openText = z.string().max(4096);
const openArgument = z.union([
  openText.meta({ description: 'A pattern.' }),
  z.strictObject({ regex: openText.meta({ description: 'A regular expression for the whole argument.' }) }).meta({ title: 'An argument of a set by regular expression' }),
  z.array(openText).min(1).max(256).meta({ description: 'Alternatives: one of them must match.' }),
]);
const openFields = {
  ...targetFields,
  command: openText.optional().meta({ description: 'Absolute path of one file; may hold {{name}}.' }),
  args: z.array(openArgument).max(256).optional().meta({ description: 'One entry an argument, which may hold {{name}}; [] is none. Left out: any arguments.' }),
};
export const openTarget = z
  .strictObject({ ...openFields, not: z.strictObject(openFields).meta({ title: 'An exception of a set' }).optional().meta({ description: 'Excepts this from the other entries; alone in its entry.' }) })
  .meta({ title: 'A command of a set' });
export type OpenTarget = z.infer<typeof openTarget>;

export const parameters = z.record(
  parameterName,
  z.strictObject({
    default: parameterValues.optional().meta({ description: 'The value where none is given. Left out: whoever uses the set must give one.' }),
    matches: regex.optional().meta({ description: 'What a value must look like.' }),
    description: text(label('The description', 200)).optional().meta({ description: 'For people.' }),
  }).meta({ title: 'A parameter' }),
);
