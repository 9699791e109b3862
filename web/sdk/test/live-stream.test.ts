import { describe, expect, test } from 'vitest'
import { backoff, LiveStream, type Connection } from '../src'
import { FakeSocket, FakeTimers } from './support'

function opened() {
  const timers = new FakeTimers()
  const sockets: FakeSocket[] = []
  const states: Connection[] = []
  const frames: unknown[] = []
  let rejected = 0
  const stream = new LiveStream({
    url: 'ws://desk.test/',
    onConnected: () => stream.send({ type: 'hello' }),
    onFrame: (frame) => frames.push(frame),
    onState: (state) => states.push(state),
    onRejected: () => (rejected += 1),
    socket: () => {
      const socket = new FakeSocket()
      sockets.push(socket)
      return socket
    },
    timers,
  })
  stream.open()
  const last = (): FakeSocket => sockets.at(-1) as FakeSocket
  const welcome = (): void => {
    last().onopen?.()
    last().deliver({ type: 'welcome' })
  }
  return { stream, timers, sockets, states, frames, last, welcome, rejected: () => rejected }
}

describe('a live stream', () => {
  test('is online only after the welcome', () => {
    const { states, last } = opened()
    last().onopen?.()
    expect(states).toEqual(['connecting'])
    expect(last().sent).toEqual([{ type: 'hello' }])
    last().deliver({ type: 'welcome' })
    expect(states).toEqual(['connecting', 'online'])
  })

  test('notices a dead peer within 30 seconds', () => {
    const { timers, welcome, sockets, states } = opened()
    welcome()
    timers.advance(30_000)
    expect(states).toContain('offline')
    expect(sockets.length).toBeGreaterThan(1)
  })

  test('stays with a silent peer that answers its pings', () => {
    const { timers, welcome, last, sockets } = opened()
    welcome()
    last().onSent = (frame) => {
      if (frame['type'] === 'ping') last().deliver({ type: 'pong', n: frame['n'] })
    }
    timers.advance(600_000)
    expect(sockets).toHaveLength(1)
  })

  test('answers when it is asked whether it is there', () => {
    const { welcome, last, frames } = opened()
    welcome()
    last().deliver({ type: 'ping', n: 7 })
    expect(last().sent.at(-1)).toEqual({ type: 'pong', n: 7 })
    expect(frames).toEqual([{ type: 'welcome' }])
  })

  test('gives up a connection on which nobody says welcome', () => {
    const { timers, last, sockets } = opened()
    last().onopen?.()
    timers.advance(11_000)
    expect(sockets.length).toBeGreaterThan(1)
  })

  test('comes back after a cut, waiting longer each time', () => {
    const { timers, sockets, last } = opened()
    const waits: number[] = []
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const before = sockets.length
      const from = timers.now()
      last().cut()
      while (sockets.length === before) timers.advance(25)
      waits.push(timers.now() - from)
    }
    expect(waits).toEqual([...waits].sort((a, b) => a - b))
    expect(waits.at(-1)).toBeLessThanOrEqual(30_000)
  })

  test('tells frames that were cut in the middle from whole ones', () => {
    const { welcome, last, frames } = opened()
    welcome()
    last().deliverRaw('{"type":"event","seq":4,"ev')
    expect(frames.at(-1)).toBeNull()
  })

  test('does not hear what a former connection still says', () => {
    const { stream, welcome, sockets, frames } = opened()
    welcome()
    const former = sockets[0] as FakeSocket
    stream.reconnect()
    former.closed = false
    former.deliver({ type: 'event', seq: 1 })
    expect(frames).toHaveLength(1)
  })

  test('does not come back once the service rejected the session', () => {
    const { timers, welcome, last, sockets, rejected } = opened()
    welcome()
    last().cut(4401)
    timers.advance(120_000)
    expect(sockets).toHaveLength(1)
    expect(rejected()).toBe(1)
  })

  test('does not come back once closed', () => {
    const { stream, timers, welcome, sockets } = opened()
    welcome()
    stream.close()
    timers.advance(120_000)
    expect(sockets).toHaveLength(1)
  })

  test('tries at once when it is woken', () => {
    const { stream, last, sockets } = opened()
    last().cut()
    stream.wake()
    expect(sockets).toHaveLength(2)
  })
})

test('waits double up to half a minute, half of each by lot', () => {
  expect(backoff(0, 1)).toBe(500)
  expect(backoff(0, 0)).toBe(250)
  expect(backoff(3, 1)).toBe(4000)
  expect(backoff(50, 1)).toBe(30_000)
})
