import * as z from 'zod';
import type { Db } from '../../store/index.ts';

/** What others wrote: whoever shows it makes it inert (T-29, T-42). */
const words = z.string();
const time = z.int().describe('Unix milliseconds');
const device = z.strictObject({ id: z.string(), name: words });
const requestFacts = z.strictObject({
  id: z.string().describe('Id of the request on the server'),
  number: z.int().describe('Its number on the device, as the requester sees it'),
  device,
  user: words.describe('User on the device'),
  uid: z.int(),
  person: z.strictObject({ id: z.string(), name: words }).nullable().describe('The requester, where the user is linked to a person'),
  command: words.describe('Command and arguments in one line, for people'),
  runAs: words.describe('user:group that it runs as'),
  alsoOn: z.array(words).readonly().describe('Names of other devices that it is asked for as well'),
  reason: words.nullable().describe('What the requester gave as the reason'),
  stance: z.enum(['waiting', 'ahead']).describe('waiting: a command waits for the answer in place'),
  emergency: z.boolean(),
  rules: z.array(words).readonly().describe('The rules that ask, as policy/rule'),
  filedAt: time,
  expiresAt: time.describe('Unix milliseconds; nobody can answer after it'),
});
/** What a receiver is told of a request for approval. */
export type RequestFacts = z.output<typeof requestFacts>;

const from = z.array(words).readonly().describe('Who may approve, as the rule says it: role:NAME, group:NAME, user:NAME, manager');

/** Everything that people and programs outside are told of. A kind keeps its name and fields; it may get further ones. */
export const NOTICES = {
  'request-filed': { about: 'Somebody asks for approval', data: z.strictObject({ request: requestFacts, from }) },
  'request-answered': {
    about: 'A request for approval has its answer',
    data: z.strictObject({
      request: requestFacts,
      state: z.enum(['approved', 'denied', 'cancelled', 'expired']),
      by: z.array(words).readonly().describe('Accounts that answered; none when it was cancelled or has expired'),
      words: words.nullable().describe('What they said'),
      at: time,
    }),
  },
  'request-escalated': { about: 'A request has waited for too long: more people may approve it', data: z.strictObject({ request: requestFacts, from }) },
  'emergency-opened': {
    about: 'An emergency rule was approved',
    data: z.strictObject({ request: requestFacts, grant: z.string().describe('Id of the grant'), by: z.array(words).readonly().describe('Accounts that approved'), expiresAt: time }),
  },
  'emergency-reviewed': { about: 'An emergency was looked at afterwards', data: z.strictObject({ request: requestFacts, by: words, words: words.describe('What the reviewer found'), at: time }) },
  'device-silent': { about: 'Nothing was heard from a device for longer than the threshold', data: z.strictObject({ device, lastSeenAt: time }) },
  'device-returned': { about: 'A silent device is back', data: z.strictObject({ device }) },
  'test': { about: 'An administrator tries a webhook', data: z.strictObject({ by: words }) },
} as const satisfies Readonly<Record<string, { readonly about: string; readonly data: z.ZodType }>>;

export type NoticeKind = keyof typeof NOTICES;
export const NOTICE_KINDS = Object.keys(NOTICES) as readonly NoticeKind[];
export type NoticeData<K extends NoticeKind> = z.output<(typeof NOTICES)[K]['data']>;

/** What happened, complete in itself: it is told as it was at that moment, however much later. */
export type Notice = { [K in NoticeKind]: { readonly kind: K } & NoticeData<K> }[NoticeKind];

/** Tells people and programs outside, by e-mail and webhooks. */
export interface Notices {
  /** Within the transaction of what it is about: told if and only if that commits, soon afterwards, at least once. */
  record(tx: Db, notice: Notice): Promise<void>;
}
