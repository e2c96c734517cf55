import axe from 'axe-core';
import type { Page } from 'playwright-core';

type Found = { readonly id: string; readonly impact: string | null; readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[] };

/** What axe finds serious or critical on a page as it is now (WCAG 2.2 AA and its good practices); `only` narrows it to these rules. */
export async function seriousFindings(page: Page, only?: readonly string[]): Promise<readonly string[]> {
  // Half a megabyte that a page takes in once.
  if (!(await page.evaluate('typeof axe === "object"'))) await page.evaluate(axe.source);
  const found = await page.evaluate(async (rules) => {
    const { run } = (globalThis as unknown as { axe: { run(options: unknown): Promise<{ violations: unknown }> } }).axe;
    return (await run({ resultTypes: ['violations'], ...(rules === undefined ? {} : { runOnly: { type: 'rule', values: rules } }) })).violations;
  }, only as string[] | undefined) as readonly Found[];
  return found.filter(({ impact }) => impact === 'serious' || impact === 'critical').flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary.replaceAll(/\s+/g, ' ').slice(0, 300)}`));
}
