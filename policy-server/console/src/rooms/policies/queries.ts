import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post, segment } from '../../api/client.ts';
import type { Page, PolicyChange, PolicyDetail, PolicySummary, PolicyVersion, Proposal } from '../../api/types.ts';

export function usePolicies(version?: number) {
  return useQuery({ queryKey: ['policies', 'list', version ?? 'now'], queryFn: ({ signal }) => get<{ readonly version: number; readonly policies: readonly PolicySummary[] }>('/policies', { version }, signal) });
}

export function usePolicy(name: string, version: number | undefined) {
  return useQuery({ queryKey: ['policies', 'one', name, version ?? 'now'], queryFn: ({ signal }) => get<PolicyDetail>(`/policies/${segment(name)}`, { version }, signal) });
}

/** Every document of a version: lint judges them together, as what one says depends on the others. */
export function useSources(version: number | undefined, names: readonly string[]) {
  return useQuery({
    queryKey: ['policies', 'sources', version, names], enabled: version !== undefined && version > 0,
    queryFn: ({ signal }) => Promise.all(names.map((name) => get<PolicyDetail>(`/policies/${segment(name)}`, { version }, signal))), staleTime: Infinity,
  });
}

export function useVersions() {
  return useQuery({ queryKey: ['policies', 'versions'], queryFn: async ({ signal }) => (await get<{ readonly versions: readonly PolicyVersion[] }>('/policy-versions', undefined, signal)).versions });
}

export function useDiff(from: number, to: number) {
  return useQuery({ queryKey: ['policies', 'diff', from, to], staleTime: Infinity, queryFn: async ({ signal }) => (await get<{ readonly changes: readonly PolicyChange[] }>(`/policy-versions/${from}/diff/${to}`, undefined, signal)).changes });
}

export function useRollback() {
  const client = useQueryClient();
  return useMutation({ mutationFn: ({ version, comment }: { readonly version: number; readonly comment: string }) => post(`/policy-versions/${version}/rollback`, { comment }), onSuccess: () => client.invalidateQueries({ queryKey: ['policies'] }) });
}

export function useProposals() {
  return useQuery({ queryKey: ['proposals'], queryFn: async ({ signal }) => (await get<Page<'proposals', Proposal>>('/proposals', undefined, signal)).proposals });
}

export function useSettle() {
  const client = useQueryClient();
  return useMutation({ mutationFn: ({ id, outcome }: { readonly id: string; readonly outcome: 'taken' | 'declined' }) => post(`/proposals/${segment(id)}/settle`, { outcome }), onSettled: () => client.invalidateQueries({ queryKey: ['proposals'] }) });
}
