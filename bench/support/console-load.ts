/** What the console weighs, and how long it takes from signing in to a table with requests in it, in a real Chromium against a real server. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PASSWORD } from '../../tests/support/api.ts';
import { openPage, startBrowser } from '../../tests/support/chromium.ts';
import { startConsoleWorld } from '../../tests/support/console-world.ts';
import { ensureConsole } from '../../tools/console.mjs';

/** Bytes of index.html and everything it names, gzip as sent. The browser gets less still by Brotli. */
export function firstLoadBytes(): { readonly gzip: number; readonly brotli: number } {
  const folder = ensureConsole();
  const html = readFileSync(join(folder, 'index.html'), 'utf8');
  const named = ['index.html', ...readdirSync(join(folder, 'assets')).filter((name) => html.includes(`/assets/${name}"`)).map((name) => join('assets', name))];
  const sum = (ending: string): number => named.reduce((bytes, name) => bytes + readFileSync(join(folder, `${name}.${ending}`)).length, 0);
  return { gzip: sum('gz'), brotli: sum('br') };
}

/** Milliseconds from pressing Enter to the first row, each time in a browser that has cached nothing. */
export async function signInToRequests(samples: number): Promise<readonly number[]> {
  const world = await startConsoleWorld();
  const browser = await startBrowser(world.api.url);
  const times: number[] = [];
  try {
    for (let sample = 0; sample < samples; sample++) {
      const { page } = await openPage(browser, world.api.url);
      await page.goto('/requests');
      await page.getByLabel('Account name').fill('anton');
      await page.getByLabel('Password').fill(PASSWORD);
      const startedAt = performance.now();
      await page.keyboard.press('Enter');
      await page.locator('a[data-row-link]').first().waitFor();
      times.push(performance.now() - startedAt);
      await page.context().close();
    }
  } finally {
    await browser.close();
    await world.close();
  }
  return times;
}
