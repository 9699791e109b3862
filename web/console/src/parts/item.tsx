import type { ConversationSummary, Excerpt } from '@answerable/sdk'
import { Link, useParams } from 'react-router'
import { useLive } from '../live'
import { useSession } from '../session'
import type { ViewEntry } from '../views'
import { contactName, intentTitle, ownerName, Priority, snippetAuthor, Waiting } from './badges'
import { ChannelIcon } from './icon'
import { MaskedText } from './masked-text'
import { Ago } from './time'

/** One conversation in a list. excerpt: where it was found, instead of its latest message. */
export function Item(props: {
  conversation: ConversationSummary
  view: ViewEntry
  excerpt?: Excerpt | null
}) {
  const { conversation, view, excerpt } = props
  const { agent } = useSession()
  const { typing } = useLive()
  const chosen = useParams()['conversation'] === conversation.id
  const { contact, intent, owner } = conversation
  return (
    <li>
      <Link
        to={`/${view.view}/${conversation.id}`}
        className="item"
        aria-current={chosen ? 'true' : undefined}
      >
        <span className="item-top">
          <ChannelIcon channel={conversation.channel} />
          <span className="item-name" dir="auto">
            {contactName(contact)}
          </span>
          <Priority priority={conversation.priority} />
          <span className="item-time">
            <Ago at={conversation.updated_at} />
          </span>
        </span>
        {conversation.subject && (
          <span className="item-subject" dir="auto">
            <MaskedText text={conversation.subject} links={false} />
          </span>
        )}
        {excerpt ? (
          <Found excerpt={excerpt} />
        ) : (
          <span className="item-snippet" dir="auto">
            {typing[conversation.id] ? <em>writing …</em> : <Latest conversation={conversation} />}
          </span>
        )}
        <span className="item-foot">
          {intent && <span className="intent">{intentTitle(intent)}</span>}
          {excerpt !== undefined && conversation.status === 'closed' && <span>Closed</span>}
          {(view.view === 'all' || view.view === 'queue' || view.view === 'closed') && (
            <span className="owner">{ownerName(owner, agent.id)}</span>
          )}
          <Waiting conversation={conversation} />
        </span>
      </Link>
    </li>
  )
}

function Latest({ conversation }: { conversation: ConversationSummary }) {
  const { agent } = useSession()
  const author = conversation.snippet ? snippetAuthor(conversation, agent.id) : null
  return (
    <>
      {author && <span className="item-author">{author}: </span>}
      <bdi>
        <MaskedText text={conversation.snippet ?? ''} links={false} />
      </bdi>
    </>
  )
}

function Found({ excerpt }: { excerpt: Excerpt }) {
  return (
    <span className="item-snippet found" dir="auto">
      {excerpt.parts.map((part, index) =>
        part.marked ? (
          <mark key={index}>{part.text}</mark>
        ) : (
          <MaskedText key={index} text={part.text} links={false} />
        ),
      )}
    </span>
  )
}

/** Moves the focus to the next or previous conversation; Enter then opens it. */
export function step(by: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLAnchorElement>('.items .item')]
  const focused = links.indexOf(document.activeElement as HTMLAnchorElement)
  const from = focused >= 0 ? focused : links.findIndex((one) => one.ariaCurrent === 'true')
  const to = from < 0 ? (by > 0 ? 0 : links.length - 1) : from + by
  links[Math.max(0, Math.min(links.length - 1, to))]?.focus()
}
