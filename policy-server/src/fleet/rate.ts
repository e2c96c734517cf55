import type { Clock } from '../context.ts';

/** How many addresses are remembered; beyond it the oldest are forgotten. */
const REMEMBERED = 10_000;
const MINUTE_MS = 60_000;

/** A token bucket for each address: `perMinute` at once, refilled evenly. */
export function createRateLimit(perMinute: number, clock: Clock): (address: string) => boolean {
  const buckets = new Map<string, { left: number; at: number }>();
  return (address) => {
    const now = clock();
    const bucket = buckets.get(address) ?? { left: perMinute, at: now };
    // A clock that was set back must not lock anybody out.
    bucket.left = Math.min(perMinute, bucket.left + (Math.max(0, now - bucket.at) * perMinute) / MINUTE_MS);
    bucket.at = now;
    buckets.delete(address);
    if (buckets.size >= REMEMBERED) buckets.delete(buckets.keys().next().value as string);
    buckets.set(address, bucket);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  };
}

/** "192.0.2.1:5000" or "[2001:db8::1]:5000" → the address; an IPv6 caller counts by its /64. */
export function addressOfPeer(peer: string): string {
  const host = peer.replace(/:[0-9]+$/, '').replace(/^ipv[46]:/, '').replace(/^\[|\]$/g, '');
  return host.includes(':') && !host.includes('.') ? host.split(':').slice(0, 4).join(':') : host;
}
