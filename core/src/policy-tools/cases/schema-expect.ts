import * as z from 'zod';
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
  minLength: z.number().int().min(1).optional().meta({ description: 'In characters.' }),
  pattern: oneOrMore.nullable().optional().meta({ description: 'All that the reason must look like; null: nothing.' }),
  suggestions: list.nullable().optional().meta({ description: 'All that are offered; null: none.' }),
});

const approval = z.strictObject({
  from: list.optional().meta({ description: 'Who may say yes.' }),
  count: z.number().int().min(1).optional().meta({ description: 'How many of them.' }),
  within: duration(YEAR_HOURS).optional().meta({ description: 'For how long it waits.' }),
  stage: z.number().int().min(1).optional().meta({ description: 'Its place in the order in which they are asked for; the first is 1.' }),
  escalate: z.strictObject({ after: duration(YEAR_HOURS).optional().meta({ description: 'After how long.' }), to: list.optional().meta({ description: 'Who may then say yes as well.' }) }).nullable().optional().meta({ description: 'null: nobody else, ever.' }),
});

const demands = z.strictObject({
  reason: z.union([z.boolean(), reasonDemand]).nullable().optional().meta({ description: 'true: some reason; false or null: none is demanded.' }),
  reauth: z.union([z.boolean(), duration(YEAR_HOURS)]).nullable().optional().meta({ description: 'true: the password now; a length of time: one entered that recently; false or null: not demanded.' }),
  confirm: z.boolean().optional().meta({ description: 'Whether the person must say yes once more.' }),
  approval: z.union([approval, z.array(approval)]).nullable().optional().meta({ description: 'Every approval that is demanded; null: none.' }),
  emergency: z.boolean().optional().meta({ description: 'Whether it is break-glass.' }),
});

const umask = text((value) => (/^0?[0-7]{3}$/.test(value) ? undefined : { message: `"${value}" is no umask`, remedy: 'Write three octal digits in quotes, for instance "027".' }));
const failure = z.enum(['allow', 'spool', 'deny']);

const obligations = z.strictObject({
  duration: time.optional().meta({ description: 'null: no end.' }),
  uses: count.optional().meta({ description: 'null: no end.' }),
  total: time.optional().meta({ description: 'null: no end.' }),
  children: z.enum(CHILDREN).optional().meta({ description: 'Programs that it starts.' }),
  capabilities: list.nullable().optional().meta({ description: 'null: all.' }),
  network: z.enum(['allow', 'deny']).optional().meta({ description: 'Whether it reaches the network.' }),
  writable: list.nullable().optional().meta({ description: 'null: all.' }),
  environment: z
    .strictObject({
      keep: list.optional().meta({ description: 'All that are kept beyond the usual ones.' }),
      set: z.record(z.string(), z.string()).optional().meta({ description: 'Some that are set; others may be as well.' }),
    })
    .optional()
    .meta({ description: 'Variables of the command.' }),
  umask: umask.nullable().optional().meta({ description: 'Three octal digits in quotes; null: the caller\'s.' }),
  cwd: z.string().nullable().optional().meta({ description: 'null: where it was asked for.' }),
  record: z.enum(RECORDS).optional().meta({ description: 'What is recorded of it.' }),
  alert: alert.optional().meta({ description: 'Also of a deny.' }),
  argv0: z.string().optional().meta({ description: 'The name that it runs under.' }),
  sha256: z.union([z.boolean(), oneOrMore]).nullable().optional().meta({ description: 'true: pinned; false or null: not.' }),
  recorderUnable: failure.optional().meta({ description: 'What is done when it cannot be recorded.' }),
  diskFull: failure.optional().meta({ description: 'What is done when the disk is full.' }),
  conflicts: list.nullable().optional().meta({ description: 'What rules want at once and cannot have at once; null: nothing.' }),
});

const outcome = {
  decision: z.enum(['allow', 'ask', 'deny']).meta({ description: 'What comes of the request.' }),
  by: z.array(z.string()).optional().meta({ description: 'POLICY/RULE, all that decided, in any order.' }),
  reason: z.enum(['denied-by-rule', 'no-rule', 'unsafe-file', 'no-policy']).optional().meta({ description: 'Of a deny.' }),
  message: z.string().nullable().optional().meta({ description: 'What the person is shown; null: nothing.' }),
  demands: demands.optional().meta({ description: 'Of an ask.' }),
  obligations: obligations.optional().meta({ description: 'What the command is bound by.' }),
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
