/**
 * The customer's chat as a pure function: what was seen, what is still to be sent, what to do next.
 *
 * Promises kept here, whatever the network does: every visible event is shown once and in order, and
 * every message of the customer is stored once, because it goes out again under the same client_id
 * until the service has acknowledged it.
 */
import { isRecord } from './problem'

export type Author = 'contact' | 'assistant' | 'agent'

export interface ChatMessage {
  kind: 'message'
  seq: number
  author: Author
  name: string | null
  text: string
  at: string
  clientId: string | null
}

export interface ChatNotice {
  kind: 'notice'
  seq: number
  code: string
  text: string
  at: string
}

export type ChatEntry = ChatMessage | ChatNotice

export interface PendingMessage {
  clientId: string
  text: string
  /** When the customer pressed send, in milliseconds since 1970. */
  submittedAt: number
  /** Set once the service has stored it; it then only waits for its place in the order. */
  acknowledgedSeq: number | null
  /** Why the service refused it; null while there is hope. */
  refusal: { code: string; message: string } | null
  /** Not to be sent again before this time. */
  notBefore: number
}

export interface ChatState {
  conversation: string | null
  /** Seq of the last event shown; where the stream is resumed. */
  seq: number
  entries: readonly ChatEntry[]
  outbox: readonly PendingMessage[]
  /** A hello was sent and its welcome has not come yet. */
  greeting: boolean
  greetedAt: number
  /** The event before which something is missing, and the attempts made to mend just this gap. */
  gap: { seq: number; previous: number } | null
  repairs: number
  typing: 'assistant' | 'agent' | null
  typingUntil: number
  agentsPresent: boolean | null
  brand: string | null
  messageLimit: number
  /** An error that belongs to no message. */
  trouble: { code: string; message: string } | null
}

export type ChatInput =
  | { type: 'connected'; now: number }
  | { type: 'disconnected' }
  | { type: 'frame'; frame: unknown; now: number }
  | { type: 'submit'; clientId: string; text: string; now: number }
  | { type: 'retry'; clientId: string; now: number }
  | { type: 'discard'; clientId: string }
  | { type: 'tick'; now: number }

export type ChatCommand =
  | { type: 'hello'; after: number }
  | { type: 'message'; clientId: string; text: string }
  | { type: 'reconnect' }
  | { type: 'session_lost' }

export interface ChatStep {
  state: ChatState
  commands: ChatCommand[]
}

/** An event whose predecessor is unknown is believed after this many vain attempts to read it. */
const REPAIRS = 5
/** A hello without a welcome for this long means that the connection is of no use. */
const WELCOME_WITHIN_MS = 10_000
/** A stored message is not acknowledged within this time: send it again. */
const RESEND_AFTER_MS = 10_000
/** A lost "stopped typing" must not leave the dots standing. */
const TYPING_SHOWN_MS = 12_000
const MESSAGE_LIMIT = 4000
const SESSION_ENDED = new Set(['session_expired', 'session_unknown', 'session_invalid', 'not_signed_in'])

export const emptyChat: ChatState = {
  conversation: null,
  seq: 0,
  entries: [],
  outbox: [],
  greeting: false,
  greetedAt: 0,
  gap: null,
  repairs: 0,
  typing: null,
  typingUntil: 0,
  agentsPresent: null,
  brand: null,
  messageLimit: MESSAGE_LIMIT,
  trouble: null,
}

export function advanceChat(state: ChatState, input: ChatInput): ChatStep {
  switch (input.type) {
    case 'connected':
      return greet({ ...state, gap: null, repairs: 0 }, state.seq, input.now)
    case 'disconnected':
      return { state: { ...state, greeting: false, typing: null, agentsPresent: null }, commands: [] }
    case 'submit':
      return submit(state, input)
    case 'retry':
      return retry(state, input)
    case 'discard':
      return quiet({ ...state, outbox: state.outbox.filter((one) => one.clientId !== input.clientId) })
    case 'tick':
      return tick(state, input.now)
    case 'frame':
      return isRecord(input.frame)
        ? receive(state, input.frame, input.now)
        : { state, commands: [{ type: 'reconnect' }] }
  }
}

function quiet(state: ChatState): ChatStep {
  return { state, commands: [] }
}

function greet(state: ChatState, after: number, now: number): ChatStep {
  return { state: { ...state, greeting: true, greetedAt: now }, commands: [{ type: 'hello', after }] }
}

function submit(
  state: ChatState,
  input: { clientId: string; text: string; now: number },
): ChatStep {
  if (state.outbox.some((one) => one.clientId === input.clientId)) return quiet(state)
  const pending: PendingMessage = {
    clientId: input.clientId,
    text: input.text,
    submittedAt: input.now,
    acknowledgedSeq: null,
    refusal: null,
    notBefore: input.now + RESEND_AFTER_MS,
  }
  return {
    state: { ...state, outbox: [...state.outbox, pending], trouble: null },
    commands: [{ type: 'message', clientId: input.clientId, text: input.text }],
  }
}

function retry(state: ChatState, input: { clientId: string; now: number }): ChatStep {
  const pending = state.outbox.find((one) => one.clientId === input.clientId)
  if (!pending) return quiet(state)
  const next = { ...pending, refusal: null, notBefore: input.now + RESEND_AFTER_MS }
  return {
    state: { ...state, outbox: replaced(state.outbox, next) },
    commands: [{ type: 'message', clientId: pending.clientId, text: pending.text }],
  }
}

function tick(state: ChatState, now: number): ChatStep {
  const step: ChatStep =
    state.typing && now > state.typingUntil ? quiet({ ...state, typing: null }) : quiet(state)
  if (!state.greeting) return resend(step, now, (one) => one.notBefore <= now)
  if (now - state.greetedAt < WELCOME_WITHIN_MS) return step
  return { state: { ...step.state, greetedAt: now }, commands: [{ type: 'reconnect' }] }
}

function resend(step: ChatStep, now: number, due: (one: PendingMessage) => boolean): ChatStep {
  const waiting = step.state.outbox.filter(
    (one) => one.acknowledgedSeq === null && one.refusal === null && due(one),
  )
  if (waiting.length === 0) return step
  const outbox = step.state.outbox.map((one) =>
    waiting.includes(one) ? { ...one, notBefore: now + RESEND_AFTER_MS } : one,
  )
  return {
    state: { ...step.state, outbox },
    commands: [
      ...step.commands,
      ...waiting.map((one): ChatCommand => ({ type: 'message', clientId: one.clientId, text: one.text })),
    ],
  }
}

function receive(state: ChatState, frame: Record<string, unknown>, now: number): ChatStep {
  switch (frame['type']) {
    case 'welcome':
      return welcomed(state, frame, now)
    case 'ack':
      return acknowledged(state, frame)
    case 'event':
      return happened(state, frame, now)
    case 'typing':
      return quiet({
        ...state,
        typing: frame['on'] === true ? (frame['author'] === 'agent' ? 'agent' : 'assistant') : null,
        typingUntil: now + TYPING_SHOWN_MS,
      })
    case 'presence':
      return quiet({ ...state, agentsPresent: frame['agents'] === true })
    case 'resync':
      return greet(forgotten(state), 0, now)
    case 'error':
      return refused(state, frame, now)
    default:
      // Frames that a later version of the service adds are not ours to understand.
      return quiet(state)
  }
}

function forgotten(state: ChatState): ChatState {
  return { ...state, seq: 0, entries: [] }
}

function welcomed(state: ChatState, frame: Record<string, unknown>, now: number): ChatStep {
  const conversation = typeof frame['conversation'] === 'string' ? frame['conversation'] : null
  const limits = isRecord(frame['limits']) ? frame['limits'] : {}
  const limit = limits['message_characters'] ?? limits['message_chars'] ?? limits['text']
  const next: ChatState = {
    ...state,
    conversation,
    greeting: false,
    brand: typeof frame['brand'] === 'string' ? frame['brand'] : state.brand,
    messageLimit: typeof limit === 'number' && limit > 0 ? limit : state.messageLimit,
    trouble: null,
  }
  if (state.conversation !== null && conversation !== state.conversation && state.seq > 0) {
    // The service speaks of another conversation: what we hold is numbered by a former one.
    return greet(forgotten(next), 0, now)
  }
  return resend(quiet(next), now, () => true)
}

function acknowledged(state: ChatState, frame: Record<string, unknown>): ChatStep {
  const pending = state.outbox.find((one) => one.clientId === frame['client_id'])
  const seq = frame['seq']
  if (!pending || typeof seq !== 'number') return quiet(state)
  if (seq <= state.seq) {
    // Its event came first.
    return quiet({ ...state, outbox: state.outbox.filter((one) => one !== pending) })
  }
  return quiet({
    ...state,
    outbox: replaced(state.outbox, { ...pending, acknowledgedSeq: seq, refusal: null }),
  })
}

function happened(state: ChatState, frame: Record<string, unknown>, now: number): ChatStep {
  const seq = frame['seq']
  const entry = entryOf(frame)
  if (typeof seq !== 'number' || entry === null) return quiet(state)
  if (seq <= state.seq) return quiet(withoutSent(state, entry))
  const previous = typeof frame['previous'] === 'number' ? frame['previous'] : 0
  if (previous !== state.seq) {
    // Frames of before the hello may still be under way: the answer to it will fill the gap.
    if (state.greeting) return quiet(state)
    const known = state.gap?.seq === seq && state.gap.previous === previous
    const repairs = known ? state.repairs + 1 : 1
    const mending = { ...state, gap: { seq, previous }, repairs }
    if (state.gap === null) return greet(mending, state.seq, now)
    if (repairs <= REPAIRS) return greet(forgotten(mending), 0, now)
    // Asked again and again, the service still says the same: show it rather than ask for ever.
  }
  return quiet(
    withoutSent(
      {
        ...state,
        seq,
        entries: [...state.entries, entry],
        gap: state.gap && seq >= state.gap.seq ? null : state.gap,
        typing: entry.kind === 'message' && entry.author !== 'contact' ? null : state.typing,
      },
      entry,
    ),
  )
}

function withoutSent(state: ChatState, entry: ChatEntry): ChatState {
  const left = state.outbox.filter(
    (one) =>
      one.acknowledgedSeq !== entry.seq &&
      (entry.kind !== 'message' || entry.clientId !== one.clientId),
  )
  return left.length === state.outbox.length ? state : { ...state, outbox: left }
}

function entryOf(frame: Record<string, unknown>): ChatEntry | null {
  const seq = frame['seq']
  const event = frame['event']
  if (typeof seq !== 'number' || !isRecord(event)) return null
  const text = typeof event['text'] === 'string' ? event['text'] : ''
  const at = typeof event['at'] === 'string' ? event['at'] : ''
  if (event['kind'] === 'notice') {
    return { kind: 'notice', seq, code: String(event['code'] ?? ''), text, at }
  }
  if (event['kind'] !== 'message') return null
  const author = event['author']
  return {
    kind: 'message',
    seq,
    author: author === 'contact' || author === 'agent' ? author : 'assistant',
    name: typeof event['name'] === 'string' ? event['name'] : null,
    text,
    at,
    clientId: typeof event['client_id'] === 'string' ? event['client_id'] : null,
  }
}

function refused(state: ChatState, frame: Record<string, unknown>, now: number): ChatStep {
  const code = String(frame['code'] ?? 'error')
  const message = typeof frame['message'] === 'string' ? frame['message'] : ''
  if (SESSION_ENDED.has(code)) return { state, commands: [{ type: 'session_lost' }] }
  const pending = state.outbox.find((one) => one.clientId === frame['client_id'])
  if (!pending) return quiet({ ...state, trouble: { code, message } })
  const seconds = frame['retry_after_seconds']
  const next: PendingMessage =
    typeof seconds === 'number' && seconds >= 0
      ? { ...pending, notBefore: now + seconds * 1000 }
      : { ...pending, refusal: { code, message } }
  return quiet({ ...state, outbox: replaced(state.outbox, next) })
}

function replaced(outbox: readonly PendingMessage[], next: PendingMessage): PendingMessage[] {
  return outbox.map((one) => (one.clientId === next.clientId ? next : one))
}
