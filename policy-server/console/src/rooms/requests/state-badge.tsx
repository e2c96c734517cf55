import { Ban, Check, Clock, Hourglass, RotateCcw, X } from 'lucide-react';
import type { RequestState } from '../../api/types.ts';
import { Badge, type BadgeTone } from '../../ui/badge.tsx';

const LOOK: Readonly<Record<RequestState, readonly [BadgeTone, typeof Check, string]>> = {
  pending: ['info', Hourglass, 'Waiting'], approved: ['good', Check, 'Approved'], denied: ['bad', X, 'Denied'], cancelled: ['neutral', Ban, 'Cancelled'],
  expired: ['neutral', Clock, 'Expired'], used: ['neutral', Check, 'Used'], revoked: ['warn', RotateCcw, 'Revoked'],
};

export function StateBadge({ state }: { readonly state: RequestState }) {
  const [tone, Icon, text] = LOOK[state];
  return <Badge tone={tone} icon={<Icon />}>{text}</Badge>;
}
