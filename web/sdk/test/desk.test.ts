import { describe, expect, test } from 'vitest'
import { DeskApi, deskHello, emptyFeed, followDesk, forgetTyping, isProblem, type DeskFeed } from '../src'

function follow(frames: unknown[], start: DeskFeed = emptyFeed) {
  let feed = start
  const news = frames.flatMap((frame) => {
    const step = followDesk(feed, frame, 0)
    feed = step.feed
    return step.news
  })
  return { feed, news }
}

const change = (position: number) => ({
  type: 'event',
  position,
  conversation: 'cnv_1',
  seq: position,
  kind: 'message_received',
  summary: null,
})

test('a document of a change has an address of its own', () => {
  const api = new DeskApi({ base: 'https://desk.example' })
  const address = api.documentAddress('chg_1/..', 'document')
  expect(address).toBe('https://desk.example/v1/desk/approvals/chg_1%2F../documents/document')
})

describe('the desk feed', () => {
  test('goes on where it stopped', () => {
    const { feed } = follow([{ type: 'welcome', position: 40 }, change(41), change(44)])
    expect(deskHello(feed)).toEqual({ type: 'hello', after: 44 })
  })

  test('takes every event in once', () => {
    const { news } = follow([{ type: 'welcome', position: 40 }, change(41), change(41), change(40)])
    expect(news.filter((one) => one.type === 'change')).toHaveLength(1)
  })

  test('does not jump over missed events when it is welcomed back', () => {
    const before = follow([{ type: 'welcome', position: 40 }]).feed
    const { news } = follow([{ type: 'welcome', position: 50 }, change(45), change(50)], before)
    expect(news.map((one) => one.type)).toEqual(['change', 'change'])
  })

  test('says that everything must be read anew after a resync', () => {
    const { feed, news } = follow([{ type: 'welcome', position: 40 }, { type: 'resync' }])
    expect(news.at(-1)).toEqual({ type: 'all_changed' })
    expect(feed.position).toBeNull()
  })

  test('does not believe for ever that somebody is writing', () => {
    const { feed } = follow([{ type: 'typing', conversation: 'cnv_1', on: true }])
    expect(forgetTyping(feed, 1_000)).toBe(feed)
    expect(forgetTyping(feed, 60_000).typing).toEqual({})
  })

  test('survives frames that are no frames', () => {
    expect(follow([null, 7, 'x', [], { type: 'event' }]).news).toEqual([])
  })
})

describe('the desk API', () => {
  const answers = (...responses: Response[]) => {
    const requests: { url: string; init: RequestInit }[] = []
    const api = new DeskApi({
      base: '',
      fetch: async (url, init) => {
        requests.push({ url: String(url), init: init ?? {} })
        const response = responses.shift()
        if (!response) throw new TypeError('network')
        return response
      },
    })
    return { api, requests }
  }
  const header = (init: RequestInit, name: string) => (init.headers as Record<string, string>)[name]
  const session = () => Response.json({ agent: { id: 'agt_1' }, csrf: 'token' })

  test('sends the CSRF token and a new key with each POST', async () => {
    const { api, requests } = answers(session(), Response.json({ seq: 1 }), Response.json({ seq: 2 }))
    await api.signIn('a@b.example', 'x')
    await api.takeOver('cnv_1')
    await api.release('cnv_1')
    expect(requests.slice(1).map((one) => header(one.init, 'X-CSRF-Token'))).toEqual(['token', 'token'])
    const keys = requests.map((one) => header(one.init, 'Idempotency-Key'))
    expect(new Set(keys).size).toBe(3)
  })

  test('keeps what is looked for out of the address', async () => {
    const { api, requests } = answers(Response.json({ items: [], next: null, left_out: ['the'] }))
    const page = await api.search('the anna@example.com', null)
    expect(page.left_out).toEqual(['the'])
    expect(requests[0]?.url).toBe('/v1/desk/search')
    expect(JSON.parse(String(requests[0]?.init.body))).toEqual({ query: 'the anna@example.com', after: null })
  })

  test('repeats a reply under the key it was given', async () => {
    const { api, requests } = answers(Response.json({ seq: 1 }), Response.json({ seq: 1 }))
    await api.reply('cnv_1', 'Hello', 4, 'key-1')
    await api.reply('cnv_1', 'Hello', 4, 'key-1')
    expect(requests.map((one) => header(one.init, 'Idempotency-Key'))).toEqual(['key-1', 'key-1'])
  })

  test('turns problem documents into problems', async () => {
    const { api } = answers(
      Response.json(
        { type: 'about:blank', title: 'Changed', status: 409, detail: 'Two events since', code: 'conversation_changed' },
        { status: 409 },
      ),
    )
    const error: unknown = await api.takeOver('cnv_1').catch((reason: unknown) => reason)
    expect(isProblem(error, 'conversation_changed')).toBe(true)
    expect(isProblem(error) && error.detail).toBe('Two events since')
  })

  test('tells a page of a proxy from an answer, and silence from both', async () => {
    const { api } = answers(new Response('<html>', { status: 502 }))
    const first: unknown = await api.overview().catch((reason: unknown) => reason)
    expect(isProblem(first, 'service_error')).toBe(true)
    const second: unknown = await api.overview().catch((reason: unknown) => reason)
    expect(isProblem(second, 'unreachable')).toBe(true)
  })

  test('tells when the session has ended', async () => {
    const { api } = answers(new Response(null, { status: 401 }))
    let signedOut = false
    api.onSignedOut = () => (signedOut = true)
    await api.overview().catch(() => undefined)
    expect(signedOut).toBe(true)
  })
})
