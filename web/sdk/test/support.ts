import type { Socket, Timers } from '../src'

/** A clock that stands until it is moved; nothing sleeps. */
export class FakeTimers implements Timers {
  #now = 1_000_000
  #next = 1
  #due = new Map<number, { at: number; call: () => void }>()

  now(): number {
    return this.#now
  }

  random(): number {
    return 0.5
  }

  after(milliseconds: number, call: () => void): () => void {
    const id = this.#next++
    this.#due.set(id, { at: this.#now + milliseconds, call })
    return () => this.#due.delete(id)
  }

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds
    for (;;) {
      const first = [...this.#due].sort((a, b) => a[1].at - b[1].at)[0]
      if (!first || first[1].at > end) break
      this.#due.delete(first[0])
      this.#now = Math.max(this.#now, first[1].at)
      first[1].call()
    }
    this.#now = end
  }
}

/** The client's end of a connection, whose other end is the test. */
export class FakeSocket implements Socket {
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  onerror: (() => void) | null = null
  closed = false
  readonly sent: Record<string, unknown>[] = []
  onSent: ((frame: Record<string, unknown>) => void) | null = null

  send(data: string): void {
    if (this.closed) throw new Error('closed')
    const frame = JSON.parse(data) as Record<string, unknown>
    this.sent.push(frame)
    this.onSent?.(frame)
  }

  close(): void {
    this.closed = true
  }

  deliver(frame: object): void {
    this.deliverRaw(JSON.stringify(frame))
  }

  deliverRaw(data: string): void {
    if (!this.closed) this.onmessage?.({ data })
  }

  cut(code = 1006): void {
    this.closed = true
    this.onclose?.({ code })
  }
}

/** Numbers by lot that are the same in every run. */
export function lots(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
