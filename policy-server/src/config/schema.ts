import { isIP } from 'node:net';
import { z } from 'zod';
import { oidcProviders } from './oidc.ts';

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** "90s", "15m", "36h", "30d" → ms. */
const duration = z
  .string()
  .regex(/^[1-9][0-9]{0,8}(ms|s|m|h|d)$/, 'expected a duration such as 30s, 15m, 12h or 30d')
  .transform((text) => {
    const unit = /[a-z]+$/.exec(text)?.[0] as keyof typeof units;
    return Number.parseInt(text, 10) * units[unit];
  });

const listenAddress = z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:]+):[0-9]{1,5}$/, 'expected HOST:PORT, for instance 0.0.0.0:7443');
const publicAddress = z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/]+):[0-9]{1,5}$/, 'expected HOST:PORT as devices reach it, for instance belay.example.org:7443');
function isAddressRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  return family !== 0 && more.length === 0 && (bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)));
}

const wholeNumber = z.int().positive();

/** Every key of server.yaml. `docs/operations.md` explains each; a test holds the two together. */
export const configSchema = z.strictObject({
  /** Folder of keys, certificates and the server's own chain; relative to the file. */
  data: z.string().min(1).default('.'),
  database: z
    .strictObject({
      /** sqlite, or postgresql://user:password@host/database. */
      url: z.string().regex(/^(sqlite|postgres(ql)?:\/\/.+)$/, 'expected "sqlite" or a URL that begins with postgresql://').default('sqlite'),
      connections: wholeNumber.max(200).default(10),
    })
    .prefault({}),
  listen: z
    .strictObject({
      fleet: listenAddress.default('0.0.0.0:7443'),
      enrollment: listenAddress.default('0.0.0.0:7444'),
      api: listenAddress.default('0.0.0.0:7445'),
    })
    .prefault({}),
  /** How the world reaches this server; written into tokens and enrolments. */
  addresses: z.strictObject({
    fleet: publicAddress,
    enrollment: publicAddress,
    /** As browsers reach the console; left out: the fleet's host and the port of `listen.api`. */
    web: publicAddress.optional(),
  }),
  tls: z
    .strictObject({
      /** Names and addresses in the server's certificate, besides those of `addresses`. */
      names: z.array(z.string().min(1).max(253)).max(100).default([]),
    })
    .prefault({}),
  devices: z
    .strictObject({
      silentAfter: duration.default(units.h),
      certificate: duration.default(30 * units.d),
      /** How long after its expiry a certificate may still be renewed. */
      renewWithin: duration.default(365 * units.d),
      manifest: duration.default(14 * units.d),
    })
    .prefault({}),
  limits: z
    .strictObject({
      messageBytes: wholeNumber.default(8 * 1024 * 1024),
      eventsInUpload: wholeNumber.default(1000),
      enrollmentsPerMinute: wholeNumber.default(60),
      uploadsAtOnce: wholeNumber.default(64),
      streams: wholeNumber.default(20_000),
    })
    .prefault({}),
  requests: z
    .strictObject({
      /** How many may wait at once; beyond it they are answered with a no. */
      pendingOfUser: wholeNumber.max(10_000).default(5),
      pendingOfDevice: wholeNumber.max(10_000).default(50),
      /** A grant asked for ahead lasts no longer, whatever was wished for. */
      longestGrant: duration.default(12 * units.h),
      /** And this long where nothing was said. */
      usualGrant: duration.default(units.h),
    })
    .prefault({}),
  signIn: z
    .strictObject({
      /** Longest life of a session. */
      session: duration.default(12 * units.h),
      /** A browser's session ends when nothing was asked for so long. */
      idle: duration.default(units.h),
      /** Tries to sign in from one address in a minute. */
      triesPerMinute: wholeNumber.max(10_000).default(30),
    })
    .prefault({}),
  proxy: z
    .strictObject({
      /** Only what comes from here may say, by X-Forwarded-For, whom it comes from. */
      trusted: z.array(z.string().refine(isAddressRange, 'expected an address or a range such as 10.0.0.0/8')).max(100).default([]),
    })
    .prefault({}),
  /** Single sign-on. */
  oidc: oidcProviders,
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
});

export type ServerConfig = z.output<typeof configSchema>;
