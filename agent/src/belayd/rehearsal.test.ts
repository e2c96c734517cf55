import { expect, test } from '@jest/globals';
import { createLinuxPlatform } from '../platform/linux/linux-platform.ts';
import { createRehearsal } from './rehearsal.ts';

test('a rehearsal goes all the way: an answer that lets the command start, with PAM and without', () => {
  const platform = createLinuxPlatform();
  const rehearsal = createRehearsal(platform);
  for (let round = 0; round < 150; round++) expect(rehearsal.once(round % 2 === 0)).toBe(true);
  rehearsal.close();
  platform.close();
});
