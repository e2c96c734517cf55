import * as z from 'zod';
import { parseNetwork } from '../../policy/network.ts';
import { documentName, duration, label, prose, text } from '../texts.ts';
import { parseMoment } from './moment.ts';
import { expectSchema } from './schema-expect.ts';
import { type DeepReadonly, worldSchema } from './schema-world.ts';

/** What a file of cases may say. The JSON Schema is made from it. */
const YEAR_HOURS = 365 * 24;
/** The kernel's -1 included: it is asked for, and must never be granted. */
const id = z.number().int().min(-1).max(0xffff_ffff);
const bytes = z.string().max(200_000);
const name = text(label('The name', 256));
const path = text((value) => (/^(?:\/|\\x2f)/i.test(value) ? undefined : { message: `"${value}" is no absolute path`, remedy: 'Write it in full, for instance /usr/bin/apt-get.' })).meta({ pattern: '^/' });
const at = text((value) => (parseMoment(value, undefined) === undefined ? { message: `"${value}" is no time`, remedy: 'Write for instance 2026-03-04T10:00:00Z, or 2026-03-04 10:00 for the clock of the device.' } : undefined));
const address = text((value) => (value.includes('/') || parseNetwork(value) === undefined ? { message: `"${value}" is no address`, remedy: 'Write an IPv4 or IPv6 address.' } : undefined));
const variable = text((value) => (/^[^=]+=/.test(value) ? undefined : { message: `"${value}" sets no variable`, remedy: 'Write NAME=value.' }));

const askFields = {
  who: name.meta({ description: 'A user by name, or uid:N: one whose name is not known.' }),
  groups: z.array(name).max(1000).optional().meta({ description: 'Groups beside the primary one, by name or as gid:N.' }),
  run: z.array(bytes).min(1).max(10_000).meta({ description: 'The command as it is typed, in full, and its arguments. \\xHH stands for a byte.' }),
  as: z
    .strictObject({
      user: name.optional().meta({ description: 'sudo -u NAME.' }),
      group: name.optional().meta({ description: 'sudo -g NAME. Alone: oneself, with that group.' }),
      uid: id.optional().meta({ description: 'sudo -u \'#N\'; -1 is one that no rule may grant.' }),
      gid: id.optional().meta({ description: 'sudo -g \'#N\'.' }),
    })
    .optional()
    .meta({ description: 'Whom it would run as. Default root.' }),
  cwd: path.optional().meta({ description: 'Working directory. Default /home/user.' }),
  env: z.array(variable).max(1000).optional().meta({ description: 'NAME=value each: the environment of the command.' }),
  at: at.optional().meta({ description: '2026-03-04T10:00:00Z, with another offset, or without one: by the clock of the device. Default 2026-03-04T10:00:00Z, a Wednesday.' }),
  terminal: z.boolean().optional().meta({ description: 'There is a terminal. Default true.' }),
  door: z.enum(['sudo', 'run', 'polkit', 'tray']).optional().meta({ description: 'How it is asked for. Default sudo.' }),
  expired: z.boolean().optional().meta({ description: 'The policy in force has expired. Default false.' }),
  silent: z.union([z.literal('unknown'), duration(YEAR_HOURS)]).optional().meta({ description: 'For how long the server has not been heard of. Default 0s.' }),
  above: z.array(path).max(64).optional().meta({ description: 'Programs above, parent first. Left out: not known.' }),
  whole: z.boolean().optional().meta({ description: 'Whether none of those above has gone. Default true.' }),
  login: z.enum(['console', 'desktop', 'ssh', 'service']).optional().meta({ description: 'How they logged in. Left out: not known.' }),
  address: address.optional().meta({ description: 'Of an SSH login, the address it came from. Left out: not known.' }),
};

export const caseSchema = z.strictObject({ name: name.meta({ description: 'What it shows; unique in its file.' }), ...askFields, expect: expectSchema });

export const policyTestSchema = z.strictObject({
  apiVersion: z.literal('belay/v1').meta({ description: 'The version of the language.' }),
  kind: z.literal('PolicyTest'),
  metadata: z
    .strictObject({ name: documentName('policy test'), description: text(prose('The description', 1000)).optional().meta({ description: 'For people.' }) })
    .meta({ title: 'Metadata', description: 'What the document is called.' }),
  policies: z.array(name).min(1).max(1000).optional().meta({ description: 'Files and folders of policies, relative to this file. Left out: every policy file beside this one.' }),
  world: worldSchema.optional().meta({ description: 'The device. All of it is optional.' }),
  cases: z.array(caseSchema).min(1).max(20_000).meta({ description: 'In any order; none depends on another.' }),
});

export type PolicyTestShape = DeepReadonly<z.infer<typeof policyTestSchema>>;
export type CaseShape = DeepReadonly<z.infer<typeof caseSchema>>;
/** One request and its circumstances. */
export type Ask = Omit<CaseShape, 'name' | 'expect'>;

/** For editors: complete and check while typing. */
export function policyTestJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(policyTestSchema, { io: 'input', unrepresentable: 'any', reused: 'ref' });
  return { $schema, title: 'Belay policy test', ...schema };
}

/** The keys that the schema knows in the map at a path. */
export function knownKeysAt(path: readonly (string | number)[], schema: z.ZodType = policyTestSchema): readonly string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return knownKeysAt(path, schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodUnion) return [...new Set(schema.options.flatMap((option) => knownKeysAt(path, option as z.ZodType)))];
  const [step, ...rest] = path;
  if (schema instanceof z.ZodArray) return step === undefined ? [] : knownKeysAt(rest, schema.element as z.ZodType);
  if (schema instanceof z.ZodRecord) return step === undefined ? [] : knownKeysAt(rest, schema.valueType as z.ZodType);
  if (!(schema instanceof z.ZodObject)) return [];
  if (step === undefined) return Object.keys(schema.shape);
  const next = Object.hasOwn(schema.shape, step) ? (schema.shape[step] as z.ZodType) : undefined;
  return next === undefined ? [] : knownKeysAt(rest, next);
}
