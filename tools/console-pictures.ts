// Writes a picture of every page of the console into docs/console/: `node tools/console-pictures.ts [FOLDER [NAME …]]`. What is shown is a
// real server with a small fleet (tests/support/console-world.ts). FOLDER: elsewhere, with every page in each size and scheme.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { NARROW, openPage, signIn, startBrowser, WIDE } from '../tests/support/chromium.ts';
import { PASSWORD } from '../tests/support/api.ts';
import { ensureConsole } from './console.mjs';
import { projectRoot } from './node26.mjs';
import { startConsoleWorld } from '../tests/support/console-world.ts';
import { realPath, PAGES } from '../tests/support/console-pages.ts';

const [folder = join(projectRoot, 'docs', 'console'), ...only] = process.argv.slice(2);
const isForDocs = process.argv.length < 3;
const LOOKS = [{ size: WIDE, scheme: 'light' }, { size: WIDE, scheme: 'dark' }, { size: NARROW, scheme: 'light' }, { size: NARROW, scheme: 'dark' }] as const;

mkdirSync(folder, { recursive: true });
ensureConsole();
const world = await startConsoleWorld();
const browser = await startBrowser(world.api.url);
try {
  for (const { size, scheme } of isForDocs ? LOOKS.slice(0, 1) : LOOKS) {
    const { page, complaints } = await openPage(browser, world.api.url, { size, scheme });
    const look = isForDocs ? '' : `-${size.width}-${scheme}`;
    await page.goto('/');
    await page.getByLabel('Account name').waitFor();
    if (only.length === 0) await page.screenshot({ path: join(folder, `sign-in${look}.png`) });
    await signIn(page, 'root', PASSWORD);
    for (const each of PAGES.filter(({ name }) => only.length === 0 || only.includes(name))) {
      await page.goto(await realPath(world, each.path(world)));
      await Promise.resolve(each.before?.(page)).then(() => each.ready(page, world)).catch((error: unknown) => process.stderr.write(`${each.name} ${size.width} ${scheme}: ${String(error).split('\n')[0]}\n`));
      await page.screenshot({ path: join(folder, `${each.name}${look}.png`), fullPage: !isForDocs });
    }
    for (const complaint of complaints) process.stderr.write(`the browser complains: ${complaint}\n`);
  }
} finally {
  await browser.close();
  await world.close();
}
