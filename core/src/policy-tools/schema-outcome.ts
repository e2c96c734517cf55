import * as z from 'zod';
import { ALERTS, CHILDREN, RECORDS } from '../policy/obligations.ts';
import { regex } from './schema-run.ts';
import { folder, variableName } from './schema-around.ts';
import { duration, label, text } from './texts.ts';

/** What a rule may demand, and what it lays on the command. */
const DAY_HOURS = 24;
const YEAR_HOURS = 365 * DAY_HOURS;

const approver = text((value) =>
  value === 'manager' || /^(?:role|group|user):[^\p{Cc}\p{Cf}]{1,256}$/u.test(value) ? undefined : { message: `"${value}" names no approver`, remedy: 'Write role:NAME, group:NAME, user:NAME or manager.' },
).meta({ description: 'role:NAME, group:NAME, user:NAME, or manager.' });

const escalation = z.strictObject({
  after: duration(30 * DAY_HOURS).meta({ description: 'How long nobody has answered.' }),
  to: z.array(approver).min(1).max(64).meta({ description: 'Who may then say yes as well.' }),
});

const approval = z.strictObject({
  from: z.array(approver).min(1).max(64).meta({ description: 'Who may say yes; never the requester.' }),
  count: z.number().int().min(1).max(10).optional().meta({ description: 'How many of them. Default 1.' }),
  within: duration(30 * DAY_HOURS).optional().meta({ description: 'For how long the request waits. Default 30m.' }),
  escalate: escalation.optional().meta({ description: 'More people, when those of from do not answer.' }),
});

const MAX_STAGES = 5;

const reason = z.strictObject({
  minLength: z.number().int().min(1).max(500).optional().meta({ description: 'In characters. Default 1.' }),
  pattern: regex.optional().meta({ description: 'What the whole reason must look like, for instance a ticket: "(OPS|SEC)-[0-9]+.*".' }),
  suggestions: z.array(text(label('The suggestion', 200))).max(64).optional().meta({ description: 'Offered to the person.' }),
});

export const requirements = z.strictObject({
  reason: z.union([z.literal(true), reason]).optional().meta({ description: 'A reason in words.' }),
  reauth: z.union([z.literal(true), duration(DAY_HOURS)]).optional().meta({ description: 'A password; with a length of time, one entered that recently in this login session will do.' }),
  confirm: z.literal(true).optional().meta({ description: 'The person must say yes once more.' }),
  approval: z.union([approval, z.array(approval).min(1).max(MAX_STAGES)]).optional().meta({ description: 'Another person must say yes. A list: one stage after the other.' }),
});

const capability = text((value) => (/^CAP_[A-Z0-9_]{1,40}$/.test(value) ? undefined : { message: `"${value}" is no capability`, remedy: 'See capabilities(7); for instance CAP_NET_ADMIN.' })).meta({ description: 'A name of capabilities(7).', pattern: '^CAP_[A-Z0-9_]+$' });
const keptVariable = text((value) => (/^[A-Za-z_][A-Za-z0-9_]{0,127}\*?$/.test(value) ? undefined : { message: `"${value}" names no variable`, remedy: 'Letters, digits and _; a * at the end stands for any ending.' })).meta({ description: 'A variable; a * at the end stands for any ending.' });
const umask = text((value) => (/^0?[0-7]{3}$/.test(value) ? undefined : { message: `"${value}" is no umask`, remedy: 'Write three octal digits in quotes, for instance "027".' })).meta({ description: 'Three octal digits, in quotes.', pattern: '^0?[0-7]{3}$' });
const value = text((text_) => (text_.includes('\0') || text_.length > 4096 ? { message: 'A value cannot be that', remedy: 'At most 4096 characters, without NUL.' } : undefined));

export const limits = z.strictObject({
  duration: duration(YEAR_HOURS).optional().meta({ description: 'How long the command may run. Left out: no end.' }),
  uses: z.number().int().min(1).max(1_000_000).optional().meta({ description: 'How often the rule may be used. Left out: no end.' }),
  total: duration(YEAR_HOURS).optional().meta({ description: 'How long its commands may run, all together. Left out: no end.' }),
  children: z.enum(CHILDREN).optional().meta({ description: 'Programs that it starts: as they are, each by a rule of its own (check), or none. Default allow.' }),
  capabilities: z.array(capability).max(64).optional().meta({ description: 'The only capabilities that it keeps. Left out: all.' }),
  network: z.enum(['allow', 'deny']).optional().meta({ description: 'Whether it reaches the network. Default allow.' }),
  writable: z.array(folder).max(256).optional().meta({ description: 'The only folders and files that it may write. Left out: all.' }),
  environment: z
    .strictObject({
      keep: z.array(keptVariable).max(256).optional().meta({ description: 'Variables kept beyond the usual ones, for instance LC_*.' }),
      set: z.record(variableName, value).optional().meta({ description: 'Variables set.' }),
    })
    .optional()
    .meta({ description: 'Variables of the command. The usual ones are kept without being named.' }),
  umask: umask.optional().meta({ description: 'For new files; bits are only ever added to the caller\'s. Left out: the caller\'s.' }),
  cwd: folder.optional().meta({ description: 'Where it runs. Left out: where it was asked for.' }),
});

export const record = z.enum(RECORDS).meta({ description: 'What is recorded of it: nothing, the commands that it starts, or the whole session. Default none.' });
export const alert = z.union([z.literal(true), z.enum(ALERTS)]).meta({ description: 'Tell the SOC, and how urgently; true means medium. Default none.' });

const answer = z.enum(['allow', 'spool', 'deny']);
export const onFailure = z.strictObject({
  manifestExpired: answer.optional().meta({ description: 'The policy in force has expired. Default deny.' }),
  serverUnreachable: z
    .strictObject({
      after: duration(YEAR_HOURS).meta({ description: 'How long the server must have been silent.' }),
      then: answer.meta({ description: 'What becomes of the rule then.' }),
    })
    .optional()
    .meta({ description: 'The server has been silent for that long. Left out: it does not matter.' }),
  recorderUnable: answer.optional().meta({ description: 'The recording cannot be made. Default deny.' }),
  diskFull: answer.optional().meta({ description: 'Evidence cannot be written to disk: spool keeps it in memory, allow counts it as lost. Default deny.' }),
});
