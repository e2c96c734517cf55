import * as z from 'zod';

/** What the API answers of requests, grants and proposals. Every text is inert: nothing in it acts on a terminal or ends a line. */
const time = z.int().describe('Unix milliseconds');
const device = z.strictObject({ id: z.string(), name: z.string() });
const person = z.strictObject({ id: z.string(), name: z.string() }).nullable();
export const requestState = z.enum(['pending', 'approved', 'denied', 'cancelled', 'expired', 'used', 'revoked']);
const flatMap = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

const summary = {
  id: z.string(), number: z.int().describe('Its number on the device, as the requester sees it'), device, user: z.string(), uid: z.int(), person,
  command: z.string().describe('One line'), runAs: z.string().describe('user:group'), reason: z.string().nullable(), state: requestState, stance: z.enum(['waiting', 'ahead']), emergency: z.boolean(),
  filedAt: time, expiresAt: time, rules: z.array(z.string()).describe('policy/rule each'),
  approvals: z.array(z.strictObject({ stage: z.int(), from: z.array(z.string()), count: z.int(), have: z.int(), open: z.boolean() })),
  mayAnswer: z.boolean().describe('Whether whoever reads this may approve it now'), whyNot: z.string().nullable(), answeredAt: time.nullable(), needsReview: z.boolean(),
  alsoOn: z.array(z.string()).describe('Names of other devices that it is for as well'),
};
export const requestSummary = z.strictObject(summary);

export const grantShape = z.strictObject({
  id: z.string(), request: z.string().nullable(), device, user: z.string(), person, command: z.string(), uses: z.int().nullable(), usesLeft: z.int().nullable(),
  issuedAt: time, expiresAt: time, state: z.enum(['live', 'used', 'expired', 'revoked', 'ended']), approvedBy: z.array(z.string()), emergency: z.boolean(), running: z.int().describe('Commands that run under it now'),
});

const past = z.strictObject({ id: z.string(), command: z.string(), user: z.string(), device: z.string(), state: requestState, filedAt: time });
const history = z.strictObject({ total: z.int(), approved: z.int(), denied: z.int(), last: z.array(past) });

export const requestDetail = z.strictObject({
  ...summary,
  argv: z.array(z.strictObject({ text: z.string(), exact: z.string().describe('The very bytes, base64') })).describe('The arguments after the first'), executable: z.string(), cwd: z.string(), environment: z.array(z.string()),
  digest: z.string(), sha256: z.string().nullable(),
  package: z.union([z.strictObject({ name: z.string(), version: z.string(), repository: z.string().nullable(), key: z.string().nullable(), unmodified: z.boolean().nullable() }), z.literal('none'), z.null()])
    .describe('none: no package owns the file; null: not known'),
  posture: flatMap, origin: flatMap.nullable(),
  scope: z.strictObject({ text: z.string(), isExact: z.boolean().describe('No wider than the command itself'), commands: z.array(z.strictObject({ command: z.string(), args: z.array(z.string()).nullable() })) }).nullable(),
  forMs: z.int(), uses: z.int(), policy: z.strictObject({ version: z.int(), message: z.string().nullable(), explanation: z.array(z.string()) }),
  history: z.strictObject({ byUser: history, byCommand: history }),
  decisions: z.array(z.strictObject({ by: z.string(), decision: z.enum(['approved', 'denied']), words: z.string().nullable(), at: time, stage: z.int(), alsoOn: z.array(z.string()).describe('The other devices that this yes is for') })),
  elsewhere: z.array(z.strictObject({ id: z.string().nullable(), name: z.string(), user: z.string().nullable(), mayAnswer: z.boolean(), whyNot: z.string().nullable(), grant: grantShape.nullable() }))
    .describe('The other devices, each with its grant; of one outside the scope of whoever reads only the name'),
  grant: grantShape.nullable(), review: z.strictObject({ by: z.string(), words: z.string(), at: time }).nullable(),
});

export const proposalShape = z.strictObject({
  id: z.string(), request: z.string(), yaml: z.string(), by: z.string(), createdAt: time, state: z.enum(['open', 'taken', 'declined']), settledBy: z.string().nullable(), settledAt: time.nullable(),
});
