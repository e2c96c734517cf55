import { z } from 'zod';
import { CHILDREN, RECORDS } from '../../policy/obligations.ts';
import { alert } from '../schema-outcome.ts';
import type { DeepReadonly } from './schema-world.ts';
import { duration, text } from '../texts.ts';

/** What a case expects. Everything that is left out may be anything; null says that there is none. */
const DAY_HOURS = 24;
const YEAR_HOURS = 365 * DAY_HOURS;
const list = z.array(z.string()).max(1000);
const oneOrMore = z.union([z.string(), list]);
const time = duration(YEAR_HOURS).nullable();
const count = z.number().int().min(1).nullable();

const reasonDemand = z.strictObject({
  minLength: z.number().int().min(1).optional(),
  pattern: oneOrMore.nullable().optional(),
  suggestions: list.nullable().optional(),
});

const approval = z.strictObject({ from: list.optional(), count: z.number().int().min(1).optional(), within: duration(YEAR_HOURS).optional() });

const demands = z.strictObject({
  reason: z.union([z.boolean(), reasonDemand]).nullable().optional().meta({ description: 'true: some reason; false or null: none is demanded.' }),
  reauth: z.union([z.boolean(), duration(YEAR_HOURS)]).nullable().optional().meta({ description: 'true: the password now; a length of time: one entered that recently; false or null: not demanded.' }),
  confirm: z.boolean().optional(),
  approval: z.union([approval, z.array(approval)]).nullable().optional().meta({ description: 'Every approval that is demanded; null: none.' }),
});

const umask = text((value) => (/^0?[0-7]{3}$/.test(value) ? undefined : { message: `"${value}" is no umask`, remedy: 'Write three octal digits in quotes, for instance "027".' }));
const failure = z.enum(['allow', 'spool', 'deny']);

const obligations = z.strictObject({
  duration: time.optional(),
  uses: count.optional(),
  total: time.optional(),
  children: z.enum(CHILDREN).optional(),
  capabilities: list.nullable().optional().meta({ description: 'null: all.' }),
  network: z.enum(['allow', 'deny']).optional(),
  writable: list.nullable().optional().meta({ description: 'null: all.' }),
  environment: z.strictObject({ keep: list.optional(), set: z.record(z.string(), z.string()).optional() }).optional(),
  umask: umask.nullable().optional().meta({ description: 'Three octal digits in quotes; null: the caller\'s.' }),
  cwd: z.string().nullable().optional().meta({ description: 'null: where it was asked for.' }),
  record: z.enum(RECORDS).optional(),
  alert: alert.optional().meta({ description: 'Also of a deny.' }),
  argv0: z.string().optional(),
  sha256: z.union([z.boolean(), oneOrMore]).nullable().optional().meta({ description: 'true: pinned; false or null: not.' }),
  recorderUnable: failure.optional(),
  diskFull: failure.optional(),
  conflicts: list.nullable().optional().meta({ description: 'What rules want at once and cannot have at once; null: nothing.' }),
});

const outcome = {
  decision: z.enum(['allow', 'ask', 'deny']),
  by: z.array(z.string()).optional().meta({ description: 'POLICY/RULE, all that decided, in any order.' }),
  reason: z.enum(['denied-by-rule', 'no-rule', 'unsafe-file', 'no-policy']).optional().meta({ description: 'Of a deny.' }),
  message: z.string().nullable().optional(),
  demands: demands.optional(),
  obligations: obligations.optional(),
};

const short = z.enum(['allow', 'ask', 'deny']);

export const expectSchema = z.union([
  short,
  z.strictObject({
    ...outcome,
    monitored: z.union([short, z.strictObject(outcome)]).optional().meta({ description: 'What it would be if policies with mode: monitor were enforced.' }),
  }),
]).meta({ description: 'The decision, or the decision and more.' });

export type ExpectShape = DeepReadonly<z.infer<typeof expectSchema>>;
export type OutcomeShape = Omit<Exclude<ExpectShape, string>, 'monitored'>;
