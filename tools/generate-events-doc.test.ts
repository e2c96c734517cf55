import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { EVENT_TYPES } from '@belay/core/evidence';
import { eventsDocument, eventsFile } from './generate-events-doc.mjs';

test('docs/events.md is what the catalogue says', () => {
  expect(readFileSync(eventsFile, 'utf8')).toBe(eventsDocument());
});

test('every event and each of its fields is in the document', () => {
  const sections = new Map(eventsDocument().split('\n### ').slice(1).map((text) => [text.slice(0, text.indexOf('\n')), text]));
  for (const [type, { fields }] of Object.entries(EVENT_TYPES)) {
    for (const name of Object.keys(fields)) expect(sections.get(type)).toContain(`| \`${name}\` |`);
  }
  expect(sections.size).toBe(Object.keys(EVENT_TYPES).length);
});
