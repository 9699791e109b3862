import { isProblem, newKey, type Conversation, type LedgerEvent } from '@answerable/sdk'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import { api } from '../api'
import { readDraft, writeDraft } from '../drafts'
import { useKeys } from '../keys'
import { useLive } from '../live'
import { eventsQuery } from '../queries'
import { useSession } from '../session'
import { ownerName } from './badges'
import { Icon } from './icon'
import { explain, Problems } from './states'
import { Moment } from './time'

const LIMIT = 20_000
const TYPING_EVERY_MS = 3_000

export interface Insertion {
  text: string
}

interface ComposerProps {
  conversation: Conversation
  /** A suggestion that the agent chose; each object is put in once. */
  insertion: Insertion | null
}

interface Conflict {
  title: string
  /** What happened between the version that was read and the present one. */
  events: LedgerEvent[]
}

/**
 * Where an agent writes. The text is lost by nothing but sending it: not by a reload, a hand-off, an
 * error, or somebody else's reply in between.
 */
export function Composer({ conversation, insertion }: ComposerProps) {
  const { agent } = useSession()
  const { tellTyping } = useLive()
  const client = useQueryClient()
  const { id, owner, status, version } = conversation
  const mine = status === 'open' && owner.kind === 'agent' && owner.id === agent.id
  const others = owner.kind === 'agent' && !mine
  const [text, setText] = useState(() => readDraft(agent.id, id))
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [conflict, setConflict] = useState<Conflict | null>(null)
  const [said, setSaid] = useState('')
  const field = useRef<HTMLTextAreaElement>(null)
  const attempt = useRef<{ text: string; key: string } | null>(null)
  const typingAt = useRef(0)
  // One's own last reply is known before the conversation has been read again.
  const sentSeq = useRef(0)

  useEffect(() => writeDraft(agent.id, id, text), [agent.id, id, text])
  useLayoutEffect(() => {
    const box = field.current
    if (!box) return
    box.style.height = 'auto'
    box.style.height = `${Math.min(box.scrollHeight + 2, 260)}px`
  }, [text, mine])
  useEffect(() => {
    if (!insertion) return
    setText((before) => (before.trim() === '' ? insertion.text : `${before}\n\n${insertion.text}`))
    field.current?.focus()
  }, [insertion])
  useKeys({ r: () => field.current?.focus() })

  const change = (next: string) => {
    setText(next)
    setSaid('')
    if (next.trim() === '') stopTyping()
    else if (Date.now() - typingAt.current > TYPING_EVERY_MS) {
      typingAt.current = Date.now()
      tellTyping(id, true)
    }
  }

  const stopTyping = () => {
    if (typingAt.current === 0) return
    typingAt.current = 0
    tellTyping(id, false)
  }

  const send = async () => {
    const words = text.trim()
    if (!words || busy || !mine || text.length > LIMIT) return
    setBusy(true)
    setError(null)
    // The same text is the same intention: trying again after a lost answer sends nothing twice.
    if (attempt.current?.text !== words) attempt.current = { text: words, key: newKey() }
    const { key } = attempt.current
    try {
      const { seq } = await api.reply(id, words, Math.max(version, sentSeq.current), key)
      sentSeq.current = seq
      attempt.current = null
      setText('')
      setConflict(null)
      setSaid('Reply sent')
    } catch (reason) {
      if (isProblem(reason) && reason.status === 409) {
        // A refused attempt is over: the next one has a new version and so a new key.
        attempt.current = null
        setConflict(await whatChanged(reason))
      } else setError(reason)
    } finally {
      stopTyping()
      setBusy(false)
      for (const key of ['conversation', 'messages', 'events']) {
        void client.invalidateQueries({ queryKey: [key, id] })
      }
      field.current?.focus()
    }
  }

  const whatChanged = async (reason: unknown): Promise<Conflict> => {
    const { title, detail } = explain(reason)
    const since = version
    try {
      await client.invalidateQueries({ queryKey: ['conversation', id] })
      const events = await client.fetchQuery({ ...eventsQuery(client, id), staleTime: 0 })
      return { title: detail || title, events: events.filter((event) => event.seq > since) }
    } catch {
      return { title: detail || title, events: [] }
    }
  }

  const changed = conflict && (
    <div className="conflict" role="alert">
      <p>
        <Icon name="warning" />
        <span>
          <strong>Not sent.</strong> {conflict.title} Your text is kept.
        </span>
      </p>
      {conflict.events.length > 0 && (
        <ul>
          {conflict.events.slice(-5).map((event) => (
            <li key={event.seq}>
              {event.title.replace(/\.$/, '')}, <Moment at={event.at} />
            </li>
          ))}
        </ul>
      )}
      {mine && (
        <button type="button" className="link" onClick={() => setConflict(null)}>
          I have read it
        </button>
      )}
    </div>
  )

  if (!mine) {
    return (
      <div className="composer closed">
        {changed}
        <p className="soft">
          {status === 'closed'
            ? 'This conversation is closed. Reopen it to reply.'
            : others && agent.role === 'agent'
              ? `${ownerName(owner, agent.id)} is answering this conversation.`
              : owner.kind === 'queue'
                ? `Waiting in the queue of ${owner.name ?? 'no team'}. Take it over to reply.`
                : `${owner.kind === 'assistant' ? 'The assistant' : ownerName(owner, agent.id)} has this conversation. Take it over to reply.`}
          {text.trim() !== '' && ' Your draft is kept.'}
        </p>
      </div>
    )
  }
  const over = text.length - LIMIT
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      {changed}
      <Problems error={error} />
      <label className="sr" htmlFor="reply">
        Reply
      </label>
      <textarea
        id="reply"
        ref={field}
        rows={3}
        dir="auto"
        placeholder="Write a reply"
        value={text}
        aria-describedby="reply-hint"
        aria-invalid={over > 0}
        onChange={(event) => change(event.target.value)}
        onBlur={stopTyping}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
          event.preventDefault()
          void send()
        }}
      />
      <div className="composer-foot">
        <span id="reply-hint" className="hint">
          {over > 0 ? (
            <span className="bad">{over === 1 ? '1 character' : `${over} characters`} too many</span>
          ) : (
            <>
              <kbd>Ctrl</kbd> + <kbd>Enter</kbd> sends
            </>
          )}
        </span>
        <span role="status" className="said">
          {said}
        </span>
        <button type="submit" className="button primary" disabled={busy || text.trim() === '' || over > 0}>
          {busy ? 'Sending …' : conflict ? 'Send all the same' : 'Send reply'}
        </button>
      </div>
    </form>
  )
}
