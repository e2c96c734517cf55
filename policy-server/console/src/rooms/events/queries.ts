import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { get, segment } from '../../api/client.ts';
import type { EventProof, EventView, Page } from '../../api/types.ts';

export type EventFilter = { readonly text?: string; readonly type?: string; readonly device?: string; readonly user?: string; readonly request?: string; readonly since?: number; readonly until?: number };

const PAGE = 50;

export function useEvents(filter: EventFilter, limit = PAGE) {
  return useInfiniteQuery({
    queryKey: ['events', 'list', filter, limit],
    queryFn: ({ pageParam, signal }) => get<Page<'events', EventView>>('/events', { ...filter, limit, before: pageParam }, signal),
    initialPageParam: null as number | string | null,
    getNextPageParam: ({ next }) => next ?? null,
    placeholderData: keepPreviousData,
  });
}

export function useEventProof(id: string) {
  return useQuery({ queryKey: ['event-proof', id], queryFn: ({ signal }) => get<EventProof>(`/events/${segment(id)}/proof`, undefined, signal) });
}
