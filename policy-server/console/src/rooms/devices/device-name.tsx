import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { get, segment } from '../../api/client.ts';
import type { Device, Page } from '../../api/types.ts';
import { Inert } from '../../ui/inert-text.tsx';

const KNOWN = 200;
const STALE_MS = 5 * 60_000;

/** Names are asked for once and together; of a large fleet those that did not come along, one by one. */
function useDeviceName(id: string): string | undefined {
  const isServer = id === 'server';
  const names = useQuery({ queryKey: ['device-names'], enabled: !isServer, staleTime: STALE_MS, queryFn: async ({ signal }) => new Map((await get<Page<'devices', Device>>('/devices', { limit: KNOWN }, signal)).devices.map((device) => [device.id, device.name])) });
  const isMissing = names.data !== undefined && !names.data.has(id);
  const one = useQuery({ queryKey: ['device-names', id], enabled: !isServer && isMissing, staleTime: STALE_MS, retry: false, queryFn: async ({ signal }) => (await get<Device>(`/devices/${segment(id)}`, undefined, signal)).name });
  return isServer ? 'the server' : (names.data?.get(id) ?? one.data);
}

export function DeviceName({ id }: { readonly id: string }) {
  const name = useDeviceName(id);
  if (id === 'server') return <>the server</>;
  return <Link href={`/devices/${id}`}>{name === undefined ? <code className="short">{id.slice(0, 10)}…</code> : <Inert text={name} />}</Link>;
}
