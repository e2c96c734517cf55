import * as z from 'zod';
import { isZone } from '../../policy/period.ts';
import { absolutePath, label, text } from '../texts.ts';

/** The device that cases are about. */
const MAX_ID = 0xffff_fffe;

const id = z.union([z.number().int().min(0).max(MAX_ID), z.enum(['absent', 'unknown'])]).meta({ description: 'A number; absent: the device has none; unknown: the device cannot tell.' });
const name = text(label('The name', 256));
const path = text(absolutePath('A path')).meta({ description: 'Absolute path.', pattern: '^/' });
const sha256 = text((value) => (/^[0-9a-fA-F]{64}$/.test(value) ? undefined : { message: 'A SHA-256 is 64 hexadecimal digits', remedy: 'Take the first column of `sha256sum FILE`.' })).meta({ pattern: '^[0-9a-fA-F]{64}$' });

const owner = z.union([
  name,
  z.strictObject({
    name: name.optional().meta({ description: 'What it is called. Default plain.' }),
    version: name.optional().meta({ description: 'As the package manager writes it. Default 1.0.' }),
    manager: z.enum(['deb', 'rpm']).optional().meta({ description: 'Which database knows it. Default deb.' }),
    repositories: z.array(name).max(256).optional().meta({ description: 'ORIGIN/SUITE each. Default none: a local package.' }),
    signedBy: z.array(name).max(256).optional().meta({ description: 'Fingerprints of keys. Default none.' }),
    unmodified: z.union([z.boolean(), z.literal('unknown')]).optional().meta({ description: 'Whether the file is as the package brought it. Default true.' }),
  }),
]).meta({ description: 'The package that owns the file, by its name or in full; none: no package. Left out: not known.' });

const file = z.union([
  z.literal('absent'),
  z.strictObject({
    writable: z.boolean().optional().meta({ description: 'Others than root can write it, or a folder above. Default false.' }),
    content: z.string().max(1_000_000).nullable().optional().meta({ description: 'What its SHA-256 is of; null: it cannot be read. Default: a content of its own.' }),
    sha256: sha256.optional().meta({ description: 'Instead of content.' }),
    package: owner.optional(),
    hardLinkOf: path.optional().meta({ description: 'It is another name of this file.' }),
  }),
]);

const posture = z.strictObject({
  encrypted: z.boolean().optional().meta({ description: 'The root file system is on an encrypted disk.' }),
  secureBoot: z.boolean().optional().meta({ description: 'The firmware started it with secure boot.' }),
  firewall: z.boolean().optional().meta({ description: 'A firewall is on.' }),
  healthy: z.boolean().optional().meta({ description: 'The agent records, and its journal has room.' }),
  os: name.optional().meta({ description: 'ID of os-release(5).' }),
  osVersion: name.optional().meta({ description: 'VERSION_ID of os-release(5).' }),
  patchAgeDays: z.number().int().min(0).max(100_000).optional().meta({ description: 'Days since packages were last installed or upgraded.' }),
});

const zone = text((value) => (isZone(value) ? undefined : { message: `"${value}" is no time zone`, remedy: 'Write an IANA name, for instance Europe/Berlin or UTC.' }));

const device = z.strictObject({
  id: name.optional().meta({ description: 'For device:ID in targets. Default d-test.' }),
  name: name.optional().meta({ description: 'What the server calls it. Default laptop-7.' }),
  groups: z.array(name).max(256).optional().meta({ description: 'Its groups, by the server.' }),
  labels: z.record(z.string().min(1).max(256), z.string().max(256)).optional().meta({ description: 'Its labels, by the server.' }),
  posture: posture.optional().meta({ description: 'How it stands; what is not written is not known.' }),
  zone: zone.optional().meta({ description: 'Its time zone. Default UTC.' }),
});

export const worldSchema = z.strictObject({
  users: z.record(z.string(), id).optional().meta({ description: 'uid by name. One that is not listed exists, with an id of its own.' }),
  groups: z.record(z.string(), id).optional().meta({ description: 'gid by name. One that is not listed exists, with an id of its own.' }),
  primary: z.record(z.string(), name).optional().meta({ description: 'Primary group by user name. Default: the group of that name.' }),
  files: z.record(z.string(), file).optional().meta({ description: 'By absolute path. One that is not listed exists, is only root\'s to write, and belongs to no known package.' }),
  links: z.record(z.string(), path).optional().meta({ description: 'Symbolic links: what each leads to.' }),
  device: device.optional().meta({ description: 'What the server and the device itself know of it. Policies with targets are in force only where they fit.' }),
});

/** All the way down. */
export type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

export type World = DeepReadonly<z.infer<typeof worldSchema>>;
export type WorldFile = Exclude<NonNullable<World['files']>[string], 'absent'>;
