import { type Failure, failure } from '@belay/core/codes';
import { parsePolicyFiles } from '@belay/core/policy-tools';
import { err, ok, type Result } from '@belay/core/result';
import { stringify } from 'yaml';
import { detailsOf } from './filing.ts';
import type { RequestRow } from './telling.ts';

/** Bytes as they are in a rule; undefined: they are no text that a rule can hold. */
function textOf(base64: string): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(base64, 'base64'));
    return /\p{Cc}/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** A pattern that matches this very argument. */
const literal = (argument: string): string | { readonly regex: string } => (/[*?[\]{}\\]/.test(argument) ? { regex: argument.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') } : argument);

/**
 * A policy of one rule: this command with these arguments, as this user, on this device. It is what the language takes, or there is none.
 * SECURITY(T-29): written by a YAML writer and read again; nothing of the request can end a line and begin a rule.
 */
export function ruleOf(row: RequestRow): Result<string, Failure> {
  const details = detailsOf(row.details);
  const [command, args] = [textOf(details.executable), details.argv.map(textOf)];
  const unsupported = err(failure('BELAY_E_UNSUPPORTED', 'A rule cannot say this request: its path or an argument is not plain text. Write the rule by hand.'));
  if (command === undefined || args.some((each) => each === undefined) || row.user_name !== details.user) return unsupported;
  const [runAsUser, runAsGroup] = details.runAs.split(':') as [string, string | undefined];
  const identity = (name: string, kind: 'uid' | 'gid'): string => (/^#[0-9]+$/.test(name) ? `${kind}:${name.slice(1)}` : name);
  const policy = {
    apiVersion: 'belay/v1', kind: 'Policy', metadata: { name: `proposed-${row.id}`, description: `Proposed from request ${row.id}.` },
    targets: { devices: [`device:${row.device_id}`] },
    rules: [{
      name: `request-${row.number}`, who: [row.user_name.startsWith('#') ? `uid:${row.uid}` : `user:${row.user_name}`],
      run: [{ command, args: (args as string[]).map(literal) }], as: { user: identity(runAsUser, 'uid'), group: identity(runAsGroup ?? runAsUser, 'gid') }, then: 'allow',
    }],
  };
  const why = row.reason === null ? '' : `# Reason that was given: ${row.reason}\n`;
  const yaml = `# Request ${row.number} of ${row.user_name} on ${row.device_id}.\n${why}${stringify(policy, { lineWidth: 0 })}`;
  const parsed = parsePolicyFiles([{ name: 'proposal.yaml', text: yaml }]);
  return parsed.ok ? ok(yaml) : unsupported;
}
