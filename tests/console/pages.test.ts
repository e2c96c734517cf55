// Every page of the console in Chromium, wide and narrow, light and dark: complete, accessible, usable by keyboard alone, nothing hanging over, and the browser complains of nothing.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { PASSWORD } from '../support/api.ts';
import { seriousFindings } from '../support/axe.ts';
import { browserMissing, NARROW, openPage, signIn, startBrowser, type TestBrowser, WIDE } from '../support/chromium.ts';
import { PAGES, realPath } from '../support/console-pages.ts';
import { keyboardFaults } from '../support/keyboard.ts';
import { type ConsoleWorld, startConsoleWorld } from '../support/console-world.ts';

/** Of a look that differs from one before it in nothing but colours, only those are judged. */
const LOOKS = [
  { size: WIDE, scheme: 'light', rules: undefined }, { size: WIDE, scheme: 'dark', rules: ['color-contrast'] }, { size: NARROW, scheme: 'dark', rules: ['color-contrast'] }, { size: NARROW, scheme: 'light', rules: undefined },
] as const;

const LOOKS_AGAIN = 4;

/** After a change of scheme Chromium takes some frames until every element has its new colours. */
async function settledFindings(page: Page, rules: readonly string[] | undefined): Promise<readonly string[]> {
  let found: readonly string[] = [];
  for (let look = 0; look < LOOKS_AGAIN; look++) {
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    found = await seriousFindings(page, rules);
    if (found.length === 0) return found;
  }
  return found;
}

async function faultsOf(page: Page): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const { size, scheme, rules } of LOOKS) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: scheme });
    const over = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    const found = [...(await settledFindings(page, rules)), ...(Number(over) > 0 ? [`hangs over by ${String(over)} px`] : [])];
    faults.push(...found.map((fault) => `${size.width} ${scheme}: ${fault}`));
  }
  await page.setViewportSize(WIDE);
  return faults;
}

const missing = browserMissing();

(missing === undefined ? describe : describe.skip)('the pages of the console, in each size and scheme', () => {
  let world: ConsoleWorld;
  let browser: TestBrowser;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    world = await startConsoleWorld();
    browser = await startBrowser(world.api.url);
    ({ page, complaints } = await openPage(browser, world.api.url));
  });
  afterAll(async () => {
    await browser?.close();
    await world?.close();
  });

  test('sign-in', async () => {
    await page.goto('/');
    await page.getByLabel('Account name').waitFor();
    expect(await keyboardFaults(page)).toEqual([]);
    expect([await faultsOf(page), complaints]).toEqual([[], []]);
    await signIn(page, 'root', PASSWORD);
  });

  test.each(PAGES)('$name', async (each) => {
    await page.goto(await realPath(world, each.path(world)));
    await each.before?.(page);
    await each.ready(page, world);
    expect(await keyboardFaults(page)).toEqual([]);
    expect([await faultsOf(page), complaints]).toEqual([[], []]);
  });
});
