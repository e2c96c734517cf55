import { expect, test } from '@jest/globals';
import { createLinuxPlatform } from '../platform/linux/linux-platform.ts';
import { createRehearsal } from './rehearsal.ts';

test('a rehearsal goes all the way: an answer that lets the command start, with PAM and without', () => {
  const platform = createLinuxPlatform();
  // More of them than a person may ask in no time at all: whoever asks oneself is not held to that.
  const rehearsal = createRehearsal({ ...platform, clock: { ...platform.clock, boot: () => 1000 } });
  for (let round = 0; round < 900; round++) expect(rehearsal.once(round % 2 === 0)).toBe(true);
  rehearsal.close();
  platform.close();
});
