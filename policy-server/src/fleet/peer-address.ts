/** "192.0.2.1:5000" or "[2001:db8::1]:5000" → the address; an IPv6 caller counts by its /64. */
export function addressOfPeer(peer: string): string {
  const host = peer.replace(/:[0-9]+$/, '').replace(/^ipv[46]:/, '').replace(/^\[|\]$/g, '');
  return host.includes(':') && !host.includes('.') ? host.split(':').slice(0, 4).join(':') : host;
}
