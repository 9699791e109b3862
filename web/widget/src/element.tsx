import { render } from 'preact'
import { ChatSession, forgetBearer, type ChatView, type Identity } from './chat-session'
import css from './style.css?inline'
import { Widget } from './widget'

const TICK_MS = 1_000

/**
 * `<answerable-chat key="wk_…" endpoint="https://…" token="…" position="bottom-right">`
 *
 * key: the inbox's public key. endpoint: origin of the service; by default where this script came from.
 * token: the page's signed statement of who the customer is. A new value ends the former person's chat at
 * once and shows nothing of it again. position: bottom-right or bottom-left.
 */
export class AnswerableChat extends HTMLElement {
  static readonly observedAttributes = ['key', 'endpoint', 'token']

  #session: ChatSession | null = null
  #identity: Identity | null = null
  #open = false
  #tick: ReturnType<typeof setInterval> | undefined
  #renewing = false
  readonly #root: ShadowRoot

  constructor() {
    super()
    this.#root = this.attachShadow({ mode: 'open' })
    // A constructed sheet, because a content security policy may forbid style elements.
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(css)
    this.#root.adoptedStyleSheets = [sheet]
  }

  connectedCallback(): void {
    window.addEventListener('online', this.#wake)
    document.addEventListener('visibilitychange', this.#wake)
    this.#tick = setInterval(() => this.#session?.tick(), TICK_MS)
    this.#renew()
  }

  disconnectedCallback(): void {
    window.removeEventListener('online', this.#wake)
    document.removeEventListener('visibilitychange', this.#wake)
    clearInterval(this.#tick)
    this.#session?.end()
    this.#session = null
    this.#identity = null
    render(null, this.#root)
  }

  attributeChangedCallback(): void {
    if (!this.isConnected || this.#renewing) return
    this.#renewing = true
    // Several attributes set one after another are one change of person.
    queueMicrotask(() => {
      this.#renewing = false
      if (this.isConnected) this.#renew()
    })
  }

  /** Opens the panel. */
  open(): void {
    this.#show(true)
  }

  /** Closes the panel; the conversation goes on. */
  close(): void {
    this.#show(false)
  }

  #renew(): void {
    const identity: Identity = {
      key: this.getAttribute('key') ?? '',
      endpoint: (this.getAttribute('endpoint') || new URL(import.meta.url).origin).replace(/\/+$/, ''),
      token: this.getAttribute('token') || null,
    }
    const former = this.#identity
    if (former && same(former, identity)) return
    this.#session?.end()
    if (former) forgetBearer(former)
    this.#identity = identity
    const session = new ChatSession(identity, (view) => {
      if (session === this.#session) this.#render(view)
    })
    this.#session = session
    this.#render(session.view)
    // Visitors who never open the chat cost the service nothing.
    if (this.#open || session.isStored) session.start()
  }

  #show(open: boolean): void {
    if (open === this.#open) return
    this.#open = open
    if (open) this.#session?.start()
    if (this.#session) this.#render(this.#session.view)
    this.dispatchEvent(new CustomEvent(open ? 'answerable-open' : 'answerable-close'))
  }

  #render(view: ChatView): void {
    const session = this.#session
    if (!session) return
    const language = this.closest('[lang]')?.getAttribute('lang') ?? navigator.language
    render(
      <Widget
        key={this.#identity?.token ?? 'anonymous'}
        session={session}
        view={view}
        open={this.#open}
        language={language}
        onToggle={(open) => this.#show(open)}
      />,
      this.#root,
    )
  }

  readonly #wake = (): void => {
    if (document.visibilityState === 'visible') this.#session?.wake()
  }
}

function same(one: Identity, other: Identity): boolean {
  return one.key === other.key && one.endpoint === other.endpoint && one.token === other.token
}

if (!customElements.get('answerable-chat')) customElements.define('answerable-chat', AnswerableChat)
