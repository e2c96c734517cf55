/** The only place that speaks HTTP. Everything it answers is the server's word, shaped by the types beside it. */

export type ProblemDetail = {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  /** The request's id, which the server's log has too; empty when the server was not reached. */
  readonly request: string;
};

/** What the server refused, or why it was not reached. */
export class ApiProblem extends Error {
  readonly problem: ProblemDetail;
  constructor(problem: ProblemDetail) {
    super(problem.detail);
    this.name = 'ApiProblem';
    this.problem = problem;
  }
}

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

const TIMEOUT_MS = 30_000;
let csrf = '';
let whenSignedOut: () => void = () => undefined;

/** SECURITY(T-50): with a cookie every change needs this word, which another site cannot read. */
export function setCsrf(word: string): void {
  csrf = word;
}

export function onSignedOut(told: () => void): void {
  whenSignedOut = told;
}

export function pathWith(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== null && value !== '') search.set(name, String(value));
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** A part of a path: whatever it holds, it stays one part. */
export const segment = (text: string | number): string => encodeURIComponent(String(text));

export type AskOptions = { readonly query?: Query; readonly body?: unknown; readonly signal?: AbortSignal | undefined };

/** Throws an ApiProblem for everything but success. */
export async function ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string, { query, body, signal }: AskOptions = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (method !== 'GET') {
    headers['x-belay-csrf'] = csrf;
    headers['idempotency-key'] = crypto.randomUUID();
  }
  if (body !== undefined) headers['content-type'] = 'application/json';
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(pathWith(`/api/v1${path}`, query), {
    method, headers, credentials: 'same-origin', cache: 'no-store', redirect: 'error',
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    if (signal?.aborted === true) throw error;
    throw unreachable();
  });
  if (!response.ok) {
    // Elsewhere than in an attempt to sign in, which has its own words for it.
    if (response.status === 401 && (method === 'GET' || !path.startsWith('/session'))) whenSignedOut();
    throw await problemOf(response);
  }
  const text = await response.text();
  return (text === '' ? {} : JSON.parse(text)) as T;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> => ask<T>('GET', path, { ...(query === undefined ? {} : { query }), signal });
export const post = <T>(path: string, body: unknown = {}): Promise<T> => ask<T>('POST', path, { body });

async function problemOf(response: Response): Promise<ApiProblem> {
  const told = (await response.json().catch(() => ({}))) as Partial<ProblemDetail>;
  return new ApiProblem({
    title: told.title ?? `The server answered ${response.status}`, status: response.status, detail: told.detail ?? response.statusText,
    code: told.code ?? 'BELAY_E_INTERNAL', request: told.request ?? response.headers.get('x-request-id') ?? '',
  });
}

function unreachable(): ApiProblem {
  return new ApiProblem({ title: 'The server was not reached', status: 0, detail: 'Check the connection; nothing was lost here. It is asked again when you try again.', code: 'BELAY_E_SERVER_UNREACHABLE', request: '' });
}

export function problemIn(error: unknown): ProblemDetail {
  if (error instanceof ApiProblem) return error.problem;
  return { title: 'Something went wrong in this page', status: 0, detail: error instanceof Error ? error.message : String(error), code: 'BELAY_E_INTERNAL', request: '' };
}

export function isGone(error: unknown): boolean {
  return error instanceof ApiProblem && error.problem.status === 404;
}
