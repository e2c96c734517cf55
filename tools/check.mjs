// `npm run check [-- NAME …]`: types, lint, layers, protos and docs at once, in seconds. Warnings (size budgets) are counted and do not fail.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { nodeBinary, projectRoot, toolEnvironment } from './node26.mjs';

const timeoutMs = 5 * 60_000;
const sources = ['core', 'proto', 'agent', 'policy-server', 'tests', 'bench'].filter((folder) => existsSync(join(projectRoot, folder)));

const checks = [
  { name: 'types', command: ['tsc', '--pretty', 'false'] },
  { name: 'console', command: ['tsc', '--pretty', 'false', '--noEmit', '-p', join('policy-server', 'console')] },
  { name: 'lint', command: ['oxlint', '--type-aware'] },
  { name: 'layers', command: ['depcruise', '--config', '.dependency-cruiser.cjs', ...sources] },
  { name: 'protos', command: ['buf', 'lint'] },
  { name: 'generated', command: [nodeBinary(), join('tools', 'check-protos.mjs')] },
  { name: 'reference', command: [nodeBinary(), join('tools', 'generate-policy-reference.mjs'), '--check'] },
  { name: 'lint-codes', command: [nodeBinary(), join('tools', 'generate-lint-doc.mjs'), '--check'] },
  { name: 'permissions', command: [nodeBinary(), join('tools', 'generate-permissions-doc.mjs'), '--check'] },
  { name: 'notices', command: [nodeBinary(), join('tools', 'generate-notice-schema.mjs'), '--check'] },
  { name: 'openapi', command: [nodeBinary(), join('tools', 'generate-openapi.mjs'), '--check'] },
  { name: 'docs', command: [nodeBinary(), join('tools', 'check-docs.mjs')] },
];

function execute({ name, command: [file, ...args] }) {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: projectRoot,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: toolEnvironment({ NO_COLOR: '1' }),
      timeout: timeoutMs,
      shell: process.platform === 'win32',
    });
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    const finish = (code, extra = '') => {
      const text = Buffer.concat(output).toString('utf8') + extra;
      resolve({ name, isGood: code === 0, text, seconds: ((performance.now() - startedAt) / 1000).toFixed(1) });
    };
    child.once('error', (error) => finish(1, error.message));
    child.once('close', (code) => finish(code));
  });
}

function summary({ name, isGood, text, seconds }) {
  const warnings = /Found (\d+) warnings?/.exec(text)?.[1] ?? '0';
  const note = warnings === '0' ? '' : `  (${warnings} warnings: npx oxlint --type-aware)`;
  return `${isGood ? 'ok  ' : 'FAIL'}  ${name.padEnd(10)} ${seconds} s${note}\n`;
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !checks.some((check) => check.name === name));
if (unknown.length > 0) throw new Error(`no check is called ${unknown.join(', ')}; there are ${checks.map(({ name }) => name).join(', ')}`);

const results = await Promise.all(checks.filter(({ name }) => wanted.length === 0 || wanted.includes(name)).map(execute));
for (const { name, text } of results.filter(({ isGood }) => !isGood)) process.stdout.write(`── ${name}\n${text.trimEnd()}\n\n`);
for (const result of results) process.stdout.write(summary(result));
process.exitCode = results.every(({ isGood }) => isGood) ? 0 : 1;
