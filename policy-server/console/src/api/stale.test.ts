import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { createStale } from './stale.ts';

/** A list on a page; each question is answered by hand. */
function listOf(client: QueryClient) {
  const answers: ((value: string) => void)[] = [];
  const observer = new QueryObserver(client, { queryKey: ['requests', 'list'], staleTime: 10_000, queryFn: ({ signal }) => new Promise<string>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('thrown away')));
    answers.push(resolve);
  }) });
  const end = observer.subscribe(() => undefined);
  return { answers, end, shown: () => observer.getCurrentResult().data };
}

let client: QueryClient;
let stale: ReturnType<typeof createStale>;
let list: ReturnType<typeof listOf>;
const settle = (): Promise<void> => jest.advanceTimersByTimeAsync(150);

beforeEach(() => {
  jest.useFakeTimers();
  client = new QueryClient({ defaultOptions: { queries: { networkMode: 'always', retry: false } } });
  stale = createStale(client);
  list = listOf(client);
});
afterEach(() => {
  stale.stop();
  list.end();
  client.clear();
  jest.useRealTimers();
});

test('a hint while the first answer is on its way is not lost: that answer may be from before', async () => {
  stale.add('requests');
  await settle();
  expect(list.answers).toHaveLength(1);
  list.answers[0]?.('before');
  await settle();
  expect(list.shown()).toBe('before');
  expect(list.answers).toHaveLength(2);
  list.answers[1]?.('after');
  await settle();
  expect(list.shown()).toBe('after');
});

test('a flood of hints over a slow connection throws no answer away, and is one more question', async () => {
  list.answers[0]?.('first');
  await settle();
  for (let round = 0; round < 20; round++) {
    stale.add('requests');
    await settle();
  }
  expect(list.answers).toHaveLength(2);
  list.answers[1]?.('second');
  await settle();
  expect(list.shown()).toBe('second');
  expect(list.answers).toHaveLength(3);
  list.answers[2]?.('third');
  await settle();
  expect([list.shown(), list.answers.length]).toEqual(['third', 3]);
});

test('hints together are one question, of what they make stale and nothing else', async () => {
  list.answers[0]?.('first');
  await settle();
  for (let count = 0; count < 5; count++) stale.add('requests');
  stale.add('devices');
  await settle();
  expect(list.answers).toHaveLength(2);
  list.answers[1]?.('second');
  stale.add('devices');
  await settle();
  expect(list.answers).toHaveLength(2);
});
