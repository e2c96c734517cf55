/** Whether a page can be used by keyboard alone: everything that acts is reached with Tab, is seen to be, and has a name. */
import type { Page } from 'playwright-core';

const MOST_STEPS = 400;

/** In the page. What acts and is shown; in a dialog while one is open. Within tabs, menus and the like arrows go on from the one that Tab reaches. */
const PREPARE = `(() => {
  const dialogs = document.querySelectorAll('[role=dialog], [role=alertdialog]');
  const scope = dialogs.length > 0 ? dialogs[dialogs.length - 1] : document;
  const acts = [...scope.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter((each) =>
    !each.disabled && (each.tabIndex >= 0 || each.matches('a[href], button, input, select, textarea') && each.closest('[role=tablist], [role=menu], [role=listbox], [role=radiogroup]') === null) && each.type !== 'hidden' && each.checkVisibility({ checkVisibilityCSS: true }) && each.closest('[aria-hidden=true], [inert]') === null);
  window.belayActs = new Map(acts.map((each) => [each, false]));
  document.activeElement?.blur?.();
  return acts.length;
})()`;

type Noted = { readonly fault: string; readonly isAgain: boolean; readonly left: number };

/** In the page, after a Tab: notes what has the focus. Answers a fault of it, or nothing; whether it was there before; how many are left to be reached. */
const NOTE = `(() => {
  const element = document.activeElement;
  const note = (fault, isAgain) => ({ fault, isAgain, left: [...window.belayActs.values()].filter((isReached) => !isReached).length });
  if (element === null || element === document.body) return note('', false);
  const isAgain = window.belayActs.get(element) === true;
  if (window.belayActs.has(element)) window.belayActs.set(element, true);
  if (isAgain) return note('', true);
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
  const shows = (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none' || element.matches('tr *, tr') && getComputedStyle(element.closest('tr')).outlineStyle !== 'none';
  return note(shows ? '' : 'no mark of focus on ' + (element.textContent || element.getAttribute('aria-label') || element.outerHTML).slice(0, 80), false);
})()`;

const MISSED = `[...window.belayActs].filter(([, isReached]) => !isReached).map(([each]) => 'not reached by Tab: ' + (each.getAttribute('aria-label') || each.textContent || each.outerHTML).slice(0, 80))`;

export async function keyboardFaults(page: Page): Promise<readonly string[]> {
  const count = (await page.evaluate(PREPARE)) as number;
  const faults: string[] = [];
  let again = 0;
  // A round may begin anywhere: it is over when everything has been met and something again, or when a second round brought nothing new.
  for (let [step, left] = [0, count]; (left > 0 || again === 0) && step < Math.min(MOST_STEPS, 2 * count + 20) && again <= count; step++) {
    await page.keyboard.press('Tab');
    const noted = (await page.evaluate(NOTE)) as Noted;
    left = noted.left;
    if (noted.isAgain) again++;
    else if (noted.fault !== '') faults.push(noted.fault);
  }
  return [...faults, ...((await page.evaluate(MISSED)) as readonly string[])];
}
