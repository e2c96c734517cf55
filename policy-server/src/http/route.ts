import type { Failure } from '@belay/core/codes';
import type { Result } from '@belay/core/result';
import type { FastifyReply } from 'fastify';
import * as z from 'zod';
import type { Origin } from '../features/accounts/attempts.ts';
import type { Principal } from '../features/accounts/principal.ts';
import type { RouteName } from './access.ts';

/** The handler has written the answer itself. */
export const STREAMED = Symbol('streamed');

export type Call<P, Q, B> = {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Whoever calls; on routes that `anyone` may call it is nobody. */
  readonly principal: Principal;
  readonly requestId: string;
  /** Where it comes from. */
  readonly origin: Origin;
  /** What the page must send along with the session's cookie; null where no cookie is the credential. */
  readonly csrf: string | null;
  /** Aborts when the caller has gone or the server ends. */
  readonly signal: AbortSignal;
  readonly reply: FastifyReply;
  /** The caller as of now, undefined when signed out: for answers that go on for hours, while roles and sessions end. */
  readonly principalNow: () => Promise<Principal | undefined>;
};

/** `response`: what it answers when all is well. `streams`: or the media type of what the handler writes itself. */
export type Shapes<P, Q, B> = {
  readonly params?: z.ZodType<P>; readonly query?: z.ZodType<Q>; readonly body?: z.ZodType<B>; readonly bodyLimit?: number;
  readonly response?: z.ZodType; readonly streams?: string;
};
export type Answer = Result<unknown, Failure> | typeof STREAMED;

export type Route = {
  readonly name: RouteName;
  readonly shapes: Shapes<unknown, unknown, unknown>;
  readonly handle: (call: Call<unknown, unknown, unknown>) => Promise<Answer>;
};

/** Input reaches the handler only in its shape: what a shape does not name is refused. */
export function route<P = unknown, Q = unknown, B = unknown>(name: RouteName, shapes: Shapes<P, Q, B>, handle: (call: Call<P, Q, B>) => Promise<Answer>): Route {
  return { name, shapes: shapes as Shapes<unknown, unknown, unknown>, handle: handle as Route['handle'] };
}

/** Text that either database takes. */
export const text = (max: number) => z.string().min(1).max(max).regex(/^[^\0\uD800-\uDFFF]*$/u, 'must not hold NUL or broken characters');
export const counter = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
export const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
