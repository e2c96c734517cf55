import { describe, expect, test } from '@jest/globals';
import { letterOf } from './letter.ts';
import type { Notice, RequestFacts } from './notice.ts';

const request: RequestFacts = {
  id: 'r-abcdefghij', number: 217, device: { id: 'd-1', name: 'laptop-17' }, user: 'alice', uid: 1000, person: { id: 'p-1', name: 'Alice Example' },
  command: '/usr/bin/apt-get install htop', runAs: 'root:root', alsoOn: [], reason: 'I need it', stance: 'waiting', emergency: false, rules: ['developers/anything else'], filedAt: 1_790_000_000_000, expiresAt: 1_790_000_600_000,
};
const notices: readonly Notice[] = [
  { kind: 'request-filed', request, from: ['role:approver'] },
  { kind: 'request-escalated', request, from: ['role:operator'] },
  { kind: 'request-answered', request, state: 'denied', by: ['carol'], words: 'Use the test machine', at: 1_790_000_100_000 },
  { kind: 'emergency-opened', request: { ...request, emergency: true }, grant: 'g-1', by: ['carol', 'dave'], expiresAt: 1_790_000_900_000 },
  { kind: 'emergency-reviewed', request, by: 'erin', words: 'All in order', at: 1_790_000_950_000 },
];

test('a letter says who, where, what and why, and leads to the request', () => {
  expect(letterOf(notices[0] as Notice, 'https://belay.example.org:7445')).toEqual({
    subject: 'Belay #217: Alice Example (alice) on laptop-17 asks for approval', thread: 'r-abcdefghij', html: expect.any(String),
    text: `A request waits for your answer.

Who:        Alice Example (alice)
Device:     laptop-17
Command:    /usr/bin/apt-get install htop
Run as:     root:root
Reason:     I need it
Rules:      developers/anything else
Until:      2026-09-21 14:23 UTC

https://belay.example.org:7445/requests/r-abcdefghij

What stands after a colon was written or done by others. Belay never asks for a password by e-mail.
`,
  });
});

test.each(notices)('$kind has words of its own, the same in both forms', (notice) => {
  const letter = letterOf(notice, 'https://belay.example.org');
  const plain = (letter?.html ?? '').replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
  for (const line of (letter?.text ?? '').split('\n').filter((each) => /^[A-Z][a-z ]+: /.test(each))) expect(plain).toContain((line.split(/: +/)[1] as string).trim());
  expect(letter?.subject).toMatch(notice.kind === 'emergency-opened' ? /^EMERGENCY: Belay #217: / : /^Belay #217: /);
});

test('what is told by webhooks alone has no letter', () => {
  expect([letterOf({ kind: 'device-returned', device: { id: 'd', name: 'n' } }, 'https://c'), letterOf({ kind: 'test', by: 'x' }, 'https://c')]).toEqual([undefined, undefined]);
});

describe('what others wrote is inert in every place', () => {
  const nasty = 'a\r\nBcc: victim@example.org\r\n\r\n<img src=x onerror=alert(1)>"\'&\u202e\u0007\u2028\ud800';
  const all: readonly Notice[] = notices.map((notice) => ({
    ...notice,
    request: { ...request, user: nasty, person: { id: 'p', name: nasty }, device: { id: 'd', name: nasty }, command: nasty, reason: nasty, runAs: nasty, rules: [nasty] },
    ...('by' in notice ? { by: Array.isArray(notice.by) ? [nasty] : nasty } : {}),
    ...('words' in notice ? { words: nasty } : {}),
  }) as Notice);

  test.each(all)('in $kind', (notice) => {
    const letter = letterOf(notice, 'https://belay.example.org');
    expect(letter?.subject).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e]/u);
    expect(letter?.text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e]/u);
    // A line of its own begins nowhere in what they wrote.
    expect(letter?.text).not.toMatch(/^Bcc/m);
    expect(letter?.html).not.toMatch(/<img|onerror=alert\(1\)>"|\r|\u202e/);
    expect([...(letter?.html ?? '').matchAll(/<a /g)]).toHaveLength(1);
  });

  test('and as long as it may be', () => {
    const long = letterOf({ kind: 'request-filed', request: { ...request, reason: '\n'.repeat(1_000_000), command: 'x'.repeat(1_000_000), user: 'u'.repeat(10_000) }, from: [] }, 'https://c');
    expect(long?.subject.length).toBeLessThan(200);
    expect(long?.text.length).toBeLessThan(10_000);
  });
});
