import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post, segment } from '../../api/client.ts';
import type { ApproveBody, Grant, Page, Proposal, RequestDetail, RequestSummary } from '../../api/types.ts';

type Requests = Page<'requests', RequestSummary>;
const WAITING_LIMIT = 100;
/** Should a hint be lost. */
const LOOK_AGAIN_MS = 30_000;

export type RequestFilter = { readonly state?: string; readonly device?: string; readonly user?: string; readonly mine?: string; readonly review?: string };

export function useRequests(filter: RequestFilter) {
  return useInfiniteQuery({
    queryKey: ['requests', 'list', filter],
    queryFn: ({ pageParam, signal }) => get<Requests>('/requests', { ...filter, limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => (typeof next === 'string' ? next : null),
    refetchInterval: LOOK_AGAIN_MS,
  });
}

export function useWaitingRequests(enabled: boolean) {
  return useQuery({
    queryKey: ['requests', 'waiting'], enabled, refetchInterval: LOOK_AGAIN_MS, refetchIntervalInBackground: true,
    queryFn: async ({ signal }) => (await get<Requests>('/requests', { state: 'pending', limit: WAITING_LIMIT }, signal)).requests,
  });
}

export function useRequest(id: string) {
  return useQuery({ queryKey: ['requests', 'one', id], queryFn: ({ signal }) => get<RequestDetail>(`/requests/${segment(id)}`, undefined, signal), refetchInterval: LOOK_AGAIN_MS });
}

/** What one does to a request: each names the request it was begun on. */
export function useRequestActs(id: string) {
  const client = useQueryClient();
  // Whether it went well or somebody was first: what is shown is asked anew.
  const onSettled = (): Promise<unknown> => Promise.all(['requests', 'grants', 'proposals'].map((key) => client.invalidateQueries({ queryKey: [key] })));
  const path = `/requests/${segment(id)}`;
  return {
    approve: useMutation({ mutationFn: (body: ApproveBody) => post(`${path}/approve`, body), onSettled }),
    deny: useMutation({ mutationFn: (words: string) => post(`${path}/deny`, { words }), onSettled }),
    propose: useMutation({ mutationFn: () => post<{ readonly proposal: Proposal | string }>(`${path}/propose`), onSettled }),
    review: useMutation({ mutationFn: (words: string) => post(`${path}/review`, { words }), onSettled }),
  };
}

export function useGrants(filter: { readonly live?: string; readonly device?: string; readonly user?: string }) {
  return useInfiniteQuery({
    queryKey: ['grants', filter],
    queryFn: ({ pageParam, signal }) => get<Page<'grants', Grant>>('/grants', { ...filter, limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => (typeof next === 'string' ? next : null),
  });
}

export function useRevokeGrant() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, words }: { readonly id: string; readonly words: string }) => post(`/grants/${segment(id)}/revoke`, words === '' ? {} : { words }),
    onSettled: () => Promise.all([client.invalidateQueries({ queryKey: ['grants'] }), client.invalidateQueries({ queryKey: ['requests'] })]),
  });
}
