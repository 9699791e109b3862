import { describe, expect, test } from 'vitest'
import { advanceChat, emptyChat, type ChatCommand, type ChatInput, type ChatState } from '../src'

const AT = '2026-11-20T09:00:00Z'

/** Plays inputs one after another; tells the state and all that was to be sent. */
function play(inputs: ChatInput[], start: ChatState = emptyChat) {
  let state = start
  const commands: ChatCommand[] = []
  for (const input of inputs) {
    const step = advanceChat(state, input)
    state = step.state
    commands.push(...step.commands)
  }
  return { state, commands, texts: state.entries.map((entry) => entry.text) }
}

function frame(fields: object, now = 0): ChatInput {
  return { type: 'frame', frame: fields, now }
}

function event(seq: number, previous: number, text: string, more: object = {}): ChatInput {
  return frame({
    type: 'event',
    seq,
    previous,
    event: { kind: 'message', author: 'assistant', name: null, text, at: AT, ...more },
  })
}

const welcome = frame({ type: 'welcome', conversation: 'cnv_1', seq: 0, heartbeat_seconds: 30 })
const connected: ChatInput[] = [{ type: 'connected', now: 0 }, welcome]
const submit: ChatInput = { type: 'submit', clientId: 'c1', text: 'Hello', now: 0 }

describe('events', () => {
  test('in order are shown in order', () => {
    const { texts, state } = play([...connected, event(2, 0, 'a'), event(5, 2, 'b')])
    expect(texts).toEqual(['a', 'b'])
    expect(state.seq).toBe(5)
  })

  test('doubled are shown once', () => {
    expect(play([...connected, event(2, 0, 'a'), event(2, 0, 'a')]).texts).toEqual(['a'])
  })

  test('of which one was lost are asked for again from the last one seen', () => {
    const { commands, texts } = play([...connected, event(2, 0, 'a'), event(7, 5, 'c')])
    expect(texts).toEqual(['a'])
    expect(commands.at(-1)).toEqual({ type: 'hello', after: 2 })
  })

  test('that come while the gap is being mended do not ask again', () => {
    const { commands } = play([...connected, event(7, 5, 'c'), event(8, 7, 'd')])
    expect(commands.filter((one) => one.type === 'hello')).toHaveLength(2)
  })

  test('that come again after a gap close it', () => {
    const { texts } = play([
      ...connected,
      event(2, 0, 'a'),
      event(7, 5, 'c'),
      welcome,
      event(5, 2, 'b'),
      event(7, 5, 'c'),
    ])
    expect(texts).toEqual(['a', 'b', 'c'])
  })

  test('in the wrong order end in the right one', () => {
    const { texts } = play([
      ...connected,
      event(3, 2, 'b'),
      event(2, 0, 'a'),
      welcome,
      event(2, 0, 'a'),
      event(3, 2, 'b'),
    ])
    expect(texts).toEqual(['a', 'b'])
  })

  test('whose gap does not close are read anew from the start, and then believed', () => {
    const again = Array.from({ length: 5 }, () => [welcome, event(7, 5, 'c')]).flat()
    const { commands, texts } = play([...connected, event(2, 0, 'a'), event(7, 5, 'c'), ...again])
    expect(commands.filter((one) => one.type === 'hello').map((one) => one.after)).toEqual([0, 2, 0, 0, 0, 0])
    expect(texts).toEqual(['c'])
  })

  test('are forgotten and asked for from the start on resync', () => {
    const { state, commands } = play([
      ...connected,
      event(2, 0, 'a'),
      frame({ type: 'resync', reason: 'retention' }),
    ])
    expect(state.entries).toEqual([])
    expect(commands.at(-1)).toEqual({ type: 'hello', after: 0 })
  })

  test('of another conversation do not mix with those of the former', () => {
    const { state, commands } = play([
      ...connected,
      event(2, 0, 'a'),
      { type: 'disconnected' },
      { type: 'connected', now: 0 },
      frame({ type: 'welcome', conversation: 'cnv_2', seq: 1 }),
    ])
    expect(state.entries).toEqual([])
    expect(commands.at(-1)).toEqual({ type: 'hello', after: 0 })
  })

  test('go on after a reconnection where they stopped', () => {
    const { commands } = play([
      ...connected,
      event(2, 0, 'a'),
      { type: 'disconnected' },
      { type: 'connected', now: 0 },
    ])
    expect(commands.at(-1)).toEqual({ type: 'hello', after: 2 })
  })

  test('are asked for on a new connection when nobody says welcome', () => {
    const { commands } = play([...connected, event(7, 5, 'c'), { type: 'tick', now: 10_000 }])
    expect(commands.at(-1)).toEqual({ type: 'reconnect' })
  })

  test('of a kind nobody told us of are passed over', () => {
    const { state } = play([...connected, frame({ type: 'confetti' })])
    expect(state.entries).toEqual([])
  })

  test('that are no JSON objects end the connection', () => {
    const { commands } = play([...connected, { type: 'frame', frame: null, now: 0 }])
    expect(commands.at(-1)).toEqual({ type: 'reconnect' })
  })
})

describe('own messages', () => {
  test('wait for their acknowledgement and then for their place', () => {
    const before = play([...connected, submit, frame({ type: 'ack', client_id: 'c1', seq: 3, at: AT })])
    expect(before.state.outbox).toMatchObject([{ clientId: 'c1', acknowledgedSeq: 3 }])

    const after = play([event(3, 0, 'Hello', { author: 'contact', client_id: 'c1' })], before.state)
    expect(after.state.outbox).toEqual([])
    expect(after.texts).toEqual(['Hello'])
  })

  test('whose event comes before the acknowledgement are shown once', () => {
    const { state, texts } = play([
      ...connected,
      submit,
      event(3, 0, 'Hello', { author: 'contact', client_id: 'c1' }),
      frame({ type: 'ack', client_id: 'c1', seq: 3, at: AT }),
    ])
    expect(texts).toEqual(['Hello'])
    expect(state.outbox).toEqual([])
  })

  test('that were not acknowledged go out again under the same client_id', () => {
    const { commands } = play([
      ...connected,
      submit,
      { type: 'disconnected' },
      { type: 'connected', now: 0 },
      welcome,
    ])
    const sent = commands.filter((one) => one.type === 'message')
    expect(sent.map((one) => one.clientId)).toEqual(['c1', 'c1'])
  })

  test('that were acknowledged do not go out again', () => {
    const { commands } = play([
      ...connected,
      submit,
      frame({ type: 'ack', client_id: 'c1', seq: 3, at: AT }),
      { type: 'disconnected' },
      { type: 'connected', now: 0 },
      welcome,
    ])
    expect(commands.filter((one) => one.type === 'message')).toHaveLength(1)
  })

  test('without an acknowledgement in ten seconds go out again', () => {
    const { commands } = play([...connected, submit, { type: 'tick', now: 9_999 }, { type: 'tick', now: 10_000 }])
    expect(commands.filter((one) => one.type === 'message')).toHaveLength(2)
  })

  test('that were refused wait for the customer to try again', () => {
    const refused = play([
      ...connected,
      submit,
      frame({ type: 'error', code: 'too_long', message: 'Too long', client_id: 'c1' }),
      { type: 'tick', now: 60_000 },
    ])
    expect(refused.state.outbox).toMatchObject([{ refusal: { code: 'too_long' } }])
    expect(refused.commands.filter((one) => one.type === 'message')).toHaveLength(1)

    const again = play([{ type: 'retry', clientId: 'c1', now: 60_000 }], refused.state)
    expect(again.commands).toEqual([{ type: 'message', clientId: 'c1', text: 'Hello' }])
  })

  test('that came too fast go out again when the service said', () => {
    const { commands } = play([
      ...connected,
      submit,
      frame({ type: 'error', code: 'too_many', message: '', client_id: 'c1', retry_after_seconds: 20 }, 0),
      { type: 'tick', now: 19_000 },
      { type: 'tick', now: 20_000 },
    ])
    expect(commands.filter((one) => one.type === 'message')).toHaveLength(2)
  })

  test('submitted twice under one client_id are one message', () => {
    expect(play([...connected, submit, submit]).state.outbox).toHaveLength(1)
  })
})

describe('around the messages', () => {
  test('typing ends with the message it announced', () => {
    const typing = play([...connected, frame({ type: 'typing', author: 'agent', on: true })])
    expect(typing.state.typing).toBe('agent')
    expect(play([event(2, 0, 'a', { author: 'agent' })], typing.state).state.typing).toBeNull()
  })

  test('typing whose end was lost does not stand for ever', () => {
    const { state } = play([
      ...connected,
      frame({ type: 'typing', author: 'assistant', on: true }, 0),
      { type: 'tick', now: 13_000 },
    ])
    expect(state.typing).toBeNull()
  })

  test('an ended session is told, not retried', () => {
    const { commands } = play([...connected, frame({ type: 'error', code: 'session_expired', message: '' })])
    expect(commands.at(-1)).toEqual({ type: 'session_lost' })
  })
})
