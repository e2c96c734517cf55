// What the generators of docs/ share.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from './node26.mjs';

const WIDTH = 120;

/** What `--help` of a command prints, for a page of docs. */
export function helpOf(command) {
  let text = '';
  command.configureOutput({ writeOut: (part) => { text += part; }, getOutHelpWidth: () => WIDTH, getOutHasColors: () => false });
  command.outputHelp();
  return text.trim();
}

/**
 * The last line of a generator, `url` being its `import.meta.url`. Run by itself it writes `file`, and with `--check` compares and exits 1
 * when the file is out of date; imported it does nothing.
 */
export function writeOrCheck(url, file, document) {
  const script = fileURLToPath(url);
  if (process.argv[1] !== script) return;
  if (!process.argv.includes('--check')) writeFileSync(file, document());
  else if (readFileSync(file, 'utf8') !== document()) {
    process.stdout.write(`${relative(projectRoot, file)} is out of date: node tools/${basename(script)}\n`);
    process.exitCode = 1;
  }
}
