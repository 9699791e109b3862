import {
  ChatConnection,
  CustomerApi,
  emptyChat,
  isProblem,
  socketUrl,
  type ChatState,
  type Connection,
  type CustomerSession,
} from '@answerable/sdk'

export interface Identity {
  /** Public key of the inbox; it authorises nothing. */
  key: string
  /** Origin of the service. */
  endpoint: string
  /** The page's signed statement of who this is; null for an anonymous visitor. */
  token: string | null
}

export interface ChatView {
  chat: ChatState
  connection: Connection
  session: CustomerSession | null
  /** Why no session could be opened. */
  failure: 'unavailable' | 'sign_in_again' | null
}

const nothingYet: ChatView = { chat: emptyChat, connection: 'idle', session: null, failure: null }
const RETRY_AFTER_MS = 8_000
const RENEW_EVERY_MS = 30_000

/**
 * One person's chat from first contact to the end of the page.
 *
 * Another person gets another instance, so that nothing of the former one can be left over.
 */
export class ChatSession {
  readonly #identity: Identity
  readonly #onChange: (view: ChatView) => void
  #view: ChatView = nothingYet
  #connection: ChatConnection | null = null
  #opening: AbortController | null = null
  #retry: ReturnType<typeof setTimeout> | undefined
  #unsent: string[] = []
  #renewedAt = 0
  #ended = false

  constructor(identity: Identity, onChange: (view: ChatView) => void) {
    this.#identity = identity
    this.#onChange = onChange
    // A signed-in person's bearer is never stored: the page's token opens the session again.
    if (identity.token) forgetBearer(identity)
  }

  get view(): ChatView {
    return this.#view
  }

  get isStored(): boolean {
    return !this.#identity.token && storedBearer(this.#identity) !== null
  }

  /** Opens the session, or goes on with the one of before the page was loaded again. Safe to repeat. */
  start(): void {
    if (this.#connection || this.#opening || this.#ended) return
    void this.#open()
  }

  end(): void {
    this.#ended = true
    clearTimeout(this.#retry)
    this.#opening?.abort()
    this.#connection?.end()
    this.#connection = null
    this.#view = nothingYet
  }

  wake(): void {
    if (this.#connection) this.#connection.wake()
    else if (this.#view.failure === 'unavailable') void this.#open()
  }

  say(text: string): void {
    if (this.#connection) this.#connection.say(text)
    else this.#unsent.push(text)
  }

  /** True once a message can be taken. */
  get isReady(): boolean {
    return this.#connection !== null
  }

  retry(clientId: string): void {
    this.#connection?.retry(clientId)
  }

  discard(clientId: string): void {
    this.#connection?.discard(clientId)
  }

  typing(on: boolean): void {
    this.#connection?.typing(on)
  }

  tick(): void {
    this.#connection?.tick()
  }

  async #open(): Promise<void> {
    if (this.#ended) return
    clearTimeout(this.#retry)
    const opening = new AbortController()
    this.#opening = opening
    this.#show({ connection: 'connecting', failure: null })
    try {
      const api = new CustomerApi({ base: this.#identity.endpoint })
      const { key, token } = this.#identity
      const former = token ? null : storedBearer(this.#identity)
      const session = await api.openSession({ key, token, session: former }, opening.signal)
      if (this.#ended) return
      if (!this.#identity.token) storeBearer(this.#identity, session.session)
      this.#show({ session })
      this.#connect(session.session)
    } catch (error) {
      if (this.#ended) return
      const status = isProblem(error) ? error.status : 0
      const expired = status === 401 && this.#identity.token !== null
      this.#show({ connection: 'offline', failure: expired ? 'sign_in_again' : 'unavailable' })
      // A refusal stays one; an outage or a limit passes.
      if (status === 0 || status === 429 || status >= 500) this.#openLater()
    } finally {
      this.#opening = null
    }
  }

  #openLater(): void {
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => void this.#open(), RETRY_AFTER_MS)
  }

  #connect(bearer: string): void {
    this.#connection = new ChatConnection({
      url: socketUrl(this.#identity.endpoint, '/v1/customer/chat'),
      session: bearer,
      onChange: (chat, connection) => this.#show({ chat, connection, failure: null }),
      onSessionLost: () => this.#renew(),
    })
    this.#connection.open()
    for (const text of this.#unsent.splice(0)) this.#connection.say(text)
  }

  #renew(): void {
    // The same person in a new session: what was not sent yet is still to be sent.
    const left = this.#connection?.state.outbox.filter((one) => one.acknowledgedSeq === null) ?? []
    this.#unsent.push(...left.map((one) => one.text))
    this.#connection?.end()
    this.#connection = null
    forgetBearer(this.#identity)
    this.#show({ chat: emptyChat })
    const since = Date.now() - this.#renewedAt
    this.#renewedAt = Date.now()
    if (since > RENEW_EVERY_MS) void this.#open()
    else {
      // Sessions that end as soon as they begin are not asked for in a hurry.
      this.#show({ connection: 'offline', failure: 'unavailable' })
      this.#openLater()
    }
  }

  #show(change: Partial<ChatView>): void {
    if (this.#ended) return
    this.#view = { ...this.#view, ...change }
    this.#onChange(this.#view)
  }
}

function nameOf(identity: Identity): string {
  return `answerable:${identity.endpoint}:${identity.key}`
}

// Storage may be forbidden by the browser or the page's sandbox: then a reload starts anew.
function storedBearer(identity: Identity): string | null {
  try {
    return sessionStorage.getItem(nameOf(identity))
  } catch {
    return null
  }
}

function storeBearer(identity: Identity, bearer: string): void {
  try {
    sessionStorage.setItem(nameOf(identity), bearer)
  } catch {
    return
  }
}

export function forgetBearer(identity: Identity): void {
  try {
    sessionStorage.removeItem(nameOf(identity))
  } catch {
    return
  }
}
