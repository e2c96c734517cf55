import { Badge, type BadgeTone } from '../../ui/badge.tsx';

const TONES: readonly (readonly [prefix: string, tone: BadgeTone])[] = [
  ['elevation.intent', 'good'], ['elevation.denied', 'bad'], ['reauth.failed', 'warn'], ['evidence.checkpoint', 'neutral'], ['evidence.', 'bad'], ['emergency.', 'bad'], ['request.denied', 'bad'], ['request.approved', 'good'],
  ['request.', 'info'], ['grant.', 'info'], ['agent.fault', 'bad'], ['journal.', 'warn'], ['device.revoked', 'warn'], ['admin.login-failed', 'warn'], ['policy.', 'info'],
];

export function TypeBadge({ type }: { readonly type: string }) {
  return <Badge tone={TONES.find(([prefix]) => type.startsWith(prefix))?.[1] ?? 'neutral'}>{type}</Badge>;
}
