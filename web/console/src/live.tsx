import {
  deskHello,
  emptyFeed,
  followDesk,
  forgetTyping,
  LiveStream,
  socketUrl,
  type Connection,
  type ConversationSummary,
  type DeskChange,
  type DeskFeed,
  type Page,
  type View,
} from '@answerable/sdk'
import { useQueryClient, type InfiniteData, type QueryClient } from '@tanstack/react-query'
import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { rereadApprovals, rereadMessages } from './queries'
import { useSession } from './session'
import { belongs } from './views'

interface LiveState {
  connection: Connection
  agents: DeskFeed['agents']
  typing: DeskFeed['typing']
  tellTyping: (conversation: string, on: boolean) => void
  reconnect: () => void
}

const LiveContext = createContext<LiveState | null>(null)

export function useLive(): LiveState {
  const live = useContext(LiveContext)
  if (!live) throw new Error('no live desk here')
  return live
}

/** Lists are read again at most this often, however many events arrive. */
const LISTS_EVERY_MS = 1_500
/** Without a stream the lists are read again now and then all the same. */
const POLL_EVERY_MS = 20_000
const TYPING_LOOKED_AT_MS = 2_000
const APPROVAL_KINDS = new Set([
  'approval_requested',
  'approved',
  'approval_refused',
  'approval_expired',
  'change_withdrawn',
])
const DELIVERY_KINDS = new Set(['reply_delivered', 'reply_failed', 'bounced'])

/** Follows the desk's feed and keeps what the pages show up to date. */
export function LiveDesk({ children }: { children: ReactNode }) {
  const client = useQueryClient()
  const { agent, leave } = useSession()
  const [connection, setConnection] = useState<Connection>('idle')
  const [feed, setFeed] = useState<DeskFeed>(emptyFeed)
  const stream = useRef<LiveStream | null>(null)

  useEffect(() => {
    let current = emptyFeed
    const lists = new Throttled(LISTS_EVERY_MS, () => {
      // Reading again would cut off the further page that somebody is just waiting for.
      if (client.isFetching({ queryKey: ['conversations'] }) > 0) return lists.ask()
      void client.invalidateQueries({ queryKey: ['conversations'] })
      void client.invalidateQueries({ queryKey: ['overview'] })
    })
    const live = new LiveStream({
      url: socketUrl('', '/v1/desk/stream'),
      onConnected: () => live.send(deskHello(current)),
      onFrame: (frame) => {
        if (frame === null) return live.reconnect()
        const step = followDesk(current, frame, Date.now())
        current = step.feed
        setFeed(current)
        for (const news of step.news) {
          if (news.type === 'all_changed') void client.invalidateQueries()
          else {
            apply(client, news.change, agent.id)
            lists.ask()
          }
        }
      },
      onState: (state) => {
        setConnection(state)
        // What could not be read while the service was away can be read now.
        if (state === 'online') {
          void client.refetchQueries({ predicate: (query) => query.state.status === 'error' })
        }
      },
      onRejected: leave,
    })
    stream.current = live
    live.open()
    const wake = () => {
      if (document.visibilityState === 'visible') live.wake()
    }
    const poll = setInterval(() => {
      if (live.state !== 'online') lists.ask()
    }, POLL_EVERY_MS)
    const typingEnds = setInterval(() => {
      current = forgetTyping(current, Date.now())
      setFeed(current)
    }, TYPING_LOOKED_AT_MS)
    window.addEventListener('online', wake)
    document.addEventListener('visibilitychange', wake)
    return () => {
      window.removeEventListener('online', wake)
      document.removeEventListener('visibilitychange', wake)
      clearInterval(poll)
      clearInterval(typingEnds)
      lists.stop()
      live.close()
      stream.current = null
    }
  }, [client, agent.id, leave])

  const state = useMemo<LiveState>(
    () => ({
      connection,
      agents: feed.agents,
      typing: feed.typing,
      tellTyping: (conversation, on) => stream.current?.send({ type: 'typing', conversation, on }),
      reconnect: () => stream.current?.wake(),
    }),
    [connection, feed],
  )
  return <LiveContext value={state}>{children}</LiveContext>
}

function apply(client: QueryClient, change: DeskChange, agentId: string): void {
  const { conversation: id, kind, summary } = change
  if (summary) patchLists(client, summary, agentId)
  void client.invalidateQueries({ queryKey: ['conversation', id] })
  void client.invalidateQueries({ queryKey: ['events', id] })
  if (APPROVAL_KINDS.has(kind)) rereadApprovals(client, id)
  if (DELIVERY_KINDS.has(kind)) rereadMessages(client, id)
  else void client.invalidateQueries({ queryKey: ['messages', id] })
}

type Lists = InfiniteData<Page<ConversationSummary>, string | number | null>

/** At once what is in sight; order and newcomers follow with the next reading of the lists. */
function patchLists(client: QueryClient, summary: ConversationSummary, agentId: string): void {
  const lists = client.getQueriesData<Lists>({ queryKey: ['conversations'] })
  for (const [key, data] of lists) {
    if (!data) continue
    const stays = belongs(key[1] as View, summary, agentId)
    const pages = data.pages.map((page) => ({
      ...page,
      items: page.items.flatMap((one) => {
        if (one.id !== summary.id || one.seq > summary.seq) return [one]
        return stays ? [{ ...one, ...summary }] : []
      }),
    }))
    client.setQueryData<Lists>(key, { ...data, pages })
  }
}

class Throttled {
  readonly #every: number
  readonly #call: () => void
  #last = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(every: number, call: () => void) {
    this.#every = every
    this.#call = call
  }

  ask(): void {
    if (this.#timer !== undefined) return
    const wait = Math.max(150, this.#last + this.#every - Date.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#last = Date.now()
      this.#call()
    }, wait)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
