import { CircleAlert, CircleCheck, CircleOff, Unplug } from 'lucide-react';
import type { Device } from '../../api/types.ts';
import { Badge } from '../../ui/badge.tsx';

/** What matters most about a device, in one word. */
export function healthOf({ state, silentSince, problems, evidence, lastSeenAt }: Device): 'revoked' | 'decommissioned' | 'evidence' | 'silent' | 'problems' | 'new' | 'good' {
  if (state !== 'active') return state;
  if (evidence.state === 'gap' || evidence.state === 'refused') return 'evidence';
  if (silentSince !== null) return 'silent';
  if (problems.length > 0) return 'problems';
  return lastSeenAt === null ? 'new' : 'good';
}

export function Health({ device }: { readonly device: Device }) {
  switch (healthOf(device)) {
    case 'revoked': return <Badge tone="bad" icon={<CircleOff />}>Revoked</Badge>;
    case 'decommissioned': return <Badge icon={<CircleOff />}>Left the fleet</Badge>;
    case 'evidence': return <Badge tone="bad" icon={<CircleAlert />}>{device.evidence.state === 'gap' ? 'Events missing' : 'Events refused'}</Badge>;
    case 'silent': return <Badge tone="warn" icon={<Unplug />}>Silent</Badge>;
    case 'problems': return <Badge tone="warn" icon={<CircleAlert />}>{device.problems.length === 1 ? '1 problem' : `${device.problems.length} problems`}</Badge>;
    case 'new': return <Badge tone="info">Not seen yet</Badge>;
    case 'good': return <Badge tone="good" icon={<CircleCheck />}>Good</Badge>;
  }
}

/** Whether what was published last is in force there. */
export function PolicyInForce({ device: { manifest, state } }: { readonly device: Device }) {
  if (manifest.number === 0) return <span className="faint">none yet</span>;
  const isCurrent = manifest.number >= manifest.issuedNumber || state !== 'active';
  return <span>{manifest.number}{!isCurrent && <span className="warn-text"> of {manifest.issuedNumber}</span>}</span>;
}
