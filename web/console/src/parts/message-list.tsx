import type { Conversation, Message } from '@answerable/sdk'
import { useEffect, useLayoutEffect, useRef } from 'react'
import { useLive } from '../live'
import { useMessages } from '../queries'
import { useSession } from '../session'
import { contactName } from './badges'
import { Icon } from './icon'
import { MaskedText } from './masked-text'
import { Empty, Failure, Loading, Problems } from './states'
import { Moment } from './time'

export function MessageList({ conversation }: { conversation: Conversation }) {
  const { data, error, isPending, refetch } = useMessages(conversation.id)
  const { typing } = useLive()
  const box = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  const isTyping = typing[conversation.id] !== undefined
  useLayoutEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [data, isTyping])
  useEffect(() => {
    const element = box.current
    if (!element) return
    // A field that grows must not hide the last message.
    const observer = new ResizeObserver(() => {
      if (atEnd.current) element.scrollTop = element.scrollHeight
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  const noticeScroll = () => {
    const at = box.current
    if (at) atEnd.current = at.scrollHeight - at.scrollTop - at.clientHeight < 60
  }
  return (
    // Focusable so that the keyboard can scroll it.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="messages" role="log" aria-label="Messages" tabIndex={0} ref={box} onScroll={noticeScroll}>
      {isPending && <Loading label="Reading messages" />}
      {error && !data && <Failure error={error} onRetry={() => void refetch()} />}
      {data?.length === 0 && <Empty title="No messages yet" />}
      {data?.map((message) => (
        <Entry key={message.seq} message={message} conversation={conversation} />
      ))}
      {error && data && <Problems error={error} />}
      {isTyping && <p className="typing">Somebody is writing …</p>}
    </div>
  )
}

function Entry({ message, conversation }: { message: Message; conversation: Conversation }) {
  if (message.kind === 'notice' || message.author === 'system') {
    return (
      <p className="notice">
        <MaskedText text={message.text} /> <Moment at={message.at} />
      </p>
    )
  }
  return (
    <article className={`message ${message.author}`}>
      <header className="message-by">
        <Author message={message} conversation={conversation} />
        <Moment at={message.at} />
      </header>
      <div className="message-text" dir="auto">
        <MaskedText text={message.text} />
      </div>
      {(message.attachments ?? []).length > 0 && (
        <ul className="attachments">
          {message.attachments.map((one, index) => (
            <li key={index}>
              <Icon name="clip" />
              <bdi>{one.name ?? 'attachment'}</bdi>
              {one.size_bytes !== undefined && <span className="soft">{size(one.size_bytes)}</span>}
            </li>
          ))}
        </ul>
      )}
      {message.author !== 'contact' && <Delivery delivered={message.delivered} />}
    </article>
  )
}

function Author({ message, conversation }: { message: Message; conversation: Conversation }) {
  const { agent } = useSession()
  if (message.author === 'contact') {
    return (
      <span>
        <bdi className="strong">{message.name ?? contactName(conversation.contact)}</bdi>{' '}
        <span className="soft">contact</span>
      </span>
    )
  }
  if (message.author === 'assistant') {
    return (
      <span>
        <span className="strong">Assistant</span> <span className="badge">automated</span>
      </span>
    )
  }
  return (
    <span>
      <bdi className="strong">{message.name ?? 'Agent'}</bdi>{' '}
      <span className="soft">{message.name === agent.name ? 'you' : 'agent'}</span>
    </span>
  )
}

function Delivery({ delivered }: { delivered: boolean | null }) {
  if (delivered === false) {
    return (
      <p className="delivery failed">
        <Icon name="warning" /> Not delivered
      </p>
    )
  }
  return <p className="delivery">{delivered ? 'Delivered' : 'On its way'}</p>
}

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}
