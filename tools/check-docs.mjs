// Documentation that can be wrong without anybody noticing, made to fail instead:
// - a relative link in a *.md file must lead to a file, and its #anchor to a heading there;
// - a SECURITY(T-nn) comment must have its entry in docs/threat-model.md and a test tests/security/t-nn*.test.ts;
// - a test in tests/security must stand for a threat in that list;
// - ADRs are numbered without gaps or repetitions.
// `node tools/check-docs.mjs [FOLDER]`
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from './node26.mjs';

const skippedFolders = new Set(['node_modules', 'dist', 'gen', '.git', 'build', 'coverage']);
const sourceFile = /\.(ts|tsx|mts|js|mjs|cjs|c|h|cc|sh|sql|proto|ya?ml|rules|service)$/;
const securityFolder = join('tests', 'security');

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = join(folder, entry.name);
    if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : filesBelow(file);
    return entry.isFile() ? [file] : [];
  });
}

/** Fenced blocks and inline code hold examples, not links; line numbers stay as they are. */
function withoutCode(markdown) {
  let isFenced = false;
  return markdown.split('\n').map((line) => {
    const isFence = /^\s*(```|~~~)/.test(line);
    if (isFence) isFenced = !isFenced;
    return isFence || isFenced ? '' : line.replace(/`[^`]*`/g, '');
  });
}

/** The anchors GitHub makes of a file's headings, and those written out as HTML. */
function anchorsOf(markdown) {
  const anchors = new Set([...markdown.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)].map((match) => match[1]));
  let isFenced = false;
  for (const line of markdown.split('\n')) {
    if (/^\s*(```|~~~)/.test(line)) isFenced = !isFenced;
    const heading = isFenced ? undefined : /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = text.replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '').replace(/ /g, '-');
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

function linksOf(line) {
  const inline = [...line.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)];
  const reference = [...line.matchAll(/^\s*\[[^\]]+\]:\s+<?([^\s>]+)>?/g)];
  return [...inline, ...reference].map((match) => match[1]);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function problemOfLink(root, file, link) {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link) || link.startsWith('//')) return undefined;
  const [path, anchor] = link.split('#', 2);
  const from = path.startsWith('/') ? root : dirname(file);
  const target = path === '' ? file : resolve(from, `./${decoded(path)}`);
  if (!existsSync(target)) return `link to ${link}: no such file`;
  if (!anchor || !target.endsWith('.md') || !statSync(target).isFile()) return undefined;
  return anchorsOf(readFileSync(target, 'utf8')).has(decoded(anchor)) ? undefined : `link to ${link}: no such heading`;
}

function linkProblems(root, files) {
  const problems = [];
  for (const file of files.filter((each) => each.endsWith('.md'))) {
    for (const [index, line] of withoutCode(readFileSync(file, 'utf8')).entries()) {
      const found = linksOf(line).map((link) => problemOfLink(root, file, link)).filter((problem) => problem !== undefined);
      problems.push(...found.map((problem) => `${relative(root, file)}:${index + 1}: ${problem}`));
    }
  }
  return problems;
}

/** Every SECURITY comment: where it stands and which threat it names (undefined: none that can be read). */
function securityMarks(root, files) {
  const marks = [];
  const toolFolder = join(root, 'tools');
  for (const file of files.filter((each) => sourceFile.test(each) && !each.startsWith(toolFolder))) {
    for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
      const names = [...line.matchAll(/(?:\/\/|\/?\*|#)\s*SECURITY(?:\(([^)]*)\)?|:)/g)].flatMap((match) => match[1]?.split(/[\s,]+/) ?? ['']);
      const where = `${relative(root, file)}:${index + 1}`;
      marks.push(...names.map((name) => ({ where, name, number: /^T-(\d{2,})$/.exec(name)?.[1] })));
    }
  }
  return marks;
}

function threatProblems(root, files) {
  const modelFile = join(root, 'docs', 'threat-model.md');
  const model = existsSync(modelFile) ? readFileSync(modelFile, 'utf8') : '';
  const known = new Set([...model.matchAll(/\bT-(\d{2,})\b/g)].map((match) => match[1]));
  const tests = files.map((file) => relative(root, file)).filter((file) => dirname(file).startsWith(securityFolder) && file.endsWith('.test.ts'));
  const tested = new Map(tests.map((file) => [/\/t-(\d{2,})(?!\d)[^/]*$/.exec(file)?.[1], file]));
  const problems = [];
  for (const { where, name, number } of securityMarks(root, files)) {
    if (name === '') problems.push(`${where}: SECURITY without a threat, write SECURITY(T-nn)`);
    else if (number === undefined) problems.push(`${where}: SECURITY(${name}) names no threat, write SECURITY(T-nn)`);
    else if (!known.has(number)) problems.push(`${where}: T-${number} is not in docs/threat-model.md`);
    else if (!tested.has(number)) problems.push(`${where}: T-${number} has no test tests/security/t-${number}*.test.ts`);
  }
  for (const [number, file] of tested) {
    if (number !== undefined && !known.has(number)) problems.push(`${file}: T-${number} is not in docs/threat-model.md`);
  }
  return problems;
}

function adrProblems(root) {
  const folder = join(root, 'docs', 'adr');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md').sort() : [];
  const wellNamed = names.filter((name) => /^\d{4}-[a-z0-9-]+\.md$/.test(name));
  const first = wellNamed[0]?.startsWith('0000') ? 0 : 1;
  const misnamed = names.filter((name) => !wellNamed.includes(name)).map((name) => `docs/adr/${name}: not called NNNN-kebab-case.md`);
  const misplaced = wellNamed.flatMap((name, index) => {
    const number = String(first + index).padStart(4, '0');
    return name.startsWith(number) ? [] : [`docs/adr/${name}: number ${number} expected here`];
  });
  return [...misnamed, ...misplaced];
}

/** All problems of the tree at `root`, each `file:line: what`. */
export function docsProblems(root = projectRoot) {
  const files = filesBelow(root);
  return [...linkProblems(root, files), ...threatProblems(root, files), ...adrProblems(root)];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = docsProblems(resolve(process.argv[2] ?? projectRoot));
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
