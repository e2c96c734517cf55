import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { err, ok, type Result } from '@belay/core/result';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import type * as z from 'zod';
import { configSchema, type ServerConfig } from './schema.ts';

/** `place` is `file:line:column`, or the variable that the value came from. */
export type ConfigProblem = { readonly place: string; readonly message: string };
export type LoadedConfig = { readonly config: ServerConfig; readonly unknownVariables: readonly string[] };

const PREFIX = 'BELAY_SERVER_';
type Path = readonly string[];
type Environment = Readonly<Record<string, string | undefined>>;

/** Every key that holds a value, as a path. */
export function configKeys(): readonly Path[] {
  return leavesOf(configSchema, []);
}

function leavesOf(schema: z.core.$ZodType, path: Path): Path[] {
  const { def } = schema._zod as unknown as { def: { type: string; innerType?: z.core.$ZodType; shape?: Record<string, z.core.$ZodType> } };
  if (def.shape !== undefined) return Object.entries(def.shape).flatMap(([key, inner]) => leavesOf(inner, [...path, key]));
  const inner = def.innerType;
  return (def.type === 'prefault' || def.type === 'default') && inner !== undefined ? leavesOf(inner, path) : [path];
}

/** `devices.silentAfter` → BELAY_SERVER_DEVICES_SILENT_AFTER. */
export function variableOf(path: Path): string {
  return PREFIX + path.map((key) => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).join('_');
}

/** Reads the file, then lets the environment override it. All problems at once. */
export function loadConfig(file: string, environment: Environment): Result<LoadedConfig, readonly ConfigProblem[]> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return err([{ place: file, message: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}): "belay-server init" writes one` }]);
  }
  const parsed = parseConfig(file, text, environment);
  return parsed.ok ? ok({ ...parsed.value, config: withFilesBeside(dirname(file), parsed.value.config) }) : parsed;
}

/** Files are named relative to server.yaml. */
function withFilesBeside(folder: string, config: ServerConfig): ServerConfig {
  const from = (file: string | undefined): string | undefined => (file === undefined ? undefined : resolve(folder, file));
  const { data, smtp, webhooks } = config;
  return {
    ...config,
    data: resolve(folder, data),
    smtp: { ...smtp, passwordFile: from(smtp.passwordFile), authorities: from(smtp.authorities) },
    webhooks: { ...webhooks, authorities: from(webhooks.authorities) },
  };
}

export function parseConfig(file: string, text: string, environment: Environment): Result<LoadedConfig, readonly ConfigProblem[]> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const placeOf = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0) return err(document.errors.map((error) => ({ place: placeOf(error.pos[0]), message: error.message.split('\n')[0] as string })));
  const values: unknown = document.toJS() ?? {};
  if (typeof values !== 'object' || Array.isArray(values)) return err([{ place: `${file}:1:1`, message: 'expected keys and values' }]);
  const overridden = override(values as Record<string, unknown>, environment);
  const result = configSchema.safeParse(values);
  if (result.success) return ok({ config: result.data, unknownVariables: overridden.unknown });
  const placeIn = (path: readonly PropertyKey[]): string => {
    const offset = offsetOf(document, path);
    return offset === undefined ? file : placeOf(offset);
  };
  return err(result.error.issues.map((issue) => ({ place: overridden.used.get(issue.path.join('.')) ?? placeIn(pathOf(issue)), message: messageOf(issue) })));
}

function override(values: Record<string, unknown>, environment: Environment): { readonly used: ReadonlyMap<string, string>; readonly unknown: readonly string[] } {
  const used = new Map<string, string>();
  const known = new Set<string>();
  for (const path of configKeys()) {
    const variable = variableOf(path);
    known.add(variable);
    const value = environment[variable];
    if (value === undefined) continue;
    setIn(values, path, valueOf(path, value));
    used.set(path.join('.'), variable);
  }
  return { used, unknown: Object.keys(environment).filter((name) => name.startsWith(PREFIX) && !known.has(name)) };
}

const LISTS = new Set(['tls.names', 'proxy.trusted', 'webhooks.allowAddresses']);
const SWITCHES = new Set(['webhooks.allowHttpToLoopback']);

/** Lists are written with commas, numbers as digits, switches as true or false, providers of single sign-on as JSON; everything else is text. */
function valueOf(path: Path, text: string): unknown {
  const name = path.join('.');
  if (SWITCHES.has(name)) return text === 'true' ? true : text === 'false' ? false : text;
  if (LISTS.has(name)) return text.split(',').map((each) => each.trim()).filter((each) => each !== '');
  if (path[0] === 'oidc') return jsonOr(text);
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : text;
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function setIn(values: Record<string, unknown>, path: Path, value: unknown): void {
  let at = values;
  for (const key of path.slice(0, -1)) {
    const inner = at[key];
    if (typeof inner !== 'object' || inner === null) at[key] = {};
    at = at[key] as Record<string, unknown>;
  }
  at[path.at(-1) as string] = value;
}

function pathOf(issue: z.core.$ZodIssue): readonly PropertyKey[] {
  return issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] as string] : issue.path;
}

/** Where the value is, or the nearest thing around it that is there. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range != null) return node.range[0];
  }
  return undefined;
}

function messageOf(issue: z.core.$ZodIssue): string {
  const name = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const keys = configKeys().map((path) => path.join('.')).join(', ');
    return `unknown key ${issue.keys.map((key) => [...issue.path, key].join('.')).join(', ')}; the keys are ${keys}`;
  }
  if (issue.code === 'invalid_type' && issue.input === undefined) return `${name} is missing`;
  return name === '' ? issue.message : `${name}: ${issue.message}`;
}
