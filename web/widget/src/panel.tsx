import type { Author, ChatEntry, PendingMessage } from '@answerable/sdk'
import { withLinks } from '@answerable/sdk'
import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { ChatSession, ChatView } from './chat-session'
import type { Words } from './words'

const SLOW_AFTER_MS = 20_000

interface PanelProps {
  view: ChatView
  session: ChatSession
  words: Words
  onClose: () => void
  input: RefObject<HTMLTextAreaElement | null>
}

export function Panel({ view, session, words, onClose, input }: PanelProps) {
  return (
    <>
      <Header view={view} words={words} onClose={onClose} />
      <Log view={view} session={session} words={words} />
      <Composer view={view} session={session} words={words} input={input} />
    </>
  )
}

function Header({ view, words, onClose }: { view: ChatView; words: Words; onClose: () => void }) {
  const contact = view.session?.contact
  const known = contact !== undefined && contact.proof !== 'anonymous'
  return (
    <div class="head">
      <div class="heads">
        <h2 id="title">{words.title(view.chat.brand ?? view.session?.brand ?? null)}</h2>
        <p class="proof">{known ? words.signedIn(contact.name) : words.anonymous}</p>
      </div>
      <button type="button" class="icon" onClick={onClose} aria-label={words.close}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M6 6l12 12M18 6L6 18" />
        </svg>
      </button>
    </div>
  )
}

function Status({ view, words, session }: { view: ChatView; words: Words; session: ChatSession }) {
  const text =
    view.failure === 'sign_in_again'
      ? words.signInAgain
      : view.failure === 'unavailable'
        ? words.unavailable
        : view.connection === 'offline'
          ? words.offline
          : view.connection === 'connecting'
            ? words.connecting
            : ''
  return (
    <div class={text ? 'status shown' : 'status'}>
      <span role="status" dir="auto">
        {text}
      </span>
      {(view.failure === 'unavailable' || (view.connection === 'offline' && !view.failure)) && (
        <button type="button" class="link" onClick={() => session.wake()}>
          {words.tryAgain}
        </button>
      )}
    </div>
  )
}

function Log({ view, session, words }: { view: ChatView; session: ChatSession; words: Words }) {
  const box = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  const { entries, outbox, typing, trouble } = view.chat
  useLayoutEffect(() => {
    // Who reads further up is not pulled down.
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [entries, outbox, typing])
  useEffect(() => {
    const at = box.current
    if (!at) return
    // The field below grows with its text and must not hide the last message.
    const observer = new ResizeObserver(() => {
      if (atEnd.current) at.scrollTop = at.scrollHeight
    })
    observer.observe(at)
    return () => observer.disconnect()
  }, [])
  const noticeScroll = () => {
    const at = box.current
    if (at) atEnd.current = at.scrollHeight - at.scrollTop - at.clientHeight < 48
  }
  return (
    <>
      <Status view={view} words={words} session={session} />
      {/* Focusable so that the keyboard can scroll it. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div class="log" role="log" aria-label={words.log} tabIndex={0} ref={box} onScroll={noticeScroll}>
        <p class="ai">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M12 3v3M6 9h12v10H6zM3 13v3M21 13v3M9.5 13v1.5M14.5 13v1.5" />
          </svg>
          <span dir="auto">{words.aiNotice}</span>
        </p>
        {view.session?.welcome && (
          <Bubble author="assistant" label={<AuthorLabel author="assistant" name={null} words={words} />}>
            <Linked text={view.session.welcome} />
          </Bubble>
        )}
        {entries.map((entry) => (
          <Entry key={entry.seq} entry={entry} words={words} />
        ))}
        {outbox.map((one) => (
          <Pending key={one.clientId} one={one} view={view} session={session} words={words} />
        ))}
        {typing && (
          <p class="typing">
            <span class="dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            {words.typing[typing]}
          </p>
        )}
        {trouble && <p class="notice bad">{trouble.message || trouble.code}</p>}
      </div>
    </>
  )
}

function Entry({ entry, words }: { entry: ChatEntry; words: Words }) {
  if (entry.kind === 'notice') {
    return <p class="notice" dir="auto">{entry.text || noticeText(entry.code, words)}</p>
  }
  return (
    <Bubble
      author={entry.author}
      label={<AuthorLabel author={entry.author} name={entry.name} words={words} />}
      at={entry.at}
    >
      <Linked text={entry.text} />
    </Bubble>
  )
}

function noticeText(code: string, words: Words): string {
  return Object.hasOwn(words.notices, code) ? (words.notices[code] ?? code) : code
}

function AuthorLabel({ author, name, words }: { author: Author; name: string | null; words: Words }) {
  if (author === 'contact') return <>{words.you}</>
  if (author === 'agent') return <>{name ? words.personNamed(name) : words.person}</>
  return (
    <>
      {words.assistant} <span class="tag">{words.automated}</span>
    </>
  )
}

function Bubble(props: {
  author: Author
  label: preact.ComponentChildren
  at?: string
  faint?: boolean
  children: preact.ComponentChildren
}) {
  return (
    <div class={`bubble ${props.author}${props.faint ? ' faint' : ''}`}>
      <div class="by">
        <span>{props.label}</span>
        {props.at && <Clock at={props.at} />}
      </div>
      <div class="text" dir="auto">
        {props.children}
      </div>
    </div>
  )
}

function Clock({ at }: { at: string }) {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return null
  return (
    <time dateTime={at} title={date.toLocaleString()}>
      {date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}
    </time>
  )
}

function Linked({ text }: { text: string }) {
  return (
    <>
      {withLinks(text).map((part, index) =>
        part.kind === 'link' ? (
          <a key={index} href={part.href} target="_blank" rel="noopener noreferrer">
            {part.text}
          </a>
        ) : (
          part.text
        ),
      )}
    </>
  )
}

function Pending(props: {
  one: PendingMessage
  view: ChatView
  session: ChatSession
  words: Words
}) {
  const { one, view, session, words } = props
  const slow = Date.now() - one.submittedAt > SLOW_AFTER_MS
  const failed = one.refusal !== null || (slow && one.acknowledgedSeq === null)
  const status = one.refusal
    ? `${words.refused}${one.refusal.message ? `: ${one.refusal.message}` : ''}`
    : one.acknowledgedSeq !== null
      ? words.sent
      : slow
        ? words.slow
        : view.connection === 'online'
          ? words.sending
          : words.waiting
  return (
    <div class="pending">
      <Bubble author="contact" label={words.you} faint={one.acknowledgedSeq === null}>
        <Linked text={one.text} />
      </Bubble>
      <p class={failed ? 'state bad' : 'state'}>
        {status}
        {failed && (
          <button type="button" class="link" onClick={() => session.retry(one.clientId)}>
            {words.tryAgain}
          </button>
        )}
        {one.refusal && (
          <button type="button" class="link" onClick={() => session.discard(one.clientId)}>
            {words.discard}
          </button>
        )}
      </p>
    </div>
  )
}

function Composer({ view, session, words, input }: Omit<PanelProps, 'onClose'>) {
  const [text, setText] = useState('')
  const limit = view.chat.messageLimit
  // Code points, as the service counts them; an emoji is one character and not two.
  const left = limit - Array.from(text).length
  const near = left < Math.max(50, limit * 0.1)
  const sendable = text.trim() !== '' && left >= 0 && view.failure !== 'sign_in_again'
  const send = () => {
    if (!sendable) return
    session.typing(false)
    session.say(text.trim())
    setText('')
    input.current?.focus()
  }
  useEffect(() => {
    const box = input.current
    if (!box) return
    box.style.height = 'auto'
    box.style.height = `${Math.min(box.scrollHeight + 2, 140)}px`
  }, [text, input])
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <label class="sr" for="message">
        {words.message}
      </label>
      <textarea
        id="message"
        ref={input}
        rows={1}
        dir="auto"
        autocomplete="off"
        placeholder={words.placeholder}
        value={text}
        aria-describedby={near ? 'left' : undefined}
        aria-invalid={left < 0}
        onInput={(event) => {
          setText(event.currentTarget.value)
          session.typing(event.currentTarget.value !== '')
        }}
        onBlur={() => session.typing(false)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
          event.preventDefault()
          send()
        }}
      />
      <button type="submit" class="send" disabled={!sendable} aria-label={words.send}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M4 12l16-8-5 16-3.5-6.5z" />
        </svg>
      </button>
      {near && (
        <p id="left" class={left < 0 ? 'left bad' : 'left'} role="status">
          {left < 0 ? words.over(-left) : words.left(left)}
        </p>
      )}
    </form>
  )
}
