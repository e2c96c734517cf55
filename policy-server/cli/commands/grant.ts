import type { Command } from 'commander';
import { createApi } from '../api.ts';
import { define, group, type OutputOptions, print, running } from '../command.ts';
import { inert, table, timeText } from '../text.ts';
import { usesText } from './request-text.ts';
import { wholeNumber } from './token.ts';

export type Grant = {
  readonly id: string; readonly request: string | null; readonly device: { readonly id: string; readonly name: string }; readonly user: string; readonly command: string; readonly uses: number | null; readonly usesLeft: number | null;
  readonly issuedAt: number; readonly expiresAt: number; readonly state: string; readonly approvedBy: readonly string[]; readonly emergency: boolean;
};

export function addGrants(program: Command): void {
  const grant = group(program, 'grant', 'Grants: what approvals have given, and taking it back.');
  define(grant, 'list', 'List grants, newest first.', ['belayctl grant list --live', 'belayctl grant list --device laptop-17 --json'])
    .option('--live', 'only those that can be used now').option('--device <device>', 'id or name').option('--user <name>', 'the user on the device').option('--limit <number>', 'how many', wholeNumber, 100).action(running(list));
  define(grant, 'revoke', 'Take a grant back at once. What runs under it is ended.', ['belayctl grant revoke g-q2w8m4x7ka --words "the wrong machine"'])
    .argument('<id>', 'its id, from `grant list`').option('--words <text>', 'why').action(running(revoke));
}

async function list({ limit, json, output, ...filter }: OutputOptions & { readonly live?: boolean; readonly device?: string; readonly user?: string; readonly limit: number }): Promise<void> {
  const grants = await createApi().all<Grant>('/grants', 'grants', filter, limit);
  print({ json, output }, grants, () => table(grants, [
    { title: 'ID', of: ({ id }) => id }, { title: 'STATE', of: ({ state, emergency }) => (emergency ? `${state}, EMERGENCY` : state) }, { title: 'UNTIL', of: ({ expiresAt }) => timeText(expiresAt) }, { title: 'USES', of: usesText },
    { title: 'WHO', of: ({ user }) => user }, { title: 'DEVICE', of: ({ device }) => device.name }, { title: 'APPROVED BY', of: ({ approvedBy }) => approvedBy.join(', ') }, { title: 'COMMAND', of: ({ command }) => command },
  ]));
}

async function revoke(id: string, { words, ...options }: OutputOptions & { readonly words?: string }): Promise<void> {
  const grant = await createApi().post<Grant>(`/grants/${encodeURIComponent(id)}/revoke`, words === undefined ? {} : { words });
  print(options, grant, () => `Revoked grant ${inert(grant.id)} of ${inert(grant.user)} on ${inert(grant.device.name)}.\n`);
}
