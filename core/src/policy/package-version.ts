import type { PackageFact } from './circumstances.ts';

/** Less, equal or greater, as the package manager itself orders versions: deb-version(7), rpm-version(7). */
export function compareVersions(manager: PackageFact['manager'], a: string, b: string): -1 | 0 | 1 {
  const [left, right] = [partsOf(a), partsOf(b)];
  return (
    signOf(left.epoch - right.epoch) ||
    comparePart(manager, left.upstream, right.upstream) ||
    (manager === 'rpm' && (left.revision === undefined || right.revision === undefined) ? 0 : comparePart(manager, left.revision ?? '', right.revision ?? ''))
  );
}

type Parts = { readonly epoch: number; readonly upstream: string; readonly revision: string | undefined };

function partsOf(version: string): Parts {
  const [, epoch, rest] = /^(?:([0-9]{1,9}):)?(.*)$/s.exec(version) as unknown as [string, string | undefined, string];
  const dash = rest.lastIndexOf('-');
  return { epoch: Number(epoch ?? 0), upstream: dash < 0 ? rest : rest.slice(0, dash), revision: dash < 0 ? undefined : rest.slice(dash + 1) };
}

function signOf(difference: number): -1 | 0 | 1 {
  return difference < 0 ? -1 : difference > 0 ? 1 : 0;
}

function comparePart(manager: PackageFact['manager'], a: string, b: string): -1 | 0 | 1 {
  return manager === 'deb' ? compareDeb(a, b) : compareRpm(a, b);
}

/** By turns what is no digit, as text in an order of its own, and what is, as a number. */
function compareDeb(a: string, b: string): -1 | 0 | 1 {
  let [left, right] = [a, b];
  while (left !== '' || right !== '') {
    const [leftText, rightText] = [textBefore(left), textBefore(right)];
    const byText = compareDebText(leftText, rightText);
    if (byText !== 0) return byText;
    [left, right] = [left.slice(leftText.length), right.slice(rightText.length)];
    const [leftDigits, rightDigits] = [digitsOf(left), digitsOf(right)];
    const byNumber = compareNumbers(leftDigits, rightDigits);
    if (byNumber !== 0) return byNumber;
    [left, right] = [left.slice(leftDigits.length), right.slice(rightDigits.length)];
  }
  return 0;
}

function textBefore(text: string): string {
  return /^[^0-9]*/.exec(text)?.[0] ?? '';
}

function digitsOf(text: string): string {
  return /^[0-9]*/.exec(text)?.[0] ?? '';
}

function compareNumbers(a: string, b: string): -1 | 0 | 1 {
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  if (left.length !== right.length) return signOf(left.length - right.length);
  return left === right ? 0 : left < right ? -1 : 1;
}

function compareDebText(a: string, b: string): -1 | 0 | 1 {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const order = signOf(debOrder(a.charAt(at)) - debOrder(b.charAt(at)));
    if (order !== 0) return order;
  }
  return 0;
}

/** A tilde is before the end, the end before letters, letters before all else. */
function debOrder(char: string): number {
  if (char === '~') return -1;
  if (char === '') return 0;
  return /[A-Za-z]/.test(char) ? char.charCodeAt(0) : char.charCodeAt(0) + 256;
}

/** Runs of digits and runs of letters; what separates them only separates; `~` is older than nothing, `^` newer than nothing. */
function compareRpm(a: string, b: string): -1 | 0 | 1 {
  const [left, right] = [rpmRuns(a), rpmRuns(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const order = compareRpmRun(left[at], right[at]);
    if (order !== 0) return order;
  }
  return 0;
}

function rpmRuns(text: string): readonly string[] {
  return text.match(/[0-9]+|[A-Za-z]+|[~^]/g) ?? [];
}

function compareRpmRun(a: string | undefined, b: string | undefined): -1 | 0 | 1 {
  if (a === b) return 0;
  if (a === '~' || b === '~') return a === '~' ? -1 : 1;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  if (a === '^' || b === '^') return a === '^' ? -1 : 1;
  const [leftNumeric, rightNumeric] = [/^[0-9]/.test(a), /^[0-9]/.test(b)];
  if (leftNumeric !== rightNumeric) return leftNumeric ? 1 : -1;
  if (leftNumeric) return compareNumbers(a, b);
  return a < b ? -1 : 1;
}
