import { backoff } from './backoff'
import { isRecord } from './problem'

export type Connection = 'idle' | 'connecting' | 'online' | 'offline'

/** The part of WebSocket that is used here, so that tests can hold both ends. */
export interface Socket {
  onopen: (() => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number }) => void) | null
  onerror: (() => void) | null
  send(data: string): void
  close(code?: number): void
}

export interface Timers {
  now(): number
  random(): number
  /** Calls back once after the wait; the result cancels it. */
  after(milliseconds: number, call: () => void): () => void
}

export interface StreamOptions {
  url: string
  /** The connection stands: say hello. Called at each connection anew. */
  onConnected: () => void
  /** Every frame but pings and pongs; `null` stands for one that could not be read. */
  onFrame: (frame: unknown) => void
  onState: (state: Connection) => void
  /** Closed by the service for good: the session is not valid, or this page not allowed. */
  onRejected: (code: number) => void
  socket?: (url: string) => Socket
  timers?: Timers
}

/** With nothing heard for this long we ask, and 10 s later without an answer the peer is dead: < 30 s. */
const PING_AFTER_MS = 12_000
const PONG_WITHIN_MS = 10_000
const WELCOME_WITHIN_MS = 10_000
const CLOSE_CODES_FOR_GOOD = new Set([4401, 4403, 1008])

/**
 * One WebSocket that comes back by itself: exponential waits with jitter, dead peers found within 30 s.
 *
 * It knows nothing of what is said but hello, welcome, ping and pong; resuming is the follower's part.
 */
export class LiveStream {
  readonly #options: StreamOptions
  readonly #timers: Timers
  #socket: Socket | null = null
  #state: Connection = 'idle'
  #attempt = 0
  #ping = 0
  #cancelRetry: (() => void) | null = null
  #cancelWatch: (() => void) | null = null
  #closed = true

  constructor(options: StreamOptions) {
    this.#options = options
    this.#timers = options.timers ?? systemTimers
  }

  get state(): Connection {
    return this.#state
  }

  open(): void {
    if (!this.#closed) return
    this.#closed = false
    this.#connect()
  }

  /** Ends for good, until `open` is called again. */
  close(): void {
    this.#closed = true
    this.#cancelRetry?.()
    this.#cancelRetry = null
    this.#drop(1000)
    this.#tell('idle')
  }

  /** Try at once rather than after the wait: the network is back, or a person pressed the button. */
  wake(): void {
    if (this.#closed) return
    if (this.#socket === null) {
      this.#attempt = 0
      this.#connect()
    } else if (this.#state === 'online') {
      this.#askForLife()
    }
  }

  /** Drops the connection and comes back: what was said on it can no longer be trusted. */
  reconnect(): void {
    if (this.#closed) return
    this.#drop(4000)
    this.#retry()
  }

  /** False if there is no connection; whoever needs the frame to arrive keeps it. */
  send(frame: object): boolean {
    if (this.#socket === null || this.#state === 'offline') return false
    try {
      this.#socket.send(JSON.stringify(frame))
      return true
    } catch {
      return false
    }
  }

  #connect(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = null
    this.#drop(4000)
    this.#tell(this.#attempt === 0 ? 'connecting' : 'offline')
    let socket: Socket
    try {
      socket = (this.#options.socket ?? browserSocket)(this.#options.url)
    } catch {
      this.#retry()
      return
    }
    this.#socket = socket
    this.#watch(WELCOME_WITHIN_MS, () => this.reconnect())
    socket.onopen = () => {
      if (this.#socket !== socket) return
      this.#tell('connecting')
      this.#options.onConnected()
    }
    socket.onmessage = (event) => {
      if (this.#socket === socket) this.#heard(event.data)
    }
    socket.onerror = () => undefined
    socket.onclose = (event) => {
      if (this.#socket !== socket) return
      this.#socket = null
      if (CLOSE_CODES_FOR_GOOD.has(event.code)) this.#rejected(event.code)
      else this.#retry()
    }
  }

  #heard(data: unknown): void {
    const frame = parsed(data)
    const type = isRecord(frame) ? frame['type'] : null
    if (type === 'welcome') {
      this.#attempt = 0
      this.#tell('online')
    }
    if (this.#state === 'online') this.#watch(PING_AFTER_MS, () => this.#askForLife())
    if (type === 'pong') return
    if (type === 'ping') {
      this.send({ type: 'pong', n: isRecord(frame) ? frame['n'] : 0 })
      return
    }
    this.#options.onFrame(frame)
  }

  #askForLife(): void {
    this.#ping += 1
    this.#watch(PONG_WITHIN_MS, () => this.reconnect())
    this.send({ type: 'ping', n: this.#ping })
  }

  #rejected(code: number): void {
    this.#closed = true
    this.#drop(1000)
    this.#tell('offline')
    this.#options.onRejected(code)
  }

  #retry(): void {
    this.#cancelWatch?.()
    this.#cancelWatch = null
    if (this.#closed) return
    this.#tell('offline')
    this.#cancelRetry?.()
    const wait = backoff(this.#attempt, this.#timers.random())
    this.#attempt += 1
    this.#cancelRetry = this.#timers.after(wait, () => this.#connect())
  }

  #drop(code: number): void {
    this.#cancelWatch?.()
    this.#cancelWatch = null
    const socket = this.#socket
    this.#socket = null
    if (socket === null) return
    try {
      socket.close(code)
    } catch {
      // Closed already, or never opened.
    }
  }

  #watch(milliseconds: number, call: () => void): void {
    this.#cancelWatch?.()
    this.#cancelWatch = this.#timers.after(milliseconds, call)
  }

  #tell(state: Connection): void {
    if (state === this.#state) return
    this.#state = state
    this.#options.onState(state)
  }
}

function parsed(data: unknown): unknown {
  if (typeof data !== 'string') return null
  try {
    return JSON.parse(data)
  } catch {
    return null
  }
}

function browserSocket(url: string): Socket {
  return new WebSocket(url) as unknown as Socket
}

const systemTimers: Timers = {
  now: () => Date.now(),
  random: () => Math.random(),
  after(milliseconds, call) {
    const timer = setTimeout(call, milliseconds)
    return () => clearTimeout(timer)
  },
}

/** The WebSocket address beside an HTTP one; '' stands for the page's own origin. */
export function socketUrl(base: string, path: string): string {
  const url = new URL(base + path, globalThis.location?.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}
