import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { ChatSession, ChatView } from './chat-session'
import { Panel } from './panel'
import { wordsOf } from './words'

export interface WidgetProps {
  session: ChatSession
  view: ChatView
  open: boolean
  language: string | null
  onToggle: (open: boolean) => void
}

/** On small screens the panel covers all, and is then a modal dialog. */
const COVERS_ALL = '(max-width: 480px), (max-height: 480px)'

export function Widget({ session, view, open, language, onToggle }: WidgetProps) {
  const spoken = view.session?.language ?? language
  const words = wordsOf(spoken)
  const launcher = useRef<HTMLButtonElement>(null)
  const panel = useRef<HTMLDivElement>(null)
  const input = useRef<HTMLTextAreaElement>(null)
  const wasOpen = useRef(false)
  const coversAll = useMatches(COVERS_ALL)
  const unread = useUnread(view, open)

  useLayoutEffect(() => {
    if (open && !wasOpen.current) input.current?.focus()
    if (!open && wasOpen.current) launcher.current?.focus()
    wasOpen.current = open
  }, [open])

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && !event.isComposing) {
      event.stopPropagation()
      onToggle(false)
    } else if (event.key === 'Tab' && coversAll && panel.current) keepInside(event, panel.current)
  }

  const label = open ? words.close : unread > 0 ? `${words.open}, ${words.newMessages(unread)}` : words.open
  return (
    <>
      {open && (
        // Escape and Tab are handled for all that is inside.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
        <div
          class="panel"
          role="dialog"
          dir={RIGHT_TO_LEFT.test(spoken ?? '') ? 'rtl' : 'ltr'}
          aria-labelledby="title"
          aria-modal={coversAll}
          ref={panel}
          onKeyDown={onKeyDown}
        >
          <Panel view={view} session={session} words={words} input={input} onClose={() => onToggle(false)} />
        </div>
      )}
      <button
        type="button"
        class="launcher"
        ref={launcher}
        aria-expanded={open}
        aria-label={label}
        onClick={() => onToggle(!open)}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true">
          {open ? <path d="M6 9l6 6 6-6" /> : <path d="M4 5h16v11H10l-4 4v-4H4z" />}
        </svg>
        {unread > 0 && (
          <span class="badge" aria-hidden="true">
            {unread > 9 ? '9+' : unread}
          </span>
        )}
      </button>
      <span class="sr" role="status">
        {!open && unread > 0 ? words.newMessages(unread) : ''}
      </span>
    </>
  )
}

/** The panel runs as its own language does, whatever the page around it. */
const RIGHT_TO_LEFT = /^(ar|dv|fa|he|ps|ur|yi)\b/i

/** Messages that came while the panel was closed, but not those of before the page was loaded. */
function useUnread(view: ChatView, open: boolean): number {
  const [readUntil, setReadUntil] = useState(() => new Date().toISOString())
  const { entries } = view.chat
  useEffect(() => {
    if (open) setReadUntil(new Date().toISOString())
  }, [open, entries])
  if (open) return 0
  return entries.filter(
    (one) =>
      one.kind === 'message' &&
      one.author !== 'contact' &&
      new Date(one.at).getTime() > new Date(readUntil).getTime(),
  ).length
}

function useMatches(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches)
  useEffect(() => {
    const list = matchMedia(query)
    const onChange = () => setMatches(list.matches)
    list.addEventListener('change', onChange)
    return () => list.removeEventListener('change', onChange)
  }, [query])
  return matches
}

function keepInside(event: KeyboardEvent, panel: HTMLElement): void {
  const stops = [
    ...panel.querySelectorAll<HTMLElement>('button:not([disabled]), a[href], textarea, [tabindex="0"]'),
  ]
  const first = stops[0]
  const last = stops.at(-1)
  const active = (panel.getRootNode() as ShadowRoot).activeElement
  if (event.shiftKey && active === first) {
    event.preventDefault()
    last?.focus()
  } else if (!event.shiftKey && active === last) {
    event.preventDefault()
    first?.focus()
  }
}
