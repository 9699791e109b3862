import type { ConversationSummary, Overview, View } from '@answerable/sdk'
import type { IconName } from './parts/icon'

export interface ViewEntry {
  view: View
  title: string
  icon: IconName
  empty: { title: string; text: string }
  count: (overview: Overview) => number | null
}

export const VIEWS: readonly ViewEntry[] = [
  {
    view: 'queue',
    title: 'Queue',
    icon: 'queue',
    empty: { title: 'Nobody is waiting', text: 'Conversations that need a person appear here.' },
    count: (overview) => overview.counts.queue,
  },
  {
    view: 'mine',
    title: 'Mine',
    icon: 'person',
    empty: { title: 'Nothing is yours', text: 'Take a conversation over from the queue to answer it.' },
    count: (overview) => overview.counts.mine,
  },
  {
    view: 'assistant',
    title: 'Assistant',
    icon: 'assistant',
    empty: { title: 'The assistant is idle', text: 'Conversations that it handles by itself appear here.' },
    count: (overview) => overview.counts.assistant,
  },
  {
    view: 'all',
    title: 'All open',
    icon: 'inbox',
    empty: { title: 'No open conversations', text: 'Every conversation has been closed.' },
    count: (overview) => overview.counts.open,
  },
  {
    view: 'closed',
    title: 'Closed',
    icon: 'check',
    empty: { title: 'Nothing closed yet', text: 'Closed conversations stay here and can be opened again.' },
    count: () => null,
  },
]

export function viewOf(name: string | undefined): ViewEntry | null {
  return VIEWS.find((entry) => entry.view === name) ?? null
}

/** Whether a conversation belongs in this view of this agent. */
export function belongs(view: View, conversation: ConversationSummary, agentId: string): boolean {
  if (view === 'closed') return conversation.status === 'closed'
  if (conversation.status !== 'open') return false
  const { owner } = conversation
  if (view === 'queue') return owner.kind === 'queue'
  if (view === 'assistant') return owner.kind === 'assistant'
  if (view === 'mine') return owner.kind === 'agent' && owner.id === agentId
  return true
}
