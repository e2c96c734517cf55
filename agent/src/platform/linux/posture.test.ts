import { expect, test } from '@jest/globals';
import { UNKNOWN_POSTURE } from '@belay/core/policy';
import { readRootEncrypted } from './posture/disk-encryption.ts';
import { readOsRelease } from './posture/os-release.ts';
import { createPosture, type PostureDeps, type Readers } from './posture.ts';

const KNOWN = { encrypted: true, secureBoot: false, osId: 'debian', osVersion: '12', patchAgeDays: 3, firewall: true };
const GOOD: Readers = {
  encrypted: async () => true,
  secureBoot: async () => false,
  osRelease: async () => ({ osId: 'debian', osVersion: '12' }),
  patchAgeDays: async () => 3,
  firewall: async () => true,
};

function scene(changed: Partial<PostureDeps> = {}): { readonly posture: ReturnType<typeof createPosture>; readonly counted: { reads: number }; bootMs: number } {
  const counted = { reads: 0 };
  const readers: Readers = {
    ...GOOD,
    encrypted: () => {
      counted.reads++;
      return GOOD.encrypted();
    },
  };
  const here = { counted, bootMs: 1000 };
  const posture = createPosture({ nowMs: () => 0, bootMs: () => here.bootMs, agentHealthy: () => true, readers, refreshEveryMs: 60_000, maxAgeMs: 300_000, ...changed });
  return Object.assign(here, { posture });
}

test('nothing is known before it is read, and asking waits for nothing', async () => {
  const { posture, counted } = scene();
  expect(posture.current()).toEqual({ ...UNKNOWN_POSTURE, agentHealthy: true });
  // Asking has started a reading, and a second one joins it.
  await posture.refresh();
  expect(counted.reads).toBe(1);
  expect(posture.current()).toEqual({ ...KNOWN, agentHealthy: true });
  expect(counted.reads).toBe(1);
});

test('what has aged is told while it is read anew; what is too old counts as unknown', async () => {
  const here = scene();
  await here.posture.refresh();
  here.bootMs += 60_000;
  expect(here.posture.current()).toEqual({ ...KNOWN, agentHealthy: true });
  expect(here.counted.reads).toBe(1);
  here.bootMs += 1;
  expect(here.posture.current()).toEqual({ ...KNOWN, agentHealthy: true });
  expect(here.counted.reads).toBe(2);
  await here.posture.refresh();
  here.bootMs += 300_001;
  expect(here.posture.current()).toEqual({ ...UNKNOWN_POSTURE, agentHealthy: true });
  await here.posture.refresh();
  expect(here.posture.current()).toEqual({ ...KNOWN, agentHealthy: true });
  here.posture.close();
});

test('facts are as old as the beginning of their reading', async () => {
  const slow = Promise.withResolvers<boolean>();
  const here = scene({ readers: { ...GOOD, firewall: () => slow.promise } });
  const reading = here.posture.refresh();
  here.bootMs += 300_001;
  slow.resolve(true);
  await reading;
  expect(here.posture.current()).toEqual({ ...UNKNOWN_POSTURE, agentHealthy: true });
  here.posture.close();
});

test.each<[keyof Readers, Partial<typeof UNKNOWN_POSTURE>]>([
  ['encrypted', { encrypted: undefined }],
  ['secureBoot', { secureBoot: undefined }],
  ['osRelease', { osId: undefined, osVersion: undefined }],
  ['patchAgeDays', { patchAgeDays: undefined }],
  ['firewall', { firewall: undefined }],
])('one that fails is unknown, the others are not: %s', async (name, unknown) => {
  const { posture } = scene({ readers: { ...GOOD, [name]: () => Promise.reject(new Error('fault')) } });
  await posture.refresh();
  expect(posture.current()).toEqual({ ...KNOWN, ...unknown, agentHealthy: true });
});

test('the agent\'s own health is as it is handed in now', async () => {
  let healthy: boolean | undefined = true;
  const { posture } = scene({ agentHealthy: () => healthy });
  await posture.start();
  expect(posture.current().agentHealthy).toBe(true);
  healthy = false;
  expect(posture.current().agentHealthy).toBe(false);
  healthy = undefined;
  expect(posture.current().agentHealthy).toBeUndefined();
  posture.close();
});

test('closed, it knows nothing, and a reading that ends later leaves nothing behind', async () => {
  const { posture, counted } = scene();
  await posture.start();
  const reading = posture.refresh();
  posture.close();
  await reading;
  expect(posture.current()).toEqual({ ...UNKNOWN_POSTURE, agentHealthy: true });
  expect(counted.reads).toBe(2);
});

test('this machine\'s, by its own readers', async () => {
  const posture = createPosture({ nowMs: Date.now, bootMs: () => 0, agentHealthy: () => true });
  await posture.refresh();
  expect(posture.current()).toMatchObject({ encrypted: await readRootEncrypted(), ...(await readOsRelease()), agentHealthy: true });
  posture.close();
});
