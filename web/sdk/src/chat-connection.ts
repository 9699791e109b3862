import { advanceChat, emptyChat, type ChatInput, type ChatState } from './chat'
import { newKey } from './http'
import { LiveStream, type Connection, type Socket, type Timers } from './live-stream'

export interface ChatConnectionOptions {
  url: string
  session: string
  onChange: (state: ChatState, connection: Connection) => void
  onSessionLost: () => void
  socket?: (url: string) => Socket
  timers?: Timers
}

/** Joins the pure chat to a real stream. One instance per person: another person means another one. */
export class ChatConnection {
  readonly #options: ChatConnectionOptions
  readonly #stream: LiveStream
  #state: ChatState = emptyChat
  #typingSentAt = 0
  #ended = false

  constructor(options: ChatConnectionOptions) {
    this.#options = options
    this.#stream = new LiveStream({
      url: options.url,
      onConnected: () => this.#advance({ type: 'connected', now: this.#now() }),
      onFrame: (frame) => this.#advance({ type: 'frame', frame, now: this.#now() }),
      onState: (connection) => {
        if (connection === 'offline') this.#advance({ type: 'disconnected' })
        else this.#changed()
      },
      onRejected: () => this.#lost(),
      ...(options.socket ? { socket: options.socket } : {}),
      ...(options.timers ? { timers: options.timers } : {}),
    })
  }

  get state(): ChatState {
    return this.#state
  }

  open(): void {
    this.#stream.open()
  }

  /** Nothing of this person is reported after this. */
  end(): void {
    this.#ended = true
    this.#stream.close()
    this.#state = emptyChat
  }

  wake(): void {
    this.#stream.wake()
  }

  say(text: string): void {
    this.#typingSentAt = 0
    const sendable = withoutControls(text)
    if (sendable.trim() === '') return
    this.#advance({ type: 'submit', clientId: newKey(), text: sendable, now: this.#now() })
  }

  retry(clientId: string): void {
    this.#stream.wake()
    this.#advance({ type: 'retry', clientId, now: this.#now() })
  }

  discard(clientId: string): void {
    this.#advance({ type: 'discard', clientId })
  }

  /** To be called about once a second: sends again what was not acknowledged in time. */
  tick(): void {
    this.#advance({ type: 'tick', now: this.#now() })
  }

  typing(on: boolean): void {
    const now = this.#now()
    if (on && now - this.#typingSentAt < 3000) return
    if (!on && this.#typingSentAt === 0) return
    this.#typingSentAt = on ? now : 0
    this.#stream.send({ type: 'typing', on })
  }

  #advance(input: ChatInput): void {
    if (this.#ended) return
    const before = this.#state
    const { state, commands } = advanceChat(before, input)
    this.#state = state
    for (const command of commands) {
      if (command.type === 'hello') {
        this.#stream.send({ type: 'hello', session: this.#options.session, after: command.after })
      } else if (command.type === 'message') {
        // Before the welcome the outbox waits; the welcome sends it.
        if (this.#stream.state !== 'online' || state.greeting) continue
        this.#stream.send({ type: 'message', client_id: command.clientId, text: command.text })
      } else if (command.type === 'reconnect') {
        this.#stream.reconnect()
      } else {
        this.#lost()
      }
    }
    if (state !== before || input.type !== 'tick') this.#changed()
  }

  #lost(): void {
    if (this.#ended) return
    this.#stream.close()
    this.#options.onSessionLost()
  }

  #changed(): void {
    if (!this.#ended) this.#options.onChange(this.#state, this.#stream.state)
  }

  #now(): number {
    return this.#options.timers?.now() ?? Date.now()
  }
}

/** Pasted control characters and halves of characters mean nothing and would be refused. */
function withoutControls(text: string): string {
  const whole = text.isWellFormed?.() === false ? text.toWellFormed() : text
  // eslint-disable-next-line no-control-regex
  return whole.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '')
}
