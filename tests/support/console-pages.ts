/** Every page of the console: where it is and what is there once it is complete. Tests go through them, and the pictures in docs/ are made of them. */
import type { Page } from 'playwright-core';
import type { ConsoleWorld } from './console-world.ts';

export type ConsolePage = { readonly name: string; readonly title: string; path(world: ConsoleWorld): string; ready(page: Page, world: ConsoleWorld): Promise<void>; readonly before?: (page: Page) => Promise<void> };

const heading = (name: string | RegExp) => (page: Page): Promise<void> => page.getByRole('heading', { level: 1, name }).waitFor();
const row = (text: string) => async (page: Page): Promise<void> => page.locator('tbody tr', { hasText: text }).first().waitFor();

/** The path with the id of the first intent in place of `oldest-intent`, and of the request with that number in place of `number-…`. */
export async function realPath(world: ConsoleWorld, path: string): Promise<string> {
  const number = /number-(\d+)/.exec(path)?.[1];
  if (number !== undefined) {
    const { requests } = (await world.api.ask('GET', '/api/v1/requests', { token: world.admin })).body as { requests: readonly { id: string; number: number }[] };
    return path.replace(`number-${number}`, requests.find((each) => each.number === Number(number))?.id ?? '');
  }
  if (path === '/people/ada') {
    const { persons } = (await world.api.ask('GET', '/api/v1/persons?search=Ada', { token: world.admin })).body as { persons: readonly { id: string }[] };
    return `/people/${persons[0]?.id}`;
  }
  if (!path.includes('oldest-intent')) return path;
  const { events } = (await world.api.ask('GET', '/api/v1/events?type=elevation.intent', { token: world.admin })).body as { events: readonly { id: number }[] };
  return path.replace('oldest-intent', String(events.at(-1)?.id ?? 0));
}

const deviceId = (world: ConsoleWorld, name: string): string => world.fleet.find((each) => each.name === name)?.device.id ?? '';

export const PAGES: readonly ConsolePage[] = [
  { name: 'requests', title: 'Requests: who waits, for what, and for how long', path: () => '/requests', ready: row('postgresql') },
  { name: 'request', title: 'A request: everything needed to judge it', path: () => '/requests/number-11', ready: heading(/Request 11/) },
  { name: 'request-odd', title: 'What somebody would like you to overlook', path: () => '/requests/number-7', ready: heading(/Request 7/) },
  { name: 'approve', title: 'Approving by keyboard: the dialog names the request again', path: () => '/requests/number-12', ready: async (page) => page.getByRole('dialog').getByRole('button', { name: 'Approve' }).waitFor(), before: async (page) => {
    await heading(/Request 12/)(page);
    await page.getByRole('button', { name: 'Approve…' }).click();
  } },
  { name: 'several', title: 'A request for several devices: each has a grant of its own', path: () => '/requests/number-4', ready: heading(/Request 4/) },
  { name: 'several-approve', title: 'Approving it: a device can be left out', path: () => '/requests/number-4', ready: async (page) => page.getByRole('group', { name: 'Also on' }).waitFor(), before: async (page) => {
    await heading(/Request 4/)(page);
    await page.getByRole('button', { name: 'Approve…' }).click();
  } },
  { name: 'emergency', title: 'Break-glass: two people, and a review afterwards', path: () => '/requests/number-5', ready: heading(/Request 5/) },
  { name: 'grants', title: 'Grants: what is allowed by somebody’s yes, to be taken back at once', path: () => '/requests/grants?live=any', ready: row('postgresql') },
  { name: 'devices', title: 'Devices: what needs a look, and who has the newest policy', path: () => '/devices', ready: row('web-02') },
  { name: 'device', title: 'A device: state, machine, its requests and events', path: (world) => `/devices/${deviceId(world, 'ada-laptop')}`, ready: async (page) => {
    await heading(/ada-laptop/)(page);
    await page.getByRole('region', { name: 'Events' }).getByText('request.filed').first().waitFor();
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
  { name: 'proposals', title: 'Rules that somebody wished for', path: () => '/policies/proposals', ready: heading('Proposals') },
  { name: 'people', title: 'People: persons, their users on devices and their accounts', path: () => '/people', ready: row('Ada Lovelace') },
  { name: 'person', title: 'A person', path: () => '/people/ada', ready: heading('Ada Lovelace') },
  { name: 'accounts', title: 'Accounts and their roles', path: () => '/people/accounts', ready: row('anton') },
  { name: 'roles', title: 'What each role may do', path: () => '/people/roles', ready: async (page) => page.getByRole('rowheader').first().waitFor() },
  { name: 'account', title: 'Your own account: password, app, passkeys, sessions', path: () => '/me', ready: row('this one') },
  { name: 'totp', title: 'Setting up an authenticator app', path: () => '/me', ready: async (page) => page.getByRole('img', { name: 'QR code' }).waitFor(), before: async (page) => page.getByRole('button', { name: 'Set up' }).click() },
];
