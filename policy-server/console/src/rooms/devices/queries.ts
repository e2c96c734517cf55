import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post, segment } from '../../api/client.ts';
import type { Device, EnrollToken, Page } from '../../api/types.ts';

export function useDevices(filter: { readonly group?: string; readonly state?: string; readonly search?: string }) {
  return useInfiniteQuery({
    queryKey: ['devices', 'list', filter],
    queryFn: ({ pageParam, signal }) => get<Page<'devices', Device>>('/devices', { ...filter, limit: 200, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => (typeof next === 'string' ? next : null),
  });
}

export function useDevice(id: string) {
  return useQuery({ queryKey: ['devices', 'one', id], queryFn: ({ signal }) => get<Device>(`/devices/${segment(id)}`, undefined, signal) });
}

export type DeviceChange =
  | { readonly verb: 'rename'; readonly body: { readonly name: string } }
  | { readonly verb: 'label'; readonly body: { readonly labels: Readonly<Record<string, string | null>> } }
  | { readonly verb: 'group'; readonly body: { readonly add?: readonly string[]; readonly remove?: readonly string[] } }
  | { readonly verb: 'revoke' | 'decommission'; readonly body: Readonly<Record<never, never>> };

export function useDeviceChange(id: string) {
  const client = useQueryClient();
  return useMutation({ mutationFn: ({ verb, body }: DeviceChange) => post<Device>(`/devices/${segment(id)}/${verb}`, body), onSuccess: () => client.invalidateQueries({ queryKey: ['devices'] }) });
}

export function useEnrollTokens(enabled: boolean) {
  return useQuery({ queryKey: ['devices', 'tokens'], enabled, queryFn: ({ signal }) => get<{ readonly tokens: readonly EnrollToken[] }>('/enroll-tokens', undefined, signal) });
}

export type NewToken = { readonly uses: number; readonly validForMs: number; readonly groups: readonly string[] };

export function useMakeToken() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: NewToken) => post<{ readonly token: string; readonly info: EnrollToken }>('/enroll-tokens', body), onSuccess: () => client.invalidateQueries({ queryKey: ['devices', 'tokens'] }),
  });
}

export function useRevokeToken() {
  const client = useQueryClient();
  return useMutation({ mutationFn: (id: string) => post(`/enroll-tokens/${segment(id)}/revoke`), onSuccess: () => client.invalidateQueries({ queryKey: ['devices', 'tokens'] }) });
}
