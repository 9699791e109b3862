/** The desk's feed as a pure function: which changes are new, and when everything must be read anew. */
import { isRecord } from './problem'
import type { ConversationSummary } from './desk-api'

export interface DeskFeed {
  /** Position of the last event taken in; null before the first welcome. */
  position: number | null
  agents: readonly { id: string; name: string }[]
  /** Conversations in which another agent or the contact is writing, and until when to believe it. */
  typing: Readonly<Record<string, number>>
}

export interface DeskChange {
  conversation: string
  seq: number
  kind: string
  summary: ConversationSummary | null
}

export type DeskNews = { type: 'change'; change: DeskChange } | { type: 'all_changed' }

const TYPING_SHOWN_MS = 8_000

export const emptyFeed: DeskFeed = { position: null, agents: [], typing: {} }

/** What the connection says first, so that the feed goes on where it stopped. */
export function deskHello(feed: DeskFeed): { type: 'hello'; after: number | null } {
  return { type: 'hello', after: feed.position }
}

export function followDesk(
  feed: DeskFeed,
  frame: unknown,
  now: number,
): { feed: DeskFeed; news: DeskNews[] } {
  if (!isRecord(frame)) return { feed, news: [] }
  const position = frame['position']
  switch (frame['type']) {
    case 'welcome':
      // On a resumed feed the missed events follow; only a first hello starts at the present.
      return feed.position === null && typeof position === 'number'
        ? { feed: { ...feed, position }, news: [{ type: 'all_changed' }] }
        : { feed, news: [] }
    case 'event':
      return changed(feed, frame)
    case 'presence':
      return { feed: { ...feed, agents: agentsOf(frame['agents']) }, news: [] }
    case 'typing':
      return { feed: { ...feed, typing: typingOf(feed, frame, now) }, news: [] }
    case 'resync':
      return { feed: { ...feed, position: null }, news: [{ type: 'all_changed' }] }
    default:
      return { feed, news: [] }
  }
}

/** Without those who stopped writing, or whose end of it was lost; the same feed if there are none. */
export function forgetTyping(feed: DeskFeed, now: number): DeskFeed {
  const typing = Object.entries(feed.typing).filter(([, until]) => until > now)
  return typing.length === Object.keys(feed.typing).length
    ? feed
    : { ...feed, typing: Object.fromEntries(typing) }
}

function changed(
  feed: DeskFeed,
  frame: Record<string, unknown>,
): { feed: DeskFeed; news: DeskNews[] } {
  const { position, conversation, seq, kind, summary } = frame
  if (typeof position !== 'number' || typeof conversation !== 'string') return { feed, news: [] }
  if (feed.position !== null && position <= feed.position) return { feed, news: [] }
  const change: DeskChange = {
    conversation,
    seq: typeof seq === 'number' ? seq : 0,
    kind: String(kind ?? ''),
    summary: isRecord(summary) ? (summary as unknown as ConversationSummary) : null,
  }
  return { feed: { ...feed, position }, news: [{ type: 'change', change }] }
}

function agentsOf(value: unknown): { id: string; name: string }[] {
  if (!Array.isArray(value)) return []
  return value
    .filter(isRecord)
    .map((agent) => ({ id: String(agent['id'] ?? ''), name: String(agent['name'] ?? '') }))
}

function typingOf(
  feed: DeskFeed,
  frame: Record<string, unknown>,
  now: number,
): Record<string, number> {
  const conversation = String(frame['conversation'] ?? '')
  const others = Object.entries(feed.typing).filter(
    ([id, until]) => id !== conversation && until > now,
  )
  const own: [string, number][] = frame['on'] === true ? [[conversation, now + TYPING_SHOWN_MS]] : []
  return Object.fromEntries([...others, ...own])
}
