import type { ApprovalDetail, LedgerEvent, Message, Page, View } from '@answerable/sdk'
import {
  useInfiniteQuery,
  useQuery,
  useQueryClient,
  type QueryClient,
} from '@tanstack/react-query'
import { api } from './api'

const PAGE = 30

/** Conversations whose messages are read anew from the start, since older ones may have changed. */
const stale = new Set<string>()

export function rereadMessages(client: QueryClient, id: string): void {
  stale.add(id)
  void client.invalidateQueries({ queryKey: ['messages', id] })
}

/** What waits, and the change of this conversation if it is being looked at. */
export function rereadApprovals(client: QueryClient, conversation: string): void {
  void client.invalidateQueries({ queryKey: ['approvals'] })
  void client.invalidateQueries({ queryKey: ['overview'] })
  void client.invalidateQueries({
    queryKey: ['approval'],
    predicate: (query) => {
      const shown = query.state.data as ApprovalDetail | undefined
      return shown?.conversation === conversation
    },
  })
}

export function useOverview() {
  return useQuery({ queryKey: ['overview'], queryFn: ({ signal }) => api.overview(signal) })
}

export function useConversations(view: View, team: string | null) {
  return useInfiniteQuery({
    queryKey: ['conversations', view, team],
    queryFn: ({ pageParam, signal }) =>
      api.conversations({ view, team, after: pageParam, limit: PAGE }, signal),
    initialPageParam: null as string | number | null,
    getNextPageParam: (page) => page.next,
  })
}

/** Nothing is asked for an empty query. */
export function useSearch(query: string) {
  return useInfiniteQuery({
    queryKey: ['search', query],
    queryFn: ({ pageParam, signal }) => api.search(query, pageParam, signal),
    initialPageParam: null as string | number | null,
    getNextPageParam: (page) => page.next,
    enabled: query !== '',
    refetchInterval: 5_000, // what was said a moment ago is found a moment later
    gcTime: 0, // what somebody looked for is not kept
  })
}

export function useConversation(id: string) {
  return useQuery({
    queryKey: ['conversation', id],
    queryFn: ({ signal }) => api.conversation(id, signal),
  })
}

export function useMessages(id: string) {
  const client = useQueryClient()
  return useQuery({
    queryKey: ['messages', id],
    queryFn: ({ signal }) => {
      const known = stale.delete(id) ? [] : client.getQueryData<Message[]>(['messages', id])
      return readOn(known ?? [], (after) => api.messages(id, after, signal))
    },
  })
}

export function useEvents(id: string, enabled: boolean) {
  const client = useQueryClient()
  return useQuery({ ...eventsQuery(client, id), enabled })
}

export function eventsQuery(client: QueryClient, id: string) {
  return {
    queryKey: ['events', id],
    queryFn: ({ signal }: { signal: AbortSignal }) => {
      const known = client.getQueryData<LedgerEvent[]>(['events', id]) ?? []
      return readOn(known, (after) => api.events(id, after, signal))
    },
  }
}

export function useIntents() {
  return useQuery({
    queryKey: ['intents'],
    queryFn: ({ signal }) => api.intents(signal),
    staleTime: 300_000,
  })
}

export function useApprovals() {
  return useInfiniteQuery({
    queryKey: ['approvals'],
    queryFn: ({ pageParam, signal }) => api.approvals(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next as string | null,
  })
}

/** Each reading is noted in the ledger: it is read when it is opened, and after a decision. */
export function useApproval(change: string) {
  return useQuery({
    queryKey: ['approval', change],
    queryFn: ({ signal }) => api.approval(change, signal),
    staleTime: Infinity,
    gcTime: 0, // personal data in plain text
    retry: false,
  })
}

export function useWaves() {
  return useQuery({
    queryKey: ['waves'],
    queryFn: ({ signal }) => api.waves(signal),
    refetchInterval: 60_000,
  })
}

export function useModel() {
  return useQuery({ queryKey: ['model'], queryFn: ({ signal }) => api.model(signal) })
}

export function useTeams() {
  return useQuery({
    queryKey: ['teams'],
    queryFn: ({ signal }) => api.teams(signal),
    staleTime: 300_000,
  })
}

export function useAgents() {
  return useQuery({ queryKey: ['agents'], queryFn: ({ signal }) => api.agents(signal) })
}

/** The ledger only grows: what is known is kept, and only what follows is read. */
export async function readOn<T extends { seq: number }>(
  known: readonly T[],
  page: (after: string | number) => Promise<Page<T>>,
): Promise<T[]> {
  const items = [...known]
  let after: string | number = items.at(-1)?.seq ?? 0
  for (;;) {
    const { items: more, next } = await page(after)
    const last = items.at(-1)?.seq ?? 0
    items.push(...more.filter((one) => one.seq > last))
    if (next === null || more.length === 0) return items
    after = next
  }
}
