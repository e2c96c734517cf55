import type { Answer } from '@belay/core/evidence';
import type { ServerContext } from '../../context.ts';
import type { RequestRow } from './telling.ts';

export type AnswersDeps = Pick<ServerContext, 'store' | 'keys' | 'clock'>;
/** `key`: the same answer has the same; a later version another. */
export type SealedAnswer = { readonly key: string; readonly envelope: Uint8Array };

/** What became of a device's requests, as far as it has not said that it knows. */
export interface Answers {
  /** `had`: keys that this stream has had already; those are not sealed again. */
  unheard(device: string, had: ReadonlySet<string>): Promise<readonly SealedAnswer[]>;
}

/** A device that says nothing for so long has given the request up itself. */
const WANTED_MS = 7 * 86_400_000;
const AT_ONCE = 500;

export function createAnswers({ store, keys, clock }: AnswersDeps): Answers {
  const seal = (device: string, answer: Omit<Answer, 'server' | 'device' | 'time'>): Uint8Array => keys.seal('answer', { server: keys.serverId, device, ...answer, time: clock() });
  return {
    async unheard(device, had) {
      const since = clock() - WANTED_MS;
      const rows = await store.db.selectFrom('requests').leftJoin('grants', (join) => join.onRef('grants.request_id', '=', 'requests.id').onRef('grants.device_id', '=', 'requests.device_id'))
        .select(['requests.id', 'number', 'answer', 'answer_version', 'answer_words', 'answer_by', 'have', 'need', 'grants.id as grant_id']).where('requests.device_id', '=', device)
        .where((eb) => eb('answer_version', '>', eb.ref('answer_acked'))).where('filed_at', '>', since).orderBy('number', 'desc').limit(AT_ONCE).execute();
      const refusals = await store.db.selectFrom('request_refusals').selectAll().where('device_id', '=', device).where('at', '>', since).orderBy('number').execute();
      const answers = [
        ...rows.toReversed().map((row) => ({ key: `${row.number}.${row.answer_version}`, of: () => answerOf(row, row.grant_id) })),
        ...refusals.map(({ number, words }) => ({ key: `${number}.1`, of: () => ({ request: number, version: 1, state: 'denied' as const, approvers: '', have: 0, need: 0, by: [], message: words }) })),
      ];
      return answers.filter(({ key }) => !had.has(key)).map(({ key, of }) => ({ key, envelope: seal(device, of()) }));
    },
  };
}

type Told = Pick<RequestRow, 'number' | 'answer' | 'answer_version' | 'answer_words' | 'answer_by' | 'have' | 'need'>;

function answerOf({ number, answer, answer_version: version, answer_words: words, answer_by: by, have, need }: Told, grant: string | null): Omit<Answer, 'server' | 'device' | 'time'> {
  const isPending = answer === 'pending';
  return {
    request: number, version, state: answer, approvers: isPending ? words : '', have, need, by: (JSON.parse(by) as string[]).slice(0, 64), message: isPending ? '' : words,
    ...(answer === 'approved' && grant !== null ? { grant } : {}),
  };
}
