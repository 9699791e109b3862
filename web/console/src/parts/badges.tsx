import type { ConversationSummary, Team } from '@answerable/sdk'
import { deadline, fullTime, span, useNow } from '../time'
import { Icon } from './icon'

export function Priority({ priority }: { priority: string }) {
  if (priority === 'normal') return null
  return <span className={`badge priority-${priority}`}>{priority}</span>
}

// Maps, because a plain object also answers to names such as "constructor".
const PROOFS = new Map(
  Object.entries({
    anonymous: 'Anonymous',
    email: 'E-mail only',
    'signed-in': 'Signed in',
    'one-time-code': 'Proven by code',
    'fresh-one-time-code': 'Proven by fresh code',
  }),
)

export function Proof({ proof }: { proof: string }) {
  const strong = proof !== 'anonymous' && proof !== 'email'
  return (
    <span className={strong ? 'badge good' : 'badge'} title="How well we know who is writing">
      {PROOFS.get(proof) ?? proof}
    </span>
  )
}

export function Waiting({ conversation }: { conversation: ConversationSummary }) {
  const now = useNow()
  if (conversation.status === 'closed') return null
  const { waiting_since: since, first_response_due: due } = conversation
  const state = due ? deadline(due, now) : null
  if (!since && !state) return null
  return (
    <span className={`waiting ${state?.urgency ?? 'calm'}`}>
      <Icon name="clock" />
      {since && (
        <span title={`Waiting since ${fullTime(since)}`}>
          waiting {span(Math.max(0, now - Date.parse(since)))}
        </span>
      )}
      {since && state && ', '}
      {state && due && (
        <span title={`First reply due ${fullTime(due)}`}>
          {since ? '' : 'reply '}
          {state.text}
        </span>
      )}
    </span>
  )
}

export function Deadline({ at }: { at: string }) {
  const { text, urgency } = deadline(at, useNow())
  return (
    <span className={`waiting ${urgency}`} title={fullTime(at)}>
      <Icon name="clock" />
      {text}
    </span>
  )
}

export function ownerName(owner: ConversationSummary['owner'], agentId: string): string {
  if (owner.kind === 'assistant') return 'Assistant'
  if (owner.kind === 'queue') return `Queue: ${owner.name ?? owner.id ?? 'no team'}`
  return owner.id === agentId ? 'You' : (owner.name ?? 'An agent')
}

/** Whose words the snippet has; nothing for the contact, whose name stands above it. */
export function snippetAuthor(conversation: ConversationSummary, agentId: string): string | null {
  const { last_author: author, owner } = conversation
  if (author === 'assistant') return 'Assistant'
  if (author !== 'agent') return null
  if (owner.kind !== 'agent') return 'Agent'
  return owner.id === agentId ? 'You' : (owner.name ?? 'Agent')
}

export function contactName(contact: ConversationSummary['contact']): string {
  return contact.name || contact.addresses_masked[0] || 'Visitor'
}

/** `none` stands for a matter that the service definition does not know. */
export function intentTitle(intent: { name: string; title?: string | null }): string {
  return intent.name === 'none' ? 'Not recognised' : (intent.title ?? intent.name)
}

export function teamTitle(teams: readonly Team[] | undefined, name: string): string {
  return teams?.find((team) => team.name === name)?.title ?? name
}

export function percent(probability: number): string {
  return `${Math.round(probability * 100)} %`
}
