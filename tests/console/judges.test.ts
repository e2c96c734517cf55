// What judges the console's pages finds what it is there for.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { seriousFindings } from '../support/axe.ts';
import { browserMissing, openPage, startBrowser, type TestBrowser } from '../support/chromium.ts';
import { keyboardFaults } from '../support/keyboard.ts';

const page = (body: string): string => `<!doctype html><html lang="en"><head><title>t</title><style>:focus { outline: 2px solid }</style></head><body><main><h1>t</h1>${body}</main></body></html>`;

(browserMissing() === undefined ? describe : describe.skip)('the judges of pages', () => {
  let browser: TestBrowser;
  let shown: Page;
  beforeAll(async () => {
    browser = await startBrowser();
    ({ page: shown } = await openPage(browser, undefined));
  });
  afterAll(async () => { await browser?.close(); });

  test.each<[string, string, readonly string[]]>([
    ['nothing', '<button>one</button><a href="#x">two</a><input aria-label="three">', []],
    ['what Tab does not reach', '<button>one</button><button tabindex="-1">two</button><button>three</button>', ['not reached by Tab: two']],
    ['what does not show that it has the focus', '<button>one</button><button style="outline: none">two</button>', ['no mark of focus on two']],
    ['that of the last one too, which is none that acts', '<button>one</button><div tabindex="0" style="outline: none">two</div>', ['no mark of focus on two']],
  ])('by keyboard: %s', async (_what, body, faults) => {
    await shown.setContent(page(body));
    expect(await keyboardFaults(shown)).toEqual(faults);
  });

  test('by axe: a name that is missing and a colour that cannot be read, also on the second look at a page', async () => {
    await shown.setContent(page('<button></button><p style="color: #ccc; background: #fff">pale</p>'));
    for (let look = 0; look < 2; look++) {
      const found = await seriousFindings(shown);
      expect(found.map((each) => each.split(':')[0])).toEqual(expect.arrayContaining(['button-name', 'color-contrast']));
    }
    expect((await seriousFindings(shown, ['color-contrast'])).map((each) => each.split(':')[0])).toEqual(['color-contrast']);
    await shown.setContent(page('<button>named</button>'));
    expect(await seriousFindings(shown)).toEqual([]);
  });
});
