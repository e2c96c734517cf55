// What administrators and authors do in the console, in Chromium against a real server; and the ways in that are more than a password.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { endSessions } from '../../policy-server/src/features/accounts/tokens.ts';
import { codeAt, stepAt } from '../../policy-server/src/features/accounts/totp.ts';
import { PASSWORD } from '../support/api.ts';
import { browserMissing, openPage, signIn, startBrowser, type TestBrowser } from '../support/chromium.ts';
import { type ConsoleWorld, startConsoleWorld } from '../support/console-world.ts';
import { eventually } from '../support/fleet.ts';
import { fromBase32 } from '../support/factors.ts';
import { startProvider, type TestProvider } from '../support/oidc/provider.ts';

const missing = browserMissing();

(missing === undefined ? describe : describe.skip)('the office in the console', () => {
  let provider: TestProvider;
  let world: ConsoleWorld;
  let browser: TestBrowser;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    provider = await startProvider();
    world = await startConsoleWorld(`oidc:\n${provider.entry('corp', 'label: Corporate account\nroles: [{ group: helpdesk, role: approver }]')}`);
    await provider.serves(world.api.url, 'corp');
    browser = await startBrowser(world.api.url);
  });
  afterAll(async () => {
    await browser?.close();
    await world?.close();
    await provider?.close();
  });
  beforeEach(async () => {
    await page?.context().close();
    ({ page, complaints } = await openPage(browser, world.api.url));
  });

  const signOut = async (name: string): Promise<void> => {
    await page.getByRole('button', { name, exact: true }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByLabel('Account name').waitFor();
  };

  test('single sign-on: to the provider and back to where one wanted to go, with the roles of one\'s groups', async () => {
    await provider.person('u-17', { preferred_username: 'hedy', name: 'Hedy Lamarr', email: 'hedy@example.org', groups: ['helpdesk'] });
    await page.goto('/devices');
    await page.getByRole('link', { name: 'Corporate account' }).click();
    await page.waitForURL((url) => url.href.startsWith(provider.issuer));
    await page.locator('input[name=login]').fill('u-17');
    await page.locator('input[name=password]').fill('any');
    await page.locator('button[type=submit]').click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { level: 1, name: 'Devices' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/devices');
    await page.getByRole('button', { name: 'hedy' }).waitFor();
    expect(await page.getByRole('link', { name: 'Enrol a device' }).count()).toBe(0);
  });

  test('an authenticator app is set up, asked for at the next sign-in, and a wrong code is none; a recovery code does once', async () => {
    await signIn(page, 'olga', PASSWORD, '/me');
    await page.getByRole('button', { name: 'Set up', exact: true }).click();
    await page.getByRole('img', { name: /QR code/ }).waitFor();
    const key = fromBase32(((await page.locator('.copyable code').first().textContent()) ?? '').replaceAll(/\s/g, ''));
    const code = (ahead: number): string => codeAt(key, stepAt(Date.now()) + ahead);
    await page.getByLabel('Code that the app shows').fill(code(0));
    await page.getByRole('button', { name: 'Turn on' }).click();
    const recovery = ((await page.locator('.copyable.block code').textContent()) ?? '').split('\n')[0] ?? '';
    await page.getByRole('button', { name: 'I have kept them' }).click();

    for (const [wrong, right] of [['000000', code(1)], [code(1), recovery]] as const) {
      await signOut('olga');
      await page.getByLabel('Account name').fill('olga');
      await page.getByLabel('Password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      const field = page.getByLabel('Code from your authenticator app');
      await field.fill(wrong);
      await page.getByRole('button', { name: 'Go on' }).click();
      await page.getByRole('alert').getByText('That did not match').waitFor();
      await field.fill('');
      await field.pressSequentially(right);
      await page.getByRole('button', { name: 'Go on' }).click();
      await page.getByRole('navigation', { name: 'Rooms' }).waitFor();
    }
    expect(complaints).toEqual([]);
  });

  test('a person and an account are made and linked, and the account signs in with the password that was shown once', async () => {
    await signIn(page, 'root', PASSWORD, '/people');
    await page.getByRole('button', { name: 'New person' }).click();
    const person = page.getByRole('dialog', { name: 'New person' });
    await person.getByLabel('Name').fill('Joan Clarke');
    await person.getByLabel('E-mail').fill('joan@example.org');
    await person.getByLabel('Manager').selectOption({ label: 'Rosa Ott' });
    await person.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { level: 1, name: 'Joan Clarke' }).waitFor();
    await page.getByLabel('User name on the device').fill('joan');
    await page.getByLabel('Only on this device').fill('web-01');
    await page.getByRole('button', { name: 'Link', exact: true }).click();
    await page.getByRole('region', { name: 'Users on devices' }).getByText('web-01').waitFor();

    await page.goto('/people/accounts');
    await page.getByRole('button', { name: 'New account' }).click();
    const account = page.getByRole('dialog', { name: 'New account' });
    await account.getByLabel('Account name').fill('joan');
    await account.getByLabel('Person').selectOption({ label: 'Joan Clarke' });
    await account.getByLabel('Role').selectOption('approver');
    await account.getByLabel('Device groups').fill('servers');
    await account.getByRole('button', { name: 'Make the account' }).click();
    const password = (await account.locator('.copyable code').textContent()) ?? '';
    await account.getByRole('button', { name: 'Done' }).click();
    await page.locator('tbody tr', { hasText: 'joan' }).getByText('approver: servers').waitFor();

    await signOut('root');
    await signIn(page, 'joan', password, '/devices');
    await page.locator('tbody tr', { hasText: 'web-01' }).waitFor();
    expect(await page.locator('tbody tr', { hasText: 'ada-laptop' }).count()).toBe(0);
    expect(await page.getByRole('link', { name: 'People' }).count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('a session that has ended elsewhere is over in a page where nothing is asked', async () => {
    const asked: string[] = [];
    page.on('requestfinished', (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
    await signIn(page, 'vera', PASSWORD, '/me');
    // Before signing in, after it, and when the stream had begun.
    await eventually(async () => asked.filter((line) => line === 'GET /api/v1/session').length >= 3);
    expect(await endSessions(world.api.context.store.db, 'a-vera', world.api.context.clock())).toBe(1);
    await page.getByText('Your session has ended').waitFor();
    await page.getByLabel('Account name').waitFor();
  });

  test('an account that is disabled is out at once', async () => {
    await signIn(page, 'root', PASSWORD, '/people/accounts');
    const { page: other } = await openPage(browser, world.api.url);
    await signIn(other, 'vera', PASSWORD, '/devices');
    await page.getByRole('button', { name: 'Manage vera' }).click();
    await page.getByRole('dialog').getByRole('button', { name: /^Disable/ }).click();
    await page.getByText('vera is disabled').waitFor();
    await other.getByText('Your session has ended').waitFor();
    await other.getByLabel('Account name').waitFor();
    await other.context().close();
  });

  test('a request is proposed as a rule, and an author settles it', async () => {
    await signIn(page, 'anton', PASSWORD, '/requests');
    await page.locator('tbody tr', { hasText: 'cups' }).getByRole('link').first().click();
    await page.getByRole('button', { name: 'Propose a rule' }).click();
    await page.getByText('A rule is proposed').waitFor();
    await signOut('anton');
    await signIn(page, 'paula', PASSWORD, '/policies/proposals');
    await page.getByText('cups.service').first().waitFor();
    await page.getByRole('button', { name: 'I have taken it up' }).click();
    await page.getByText('taken', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'I have taken it up' }).waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  test('rolling back shows what changes, wants a reason, and is a version of its own', async () => {
    await signIn(page, 'paula', PASSWORD, '/policies/versions');
    await page.locator('tbody tr', { hasText: 'Finance joins' }).getByRole('button', { name: 'Roll back…' }).click();
    const sure = page.getByRole('alertdialog');
    await sure.getByText('Web servers reload').waitFor();
    await sure.getByLabel('Why').fill('The word was premature');
    await sure.getByRole('button', { name: 'Roll back' }).click();
    await page.locator('tbody tr', { hasText: 'The word was premature' }).waitFor();
    await page.goto('/policies/web');
    await page.getByRole('heading', { level: 1, name: 'web' }).waitFor();
    expect(await page.getByText('Web servers reload').count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});
