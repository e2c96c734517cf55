// What people do in the console, in Chromium against a real server: by keyboard alone where it is a daily task.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { PASSWORD } from '../support/api.ts';
import { browserMissing, openPage, signIn, startBrowser, type TestBrowser } from '../support/chromium.ts';
import { asks } from '../support/console-requests.ts';
import { type ConsoleWorld, startConsoleWorld } from '../support/console-world.ts';
import { eventually } from '../support/fleet.ts';

const missing = browserMissing();

type Row = { readonly id: string; readonly number: number; readonly state: string };

(missing === undefined ? describe : describe.skip)('tasks in the console', () => {
  let world: ConsoleWorld;
  let browser: TestBrowser;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    world = await startConsoleWorld();
    browser = await startBrowser(world.api.url);
  });
  afterAll(async () => {
    await browser?.close();
    await world?.close();
  });
  beforeEach(async () => {
    await page?.context().close();
    ({ page, complaints } = await openPage(browser, world.api.url));
  });

  const fleetDevice = (name: string) => world.fleet.find((each) => each.name === name) as ConsoleWorld['fleet'][number];
  const requestOf = async (number: number): Promise<Row> => {
    const { requests } = (await world.api.ask('GET', '/api/v1/requests', { token: world.admin })).body as { requests: readonly Row[] };
    const found = requests.find((each) => each.number === number);
    if (found === undefined) throw new Error(`no request ${number}`);
    return found;
  };
  const file = async (number: number, service: string, who = { user: 'ada', uid: 1001 }): Promise<void> => {
    await fleetDevice('ada-laptop').send(asks({ number, ...who, command: '/usr/bin/systemctl', argv: ['restart', service], rule: 'services of others', reason: 'OPS-500: it hangs' }));
    await eventually(async () => (await requestOf(number).catch(() => undefined))?.state === 'pending');
  };
  const focusRow = async (text: string): Promise<void> => {
    for (let step = 0; step < 20; step++) {
      await page.keyboard.press('j');
      if ((await page.evaluate('document.activeElement?.textContent ?? ""') as string).includes(text)) return;
    }
    throw new Error(`no row ${text}`);
  };

  test('signing in, finding a request and approving it, by keyboard alone', async () => {
    await file(101, 'by-keyboard.service');
    await page.goto('/');
    await page.getByLabel('Account name').waitFor();
    await page.keyboard.type('anton');
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.locator('tbody tr', { hasText: 'by-keyboard' }).waitFor();
    await eventually(async () => /^\(\d+\) Requests · Belay$/.test(await page.title()));
    await focusRow('by-keyboard');
    await page.keyboard.press('a');
    const dialog = page.getByRole('dialog', { name: 'Approve request 101?' });
    await dialog.getByText('by-keyboard.service').waitFor();
    await dialog.getByRole('button', { name: 'Approve' }).waitFor();
    await page.keyboard.press('Enter');
    await eventually(async () => (await requestOf(101)).state === 'approved');
    await dialog.waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  test('denying with words, by keyboard alone: not without words', async () => {
    await file(102, 'no-words.service');
    await signIn(page, 'anton', PASSWORD);
    await page.locator('tbody tr', { hasText: 'no-words' }).waitFor();
    await focusRow('no-words');
    await page.keyboard.press('o');
    await page.getByRole('heading', { level: 1, name: /Request 102/ }).waitFor();
    await page.keyboard.press('d');
    const dialog = page.getByRole('dialog', { name: 'Deny request 102?' });
    await dialog.getByLabel(/Why not/).waitFor();
    await page.keyboard.type('Use the runbook instead.');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'Answers' }).getByText('Use the runbook instead.').waitFor();
    expect((await requestOf(102)).state).toBe('denied');
  });

  test('a request for several devices: one is left out by keyboard, and the page shows each grant', async () => {
    const { id } = await requestOf(4);
    await signIn(page, 'anton', PASSWORD, `/requests/${id}`);
    await page.getByRole('heading', { level: 1, name: /Request 4/ }).waitFor();
    await page.keyboard.press('a');
    const box = page.getByRole('group', { name: 'Also on' }).getByRole('checkbox', { name: /db-01/ });
    await box.focus();
    expect(await box.isChecked()).toBe(true);
    await page.keyboard.press('Space');
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).press('Enter');
    const places = page.getByRole('region', { name: 'Also on' });
    await places.getByRole('listitem').filter({ hasText: 'db-01' }).getByText('no grant').waitFor();
    await places.getByRole('listitem').filter({ hasText: 'web-02' }).getByText('live').waitFor();
    await page.getByRole('region', { name: 'Answers' }).getByText('also for web-02').waitFor();
    expect(complaints).toEqual([]);
  });

  test('who comes second is told who was first', async () => {
    await file(103, 'race.service');
    const { id } = await requestOf(103);
    await signIn(page, 'anton', PASSWORD, `/requests/${id}`);
    await page.getByRole('button', { name: 'Approve…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).waitFor();
    // Every hint is lost: the page does not know yet.
    await page.route('**/api/v1/requests/**', (route) => (route.request().method() === 'GET' ? route.abort() : route.continue()));
    const root = await world.api.signIn('root');
    expect((await world.api.ask('POST', `/api/v1/requests/${id}/deny`, { token: root, body: { words: 'I know better' } })).status).toBe(200);
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await page.getByText('Somebody was quicker').waitFor();
    await page.getByRole('dialog').getByText('root').first().waitFor();
    expect((await requestOf(103)).state).toBe('denied');
  });

  test('a row does not move under the pointer: what is new waits until it is asked for', async () => {
    await file(104, 'steady-one.service');
    await signIn(page, 'anton', PASSWORD);
    const row = page.locator('tbody tr', { hasText: 'steady-one' });
    await row.hover();
    const before = await row.boundingBox();
    await file(105, 'steady-two.service');
    await page.evaluate('window.dispatchEvent(new Event("focus"))');
    await page.getByRole('button', { name: /new request/ }).waitFor({ timeout: 40_000 });
    expect(await row.boundingBox()).toEqual(before);
    expect(await page.locator('tbody tr', { hasText: 'steady-two' }).count()).toBe(0);
    await page.getByRole('button', { name: /new request/ }).click();
    await page.locator('tbody tr', { hasText: 'steady-two' }).waitFor();
  });

  test('a pointer that lay where the list was being loaded does not hold what comes later', async () => {
    let release = (): void => undefined;
    const isReleased = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/api/v1/requests?*user=pat*', async (route) => {
      await isReleased;
      await route.continue();
    });
    await signIn(page, 'anton', PASSWORD, '/requests?user=pat');
    await page.locator('tbody tr').last().hover();
    release();
    await page.getByText('No request is like that').waitFor();
    await page.mouse.move(0, 0);
    await file(106, 'moved-away.service', { user: 'pat', uid: 1021 });
    await page.locator('tbody tr', { hasText: 'moved-away' }).waitFor();
  });

  test('a browser that believes there is no network asks all the same: the server may be on this very machine', async () => {
    await signIn(page, 'anton', PASSWORD, '/requests?user=sam');
    await page.getByText('No request is like that').waitFor();
    await page.evaluate('window.dispatchEvent(new Event("offline"))');
    await file(107, 'no-network.service', { user: 'sam', uid: 1022 });
    await page.locator('tbody tr', { hasText: 'no-network' }).waitFor();
  });

  test('whoever asked for it is notified of what waits for them, inert, and the notification leads there', async () => {
    await page.context().grantPermissions(['notifications']);
    await page.addInitScript('window.shown = []; const Real = Notification; window.Notification = class extends Real { constructor(title, options) { super(title, options); window.shown.push({ title, options, it: this }); } };');
    await signIn(page, 'anton', PASSWORD, '/devices');
    await page.locator('tbody tr').first().waitFor();
    await page.goto('/requests');
    await page.getByRole('button', { name: 'Notify me' }).click();
    await page.getByRole('button', { name: 'Notifications are on' }).waitFor();
    await eventually(async () => /^\(\d+\)/.test(await page.title()));
    await file(108, 'notified\u202e.service', { user: 'kim\u001b', uid: 1023 });
    const shown = async (): Promise<unknown[]> => page.evaluate('window.shown.map(({ title, options }) => ({ title, body: options.body, stays: options.requireInteraction }))');
    await eventually(async () => (await shown()).length > 0);
    expect(await shown()).toEqual([{ title: String.raw`kim\x1b asks on ada-laptop`, body: expect.stringMatching(/^[\x20-\x7e]*notified\\+u202e\.service"$/), stays: true }]);
    await page.evaluate('window.shown[0].it.dispatchEvent(new Event("click"))');
    await page.getByRole('heading', { level: 1, name: /Request 108/ }).waitFor();
  });

  test('filters and the search of events are in the address, and the export is what they say', async () => {
    await signIn(page, 'vera', PASSWORD, '/events');
    await page.locator('tbody tr').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.insertText('nmap');
    await page.waitForURL(/text=nmap/);
    await eventually(async () => (await page.locator('tbody tr').count()) === 1);
    await page.reload();
    await page.getByText('/usr/bin/apt-get install nmap').waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV' }).click()]);
    const lines = readFileSync(await download.path(), 'utf8').trim().split('\r\n');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain('nmap');
    const [evidence] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: /NDJSON/ }).click()]);
    expect(readFileSync(await evidence.path(), 'utf8').trim().split('\n').at(-1)).toContain('"end"');
  });

  test('enrolling a device: the command that is shown is one that works; revoking it needs its name', async () => {
    await signIn(page, 'olga', PASSWORD, '/devices');
    await page.getByRole('link', { name: 'Enrol a device' }).click();
    await page.getByLabel('Into these groups').fill('visitors');
    await page.getByRole('button', { name: 'Make the token' }).click();
    const command = (await page.locator('.copyable.block code').textContent()) ?? '';
    const { enrol } = await import('../support/fleet.ts');
    const device = await enrol(world.api, command.replace('belay enroll ', ''), undefined, 'visitor');
    await page.goto(`/devices/${device.id}`);
    await page.getByRole('region', { name: 'Groups and labels' }).getByText('visitors').waitFor();
    await page.getByRole('button', { name: 'Revoke…' }).click();
    const dialog = page.getByRole('alertdialog');
    expect(await dialog.getByRole('button', { name: 'Revoke' }).isDisabled()).toBe(true);
    await dialog.getByLabel(/Type visitor/).fill('visitor');
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('heading', { level: 1 }).getByText('Revoked').waitFor();
  });

  test('who may not write sees no way to; a room without permission is not there', async () => {
    await signIn(page, 'vera', PASSWORD, '/devices');
    await page.locator('tbody tr').first().waitFor();
    expect(await page.getByRole('link', { name: 'Enrol a device' }).count()).toBe(0);
    await page.getByRole('link', { name: 'ada-laptop' }).first().click();
    await page.getByRole('heading', { level: 1, name: /ada-laptop/ }).waitFor();
    expect(await page.getByRole('button', { name: /Revoke|Edit/ }).count()).toBe(0);
    await page.goto('/devices/d-doesnotexist');
    await page.getByText('There is nothing here').waitFor();
    await page.getByText('BELAY_E_NOT_PERMITTED').waitFor();
  });

  test('a session that ended: one signs in and is back', async () => {
    await signIn(page, 'vera', PASSWORD, '/policies/developers');
    await page.getByRole('heading', { level: 1, name: 'developers' }).waitFor();
    await page.context().clearCookies();
    // Whatever it asks for next: with this it does.
    await file(109, 'session-over.service', { user: 'lee', uid: 1024 });
    await page.getByText('Your session has ended').waitFor();
    await page.getByLabel('Account name').fill('vera');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'developers' }).waitFor();
    await page.getByRole('button', { name: 'vera' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByLabel('Account name').waitFor();
    expect((await page.context().cookies()).filter(({ name, value }) => name === '__Host-belay' && value !== '')).toEqual([]);
  });

  test('a passkey is made and signs in', async () => {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    await devtools.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
    await signIn(page, 'paula', PASSWORD, '/me');
    await page.getByLabel('Name of a new passkey').fill('Test key');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByRole('region', { name: 'Passkeys' }).getByText('Test key').waitFor();
    await page.getByRole('button', { name: 'paula' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByRole('navigation', { name: 'Rooms' }).waitFor();
    await page.getByRole('button', { name: 'paula' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('a table remembers its columns and order; the scheme stays', async () => {
    await signIn(page, 'root', PASSWORD, '/devices');
    await page.locator('tbody tr').first().waitFor();
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByLabel('Agent').check();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Name', exact: true }).click();
    await page.getByRole('button', { name: 'Name', exact: true }).click();
    await page.getByRole('button', { name: 'root' }).click();
    await page.getByRole('menuitemradio', { name: 'Dark' }).click();
    await page.reload();
    await page.getByRole('columnheader', { name: 'Agent' }).waitFor();
    expect(await page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort')).toBe('descending');
    await page.locator('tbody tr').first().filter({ hasText: 'web-02' }).waitFor();
    expect(await page.evaluate('getComputedStyle(document.documentElement).colorScheme')).toBe('dark');
  });
});
