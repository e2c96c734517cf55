// Types only: read by the compiler, run by nobody.
import type { z } from 'zod';
import type * as consoles from '../../policy-server/console/src/api/types.ts';
import type { deviceShape, enrollToken } from '../../policy-server/src/http/device-routes.ts';
import type { eventShape, proofShape } from '../../policy-server/src/http/event-routes.ts';
import type { factors } from '../../policy-server/src/http/factor-routes.ts';
import type { offered } from '../../policy-server/src/http/oidc-routes.ts';
import type { accountShape, personShape, withPassword } from '../../policy-server/src/http/people-routes.ts';
import type { change, listed, versionShape } from '../../policy-server/src/http/policy-routes.ts';
import type { grantShape, proposalShape, requestDetail, requestSummary } from '../../policy-server/src/http/request-shapes.ts';
import type { ownSession, sessionShape } from '../../policy-server/src/http/session-routes.ts';

/** A cookie's session has both; a service token's has none. */
type Loosely<T, K extends keyof T> = Omit<T, K> & { readonly [P in K]: T[P] | null };
/** What an event says is the catalogue's. */
type Opaque<T> = Omit<T, 'fields'> & { readonly fields: Readonly<Record<string, unknown>> };
type Reads<Read, Answer extends z.ZodType<Read>> = z.output<Answer>;
/** The console has its own words for what it reads, as everybody has who speaks HTTP: the compiler holds them against what the routes answer. */
export type ConsoleReads = readonly [
  Reads<Loosely<consoles.Session, 'account' | 'csrf'>, typeof sessionShape>, Reads<consoles.OwnSession, typeof ownSession>, Reads<consoles.SignInWays, typeof offered>, Reads<consoles.Factors, typeof factors>,
  Reads<consoles.RequestSummary, typeof requestSummary>, Reads<consoles.RequestDetail, typeof requestDetail>, Reads<consoles.Grant, typeof grantShape>, Reads<consoles.Proposal, typeof proposalShape>,
  Reads<consoles.Device, typeof deviceShape>, Reads<consoles.EnrollToken, typeof enrollToken>, Reads<Opaque<consoles.EventView>, typeof eventShape>, Reads<Omit<consoles.EventProof, 'event'>, typeof proofShape>,
  Reads<consoles.PolicySummary, (typeof listed)['shape']['policies']['element']>, Reads<consoles.PolicyVersion, typeof versionShape>, Reads<consoles.PolicyChange, typeof change>,
  Reads<consoles.Person, typeof personShape>, Reads<consoles.Account, typeof accountShape>, Reads<consoles.WithPassword, typeof withPassword>,
];
