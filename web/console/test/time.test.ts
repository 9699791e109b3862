import { expect, test } from 'vitest'
import { ago, deadline, span } from '../src/time'

const NOW = Date.parse('2026-11-20T12:00:00Z')
const MINUTE = 60_000
const HOUR = 60 * MINUTE

const before = (milliseconds: number) => new Date(NOW - milliseconds).toISOString()

test.each([
  [30_000, '< 1 min'],
  [5 * MINUTE, '5 min'],
  [HOUR, '1 h'],
  [2 * HOUR + 5 * MINUTE, '2 h 5 min'],
  [9 * HOUR + 5 * MINUTE, '9 h'],
  [50 * HOUR, '2 d'],
])('%i ms are told as "%s"', (milliseconds, text) => {
  expect(span(milliseconds)).toBe(text)
})

test('what just happened is now, and a future moment of a wrong clock is too', () => {
  expect(ago(before(1000), NOW)).toBe('now')
  expect(ago(before(-5 * MINUTE), NOW)).toBe('now')
})

test('what is no time is not told', () => {
  expect(ago('soon', NOW)).toBe('')
})

test('a deadline is calm, then soon, then late', () => {
  expect(deadline(before(-2 * HOUR), NOW)).toEqual({ text: 'due in 2 h', urgency: 'calm' })
  expect(deadline(before(-10 * MINUTE), NOW)).toEqual({ text: 'due in 10 min', urgency: 'soon' })
  expect(deadline(before(10 * MINUTE), NOW)).toEqual({ text: 'overdue by 10 min', urgency: 'late' })
})
