/** Words that YAML, of this version or an older one, does not read as text. */
const RESERVED = /^(?:true|false|null|yes|no|on|off|y|n)$/i;
const PLAIN = /^(?:[A-Za-z/]|--?[A-Za-z])[A-Za-z0-9_./@+-]*$/;

/** Data as YAML on one line. */
export function yamlText(value: unknown): string {
  if (typeof value === 'string') return scalarText(value);
  if (Array.isArray(value)) return `[${value.map(yamlText).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const pairs = Object.entries(value).filter(([, each]) => each !== undefined);
  return pairs.length === 0 ? '{}' : `{ ${pairs.map(([key, each]) => `${scalarText(key)}: ${yamlText(each)}`).join(', ')} }`;
}

/** A map's keys, a line each. */
export function yamlLines(map: Readonly<Record<string, unknown>>): string {
  return Object.entries(map).filter(([, value]) => value !== undefined).map(([key, value]) => `${key}: ${yamlText(value)}`).join('\n');
}

function scalarText(text: string): string {
  if (PLAIN.test(text) && !RESERVED.test(text)) return text;
  const escaped = JSON.stringify(text).replace(/[^\u0020-\u007e]/gu, (char) => {
    const code = char.codePointAt(0) as number;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return escaped;
}
