import { isIP } from 'node:net';
import * as z from 'zod';
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
const port = wholeNumber.max(65_535);
const hostName = z.string().max(253).regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)$/, 'expected a host name or an address');
const file = z.string().min(1).max(4096);
/** `name@host`, or `Name <name@host>`: what stands in a header must not be able to begin another. */
const sender = z.string().max(320).regex(/^([^\p{C}<>"@,;:\\]{1,64} <[^\s\p{C}<>@",;:\\()[\]]+@[A-Za-z0-9.-]+>|[^\s\p{C}<>@",;:\\()[\]]+@[A-Za-z0-9.-]+)$/u, 'expected name@host or Name <name@host>');
const addressRange = z.string().refine(isAddressRange, 'expected an address or a range such as 10.0.0.0/8');
const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

/** How e-mail goes out; without a host none does. */
const smtp = z
  .strictObject({
    host: hostName.optional(),
    port: port.default(587),
    tls: z.enum(['required', 'starttls', 'none']).default('starttls'),
    user: z.string().min(1).max(256).optional(),
    /** Relative to server.yaml, like every file here. */
    passwordFile: file.optional(),
    from: sender.optional(),
    /** PEM: authorities to trust besides the public ones. */
    authorities: file.optional(),
  })
  .superRefine(({ host, tls, user, passwordFile, from }, context) => {
    const wrong = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    if (host !== undefined && from === undefined) wrong('from', 'is needed when there is a host');
    // SECURITY(T-42): what is asked for, by whom and why is told in clear to nobody on the way.
    if (host !== undefined && tls === 'none' && !LOOPBACK.test(host)) wrong('tls', 'none is for a server on this machine only (localhost, 127.0.0.1, [::1])');
    if ((user === undefined) !== (passwordFile === undefined)) wrong('passwordFile', 'user and passwordFile go together');
  });

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
  smtp: smtp.prefault({}),
  webhooks: z
    .strictObject({
      /** Addresses that are not public and may be called all the same. */
      allowAddresses: z.array(addressRange).max(100).default([]),
      /** http:// to this machine, for a relay beside the server. */
      allowHttpToLoopback: z.boolean().default(false),
      /** PEM: authorities to trust besides the public ones. */
      authorities: file.optional(),
    })
    .prefault({}),
  proxy: z
    .strictObject({
      /** Only what comes from here may say, by X-Forwarded-For, whom it comes from. */
      trusted: z.array(addressRange).max(100).default([]),
    })
    .prefault({}),
  /** Single sign-on. */
  oidc: oidcProviders,
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
});

export type ServerConfig = z.output<typeof configSchema>;
