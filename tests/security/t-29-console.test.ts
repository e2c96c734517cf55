// T-29. Attacker: a standard user on an enrolled device who writes HTML, ANSI sequences and characters that turn or hide text into arguments and reasons.
// Set-up: a real server, a device that files such a request and such an event, an approver's Chromium.
// Procedure: every page that shows them is opened. Nothing runs, nothing is markup, and what cannot be seen is named.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { PASSWORD } from '../support/api.ts';
import { browserMissing, openPage, signIn, startBrowser, type TestBrowser } from '../support/chromium.ts';
import { realPath } from '../support/console-pages.ts';
import { type ConsoleWorld, startConsoleWorld } from '../support/console-world.ts';

const missing = browserMissing();

(missing === undefined ? describe : describe.skip)('T-29: what devices send is inert in the console', () => {
  let world: ConsoleWorld;
  let browser: TestBrowser;
  let page: Page;
  let complaints: string[];
  const dialogs: string[] = [];
  beforeAll(async () => {
    world = await startConsoleWorld();
    browser = await startBrowser(world.api.url);
    ({ page, complaints } = await openPage(browser, world.api.url));
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    await signIn(page, 'anton', PASSWORD);
  });
  afterAll(async () => {
    await browser?.close();
    await world?.close();
  });

  /** No element but the console's own, nothing that ran, no character that acts. */
  const expectInert = async (): Promise<void> => {
    expect(await page.locator('img:not([src="/belay.svg"]), main b, main script, main iframe').count()).toBe(0);
    expect(await page.title()).not.toContain('owned');
    expect(await page.locator('main').innerText()).not.toMatch(/(?![\t\n])[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
    expect([dialogs, complaints]).toEqual([[], []]);
  };

  test('the request: each argument by itself, the invisible named, the look-alike marked', async () => {
    await page.goto(await realPath(world, '/requests/number-7'));
    await page.getByRole('heading', { level: 1, name: /Request 7/ }).waitFor();
    const parts = page.getByRole('list', { name: 'The exact command' }).locator('li');
    expect(await parts.allInnerTexts()).toEqual([
      '/usr/bin/printf', '<img src=x onerror="document.title=\'owned\'">', 'ESC[31mredESC[0m', 'invoiceRLOgpj.exe', 'pаypal.com', 'empty', '··padded·', '-\\xff\\xfeA',
    ]);
    expect(await page.locator('.argv .foreign').allInnerTexts()).toEqual(['а']);
    expect(await page.locator('.argv .odd').first().getAttribute('title')).toBe('U+001B');
    await expectInert();
  });

  test('the queue, the dialog and the events', async () => {
    await page.goto('/requests');
    await page.locator('tbody tr', { hasText: 'printf' }).waitFor();
    await expectInert();
    await page.goto(await realPath(world, '/requests/number-7'));
    await page.getByRole('button', { name: 'Deny…' }).click();
    await page.getByRole('dialog').getByText('RLO').waitFor();
    await expectInert();
    await page.goto('/events?type=elevation.denied&user=grace');
    await page.locator('tbody tr', { hasText: 'printf' }).waitFor();
    await expectInert();
    await page.locator('tbody tr', { hasText: 'printf' }).getByRole('link').first().click();
    await page.getByText('verified in this browser').waitFor();
    await page.getByText('RLO').first().waitFor();
    await expectInert();
  });
});
