// docs/notice.schema.json (JSON Schema 2020-12 of what webhooks are sent) and the table of kinds in docs/notices.md, both from
// policy-server/src/features/notices/notice.ts. `--check` compares and exits 1 when one is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { NOTICES } from '../policy-server/src/features/notices/notice.ts';
import { projectRoot } from './node26.mjs';

const schemaFile = join(projectRoot, 'docs', 'notice.schema.json');
const pageFile = join(projectRoot, 'docs', 'notices.md');
const [begin, end] = ['<!-- kinds: written by tools/generate-notice-schema.mjs -->', '<!-- /kinds -->'];

/** Receivers must live with fields that come later: nothing is forbidden besides what is named. */
function open(schema) {
  if (Array.isArray(schema)) return schema.map(open);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(Object.entries(schema).filter(([key, value]) => !(key === 'additionalProperties' && value === false)).map(([key, value]) => [key, open(value)]));
}

function noticeSchema() {
  const kinds = Object.entries(NOTICES).map(([kind, { about, data }]) => {
    const { $schema: _, ...shape } = z.toJSONSchema(data);
    return {
      title: kind, description: about, type: 'object', required: ['type', 'timestamp', 'data'],
      properties: { type: { const: kind }, timestamp: { type: 'string', format: 'date-time', description: 'When it happened' }, data: shape },
    };
  });
  const schema = { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'What a webhook of Belay is sent', oneOf: open(kinds) };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function noticePage(page) {
  const rows = Object.entries(NOTICES).map(([kind, { about, data }]) => `| \`${kind}\` | ${about} | ${Object.keys(data.shape).map((name) => `\`${name}\``).join(', ')} |`);
  const table = ['| kind | when | data |', '| --- | --- | --- |', ...rows].join('\n');
  return `${page.slice(0, page.indexOf(begin) + begin.length)}\n${table}\n${page.slice(page.indexOf(end))}`;
}

const documents = [{ file: schemaFile, content: noticeSchema }, { file: pageFile, content: () => noticePage(readFileSync(pageFile, 'utf8')) }];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { file, content } of documents) {
    if (!process.argv.includes('--check')) writeFileSync(file, content());
    else if (readFileSync(file, 'utf8') !== content()) {
      process.stdout.write(`${file} is out of date: node tools/generate-notice-schema.mjs\n`);
      process.exitCode = 1;
    }
  }
}
