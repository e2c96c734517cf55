import * as z from 'zod';
import { parseNetwork } from '../policy/network.ts';
import { isZone } from '../policy/period.ts';
import { absolutePath, commandPath, glob, label, text } from './texts.ts';

/** What a rule may say about the circumstances of a request. */
const cwd = text((value) => (value.startsWith('/') ? glob('A folder')(value) : { message: 'A working directory is an absolute path', remedy: 'For instance /srv/www or /srv/**.' })).meta({ description: 'A pattern for an absolute path.', pattern: '^/' });
const program = text(commandPath).meta({ description: 'Absolute path of a program, links resolved.', pattern: '^/' });
const variableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/);

const network = text((value) =>
  parseNetwork(value) === undefined ? { message: `"${value}" is no network`, remedy: 'Write 10.0.0.0/8, 2001:db8::/32 or one address; no bits beyond its length.' } : undefined,
).meta({ description: 'An address, or a network in CIDR notation.' });

const DAY_NAMES = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const day = z.enum(DAY_NAMES);
const dayRange = text((value) => (dayNumbers(value) === undefined ? { message: `"${value}" is no day`, remedy: 'Write mon, tue, wed, thu, fri, sat, sun, or mon-fri.' } : undefined)).meta({
  description: 'mon … sun, or a range such as mon-fri.',
});

/** 0 is Sunday. Undefined: neither a day nor a range. */
export function dayNumbers(value: string): readonly number[] | undefined {
  const [first, last, ...more] = value.split('-').map((name) => day.safeParse(name).data);
  if (first === undefined || more.length > 0 || (value.includes('-') && last === undefined)) return undefined;
  const from = DAY_NAMES.indexOf(first);
  const length = last === undefined ? 0 : (DAY_NAMES.indexOf(last) - from + 7) % 7;
  return Array.from({ length: length + 1 }, (_, step) => (from + step) % 7);
}

const time = text((value) => (minuteOf(value) === undefined ? { message: `"${value}" is no time of day`, remedy: 'Write HH:MM from "00:00" to "24:00", in quotes.' } : undefined)).meta({
  description: 'HH:MM, in quotes.', pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$',
});

/** Of the day; undefined: no time of day. */
export function minuteOf(value: string): number | undefined {
  const [, hours, minutes] = /^([01][0-9]|2[0-4]):([0-5][0-9])$/.exec(value) ?? [];
  const minute = Number(hours) * 60 + Number(minutes);
  return hours === undefined || minute > 1440 ? undefined : minute;
}

const zone = text((value) => (isZone(value) ? undefined : { message: `"${value}" is no time zone`, remedy: 'Write an IANA name, for instance Europe/Berlin or UTC.' })).meta({ description: 'An IANA name, for instance Europe/Berlin.' });

const period = z.strictObject({
  days: z.array(dayRange).min(1).max(7).optional().meta({ description: 'Past midnight the day counts on which the period began. Left out: every day.' }),
  from: time.optional().meta({ description: 'Left out: 00:00.' }),
  to: time.optional().meta({ description: 'Not included; before `from` it is on the next day. Left out: 24:00.' }),
  zone: zone.optional().meta({ description: "An IANA name, for instance Europe/Berlin. Left out: the device's own." }),
}).meta({ title: 'A period' });

const deviceGroup = text(label('The group', 256));
const deviceFields = {
  groups: z.array(deviceGroup).min(1).max(256).optional().meta({ description: 'Device groups: in one of these.' }),
  labels: z.record(z.string().min(1).max(256), text(glob('A label'))).optional().meta({ description: 'Labels of the device: each with a value that the pattern matches.' }),
  encrypted: z.boolean().optional().meta({ description: 'The root file system is on an encrypted disk.' }),
  secureBoot: z.boolean().optional().meta({ description: 'The firmware started it with secure boot.' }),
  firewall: z.boolean().optional().meta({ description: 'A firewall is on.' }),
  healthy: z.boolean().optional().meta({ description: 'The agent records, and its journal has room.' }),
  os: z.array(text(label('The OS', 64))).min(1).optional().meta({ description: 'ID of os-release(5), for instance debian.' }),
  osVersion: z.array(text(glob('A version'))).min(1).optional().meta({ description: 'Patterns for VERSION_ID of os-release(5).' }),
  maxPatchAge: text((value) => (/^[0-9]{1,4}d$/.test(value) ? undefined : { message: `"${value}" is no number of days`, remedy: 'For instance 30d.' })).optional().meta({
    description: 'Packages were installed or upgraded in the last days, for instance 30d.',
  }),
};

export const aroundFields = {
  cwd: z.array(cwd).min(1).max(256).optional().meta({ description: 'Working directory: one of these patterns; /srv/** is all below /srv.' }),
  env: z.record(variableName, z.union([text(glob('A value')), z.null()])).optional().meta({ description: 'Environment of the command: each variable with a value that the pattern matches; null: not set.' }),
  parent: z.array(program).min(1).max(256).optional().meta({ description: 'The program that started sudo, by the kernel.' }),
  ancestor: z.array(program).min(1).max(256).optional().meta({ description: 'One of the programs above, by the kernel.' }),
  from: z
    .strictObject({
      login: z.array(z.enum(['console', 'desktop', 'ssh', 'service'])).min(1).optional().meta({ description: 'How they logged in.' }),
      networks: z.array(network).min(1).max(256).optional().meta({ description: 'Over SSH, from one of these.' }),
      terminal: z.boolean().optional().meta({ description: 'With a terminal, or without.' }),
    })
    .optional()
    .meta({ description: 'How, and from where, the person came onto the device.' }),
  during: z.union([period, z.array(period).min(1).max(64)]).optional().meta({ description: 'When; of several periods one.' }),
  device: z.strictObject(deviceFields).optional().meta({ description: 'How the device stands, by what belayd reads itself.' }),
};

export const folder = text(absolutePath('A folder')).meta({ description: 'Absolute path.', pattern: '^/' });
export { variableName };
