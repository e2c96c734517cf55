/** Every page of the console: where it is and what is there once it is complete. Tests go through them, and the pictures in docs/ are made of them. */
import type { Page } from 'playwright-core';
import type { ConsoleWorld } from './console-world.ts';

export type ConsolePage = { readonly name: string; readonly title: string; path(world: ConsoleWorld): string; ready(page: Page, world: ConsoleWorld): Promise<void>; readonly before?: (page: Page) => Promise<void> };

const heading = (name: string | RegExp) => (page: Page): Promise<void> => page.getByRole('heading', { level: 1, name }).waitFor();
const row = (text: string) => async (page: Page): Promise<void> => page.locator('tbody tr', { hasText: text }).first().waitFor();

/** The path with the id of the first intent in place of `oldest-intent`. */
export async function eventPath(world: ConsoleWorld, path: string): Promise<string> {
  if (!path.includes('oldest-intent')) return path;
  const { events } = (await world.api.ask('GET', '/api/v1/events?type=elevation.intent', { token: world.admin })).body as { events: readonly { id: number }[] };
  return path.replace('oldest-intent', String(events.at(-1)?.id ?? 0));
}

const deviceId = (world: ConsoleWorld, name: string): string => world.fleet.find((each) => each.name === name)?.device.id ?? '';

export const PAGES: readonly ConsolePage[] = [
  { name: 'devices', title: 'Devices: what needs a look, and who has the newest policy', path: () => '/devices', ready: row('web-02') },
  { name: 'device', title: 'A device: state, machine, its requests and events', path: (world) => `/devices/${deviceId(world, 'ada-laptop')}`, ready: async (page) => {
    await heading(/ada-laptop/)(page);
    await page.getByRole('region', { name: 'Events' }).getByText('elevation.intent').first().waitFor();
  } },
  { name: 'enroll', title: 'Enrolling: one command to copy', path: () => '/devices/enroll', before: async (page) => {
    await page.getByLabel('Into these groups').fill('laptops');
    await page.getByRole('button', { name: 'Make the token' }).click();
  }, ready: async (page) => page.getByText('belay enroll').first().waitFor() },
  { name: 'events', title: 'Events: words, filters, complete exports', path: () => '/events?type=elevation', ready: row('apt-get') },
  { name: 'event', title: 'An event, its place in the chain, verified in the browser', path: () => '/events/oldest-intent', ready: async (page) => {
    await page.getByText('verified in this browser').waitFor();
  } },
  { name: 'policies', title: 'Policies: what is in force', path: () => '/policies', ready: row('developers') },
  { name: 'policy', title: 'A policy, with what lint says beside the lines', path: () => '/policies/developers', ready: async (page) => page.getByText(/^(No|\d+) findings?$/).waitFor() },
  { name: 'versions', title: 'Versions, and going back', path: () => '/policies/versions', ready: row('Finance joins') },
  { name: 'diff', title: 'What changed between two versions', path: () => '/policies/versions/2/3', ready: async (page) => page.getByText('Web servers reload').waitFor() },
];
