import { expect, test } from 'vitest'
import { ChatConnection, type ChatState } from '../src'
import { FakeSocket, FakeTimers, lots } from './support'

/** A service that keeps its word, behind a network that does not. */
class Service {
  readonly log: { seq: number; previous: number; text: string; clientId: string | null }[] = []
  #seq = 0

  store(text: string, clientId: string | null): number {
    const known = clientId && this.log.find((one) => one.clientId === clientId)
    if (known) return known.seq
    const previous = this.log.at(-1)?.seq ?? 0
    // Events that customers do not see lie between those that they do.
    this.#seq += 1 + (this.log.length % 3)
    this.log.push({ seq: this.#seq, previous, text, clientId })
    return this.#seq
  }

  frame(index: number): object {
    const one = this.log[index]
    if (!one) throw new Error('no such event')
    return {
      type: 'event',
      seq: one.seq,
      previous: one.previous,
      event: {
        kind: 'message',
        author: one.clientId ? 'contact' : 'assistant',
        name: null,
        text: one.text,
        at: '2026-11-20T09:00:00Z',
        ...(one.clientId ? { client_id: one.clientId } : {}),
      },
    }
  }
}

/** Loses, doubles, holds back and cuts; `fault` is how often. */
function network(seed: number, service: Service, sockets: FakeSocket[]) {
  const draw = lots(seed)
  let fault = 0.35
  let held: object[] = []

  const carry = (socket: FakeSocket, frame: object): void => {
    const lot = draw()
    if (lot < fault * 0.3) return
    if (lot < fault * 0.5) socket.deliver(frame)
    else if (lot < fault * 0.7) {
      held.push(frame)
      return
    } else if (lot < fault * 0.8) {
      socket.deliverRaw(JSON.stringify(frame).slice(0, 17))
      return
    } else if (lot < fault * 0.9) {
      socket.cut()
      return
    }
    socket.deliver(frame)
    const late = held
    held = []
    for (const one of late) socket.deliver(one)
  }

  const answer = (socket: FakeSocket, frame: Record<string, unknown>): void => {
    if (draw() < fault * 0.2) return
    if (frame['type'] === 'hello') {
      carry(socket, { type: 'welcome', conversation: 'cnv_1', seq: 0, limits: {} })
      service.log.forEach((one, index) => {
        if (one.seq > Number(frame['after'])) carry(socket, service.frame(index))
      })
    } else if (frame['type'] === 'ping') {
      carry(socket, { type: 'pong', n: frame['n'] })
    } else if (frame['type'] === 'message') {
      const clientId = String(frame['client_id'])
      const before = service.log.length
      const seq = service.store(String(frame['text']), clientId)
      carry(socket, { type: 'ack', client_id: clientId, seq, at: '2026-11-20T09:00:00Z' })
      if (service.log.length > before) carry(socket, service.frame(before))
    }
  }

  return {
    connect(): FakeSocket {
      const socket = new FakeSocket()
      socket.onSent = (frame) => answer(socket, frame)
      sockets.push(socket)
      return socket
    },
    say(text: string): void {
      service.store(text, null)
      const socket = sockets.at(-1)
      if (socket && !socket.closed) carry(socket, service.frame(service.log.length - 1))
    },
    draw,
    calm(): void {
      fault = 0
    },
  }
}

test.each(Array.from({ length: 60 }, (_, index) => index + 1))(
  'nothing is lost, doubled or reordered on a bad network (lot %i)',
  (seed) => {
    const timers = new FakeTimers()
    const service = new Service()
    const sockets: FakeSocket[] = []
    const net = network(seed, service, sockets)
    let seen: ChatState | null = null
    const pendingOpen: FakeSocket[] = []
    const chat = new ChatConnection({
      url: 'ws://chat.test/',
      session: 'bearer',
      onChange: (state) => (seen = state),
      onSessionLost: () => expect.unreachable(),
      socket: () => {
        const socket = net.connect()
        pendingOpen.push(socket)
        return socket
      },
      timers,
    })
    const openAll = (): void => {
      for (const socket of pendingOpen.splice(0)) if (!socket.closed) socket.onopen?.()
    }
    chat.open()
    const said: string[] = []
    for (let round = 0; round < 60; round += 1) {
      openAll()
      const lot = net.draw()
      if (lot < 0.4) {
        said.push(`mine ${round}`)
        chat.say(`mine ${round}`)
      } else if (lot < 0.8) net.say(`theirs ${round}`)
      else if (lot < 0.9) sockets.at(-1)?.cut()
      timers.advance(1500)
      chat.tick()
    }

    net.calm()
    for (let round = 0; round < 60; round += 1) {
      openAll()
      timers.advance(2000)
      chat.tick()
    }
    // A lost last frame shows at the next event, or at the next connection: here is the next event.
    net.say('the end')
    for (let round = 0; round < 20; round += 1) {
      openAll()
      timers.advance(2000)
      chat.tick()
    }

    const shown = seen as ChatState | null
    expect(shown?.entries.map((entry) => entry.seq)).toEqual(service.log.map((one) => one.seq))
    expect(shown?.outbox).toEqual([])
    const mine = service.log.filter((one) => one.clientId !== null).map((one) => one.text)
    expect([...mine].sort()).toEqual([...said].sort())
  },
)
