import type { ConversationSummary, Page } from '@answerable/sdk'
import { expect, test } from 'vitest'
import { readOn } from '../src/queries'
import { belongs } from '../src/views'

const ledger = Array.from({ length: 7 }, (_, index) => ({ seq: index * 2 + 1 }))

/** Pages of two, as the service gives them. */
function pages(asked: (string | number)[]) {
  return async (after: string | number): Promise<Page<{ seq: number }>> => {
    asked.push(after)
    const items = ledger.filter((one) => one.seq > Number(after)).slice(0, 2)
    return { items, next: items.length === 2 ? (items[1]?.seq ?? null) : null }
  }
}

test('all pages are read, each event once and in order', async () => {
  const asked: (string | number)[] = []
  expect(await readOn([], pages(asked))).toEqual(ledger)
  expect(asked[0]).toBe(0)
})

test('what is known is not read again', async () => {
  const asked: (string | number)[] = []
  expect(await readOn(ledger.slice(0, 5), pages(asked))).toEqual(ledger)
  expect(asked[0]).toBe(9)
})

test('a page that overlaps what is known doubles nothing', async () => {
  const items = await readOn(ledger.slice(0, 3), async () => ({ items: ledger, next: null }))
  expect(items).toEqual(ledger)
})

const conversation = (change: Partial<ConversationSummary>) =>
  ({
    status: 'open',
    owner: { kind: 'queue', id: 'cards', name: 'Cards' },
    ...change,
  }) as ConversationSummary

test('an open conversation is in all open and in exactly one of the other views', () => {
  const owners = [
    { kind: 'queue', id: 'cards', name: 'Cards' },
    { kind: 'assistant', id: null, name: null },
    { kind: 'agent', id: 'agt_me', name: 'Me' },
  ] as const
  for (const owner of owners) {
    const one = conversation({ owner })
    const views = (['queue', 'mine', 'assistant'] as const).filter((view) => belongs(view, one, 'agt_me'))
    expect(views).toHaveLength(1)
    expect(belongs('all', one, 'agt_me')).toBe(true)
    expect(belongs('closed', one, 'agt_me')).toBe(false)
  }
})

test("a colleague's conversation is not mine", () => {
  const one = conversation({ owner: { kind: 'agent', id: 'agt_you', name: 'You' } })
  expect(belongs('mine', one, 'agt_me')).toBe(false)
})

test('a closed conversation is nowhere but in closed', () => {
  const one = conversation({ status: 'closed' })
  expect(belongs('closed', one, 'agt_me')).toBe(true)
  expect(belongs('queue', one, 'agt_me')).toBe(false)
})
