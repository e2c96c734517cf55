import { type CborValue, type EventRecord, visibleFields } from '@belay/core/evidence';
import type { EventRow } from '../../store/index.ts';

const MAX_SUMMARY = 2000;
const MAX_NAME = 256;
const utf8 = new TextDecoder('utf-8', { fatal: false });

/**
 * Makes text safe to show anywhere: control characters, line separators, bidirectional overrides and lone surrogates become
 * visible escapes.
 */
// SECURITY(T-29): what a user typed is inert wherever the summary goes; the exact bytes stay in the record.
export function inertText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function asText(value: CborValue | undefined): string {
  if (value === undefined || value === null) return '';
  if (ArrayBuffer.isView(value)) return utf8.decode(value as Uint8Array);
  if (Array.isArray(value)) return value.map((each: CborValue) => asText(each)).join(' ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

type Fields = ReturnType<typeof visibleFields>;

/** Digests, keys and the like say nothing to a reader of a list. */
const NOT_IN_SUMMARY = new Set(['digest', 'nextKey', 'environment', 'sha256', 'cwd', 'uid', 'user', 'request', 'sessionId', 'terminal']);

function summaryOf(type: string, fields: Fields): string {
  if (type === 'elevation.observed') return `${asText(fields['seen'])}, here ${asText(fields['would'])} · ${summaryOf('elevation.denied', fields)}`;
  if (type === 'elevation.intent' || type === 'elevation.denied' || type === 'request.filed') {
    const command = [asText(fields['command']), asText(fields['argv'])].filter((part) => part !== '').join(' ');
    return [command, asText(fields['why']), asText(fields['rules']), asText(fields['reason'])].filter((part) => part !== '').join(' · ');
  }
  return Object.entries(fields).filter(([name, value]) => !NOT_IN_SUMMARY.has(name) && !ArrayBuffer.isView(value)).map(([name, value]) => `${name}=${asText(value)}`).join(' ');
}

function wholeNumber(value: CborValue | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
}

function name(value: CborValue | undefined): string | null {
  const text = typeof value === 'string' ? value : Array.isArray(value) ? asText(value) : '';
  return text === '' ? null : cut(inertText(text), MAX_NAME);
}

/** The columns that events are searched by, and the event itself. A server's event about a device is filed under that device. */
export function eventRow(record: EventRecord, encoded: Uint8Array, writer: string, serverTime: number): EventRow {
  const { payload } = record;
  const fields = visibleFields(record);
  const about = writer === 'server' && typeof fields['device'] === 'string' ? fields['device'] : writer;
  return {
    chain: payload.chain,
    seq: payload.seq,
    device_id: about,
    type: payload.type,
    device_time: payload.time,
    server_time: serverTime,
    user_name: name(fields['user'] ?? fields['by']),
    uid: wholeNumber(fields['uid']),
    // 0: not one of this device's.
    request: wholeNumber(fields['request']) || null,
    rule: name(fields['rules']),
    summary: cut(inertText(summaryOf(payload.type, fields)), MAX_SUMMARY),
    record: encoded,
  };
}
