import * as z from 'zod';
import { commandPath, label, text } from '../texts.ts';

/** The kernel takes no more of one argument. */
const MAX_ARGUMENT = 128 * 1024;
const name = text(label('The name', 256));

/** What anyone may write of a question who can run a command; see `WhoCanQuestion`. */
export const whoCanSchema = z.strictObject({
  command: text(commandPath),
  args: z.array(z.string().max(MAX_ARGUMENT)).max(1000).optional(),
  user: z.strictObject({ name, uid: z.number().int().min(0).max(0xffff_fffe).optional(), groups: z.array(name).max(1000).optional() }).optional(),
  as: z.strictObject({ user: name.optional(), group: name.optional() }).refine(({ user, group }) => user !== undefined || group !== undefined, 'name a user or a group').optional(),
});
