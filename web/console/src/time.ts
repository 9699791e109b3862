import { useEffect, useState } from 'react'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The present, a new one every half minute, so that relative times stay true. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000)
    return () => clearInterval(timer)
  }, [])
  return now
}

/** "now", "4 min", "3 h", "2 d", and beyond a week the date. milliseconds: not negative. */
export function span(milliseconds: number): string {
  if (milliseconds < MINUTE) return '< 1 min'
  if (milliseconds < HOUR) return `${Math.floor(milliseconds / MINUTE)} min`
  if (milliseconds < DAY) {
    const hours = Math.floor(milliseconds / HOUR)
    const minutes = Math.floor((milliseconds % HOUR) / MINUTE)
    return hours < 4 && minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`
  }
  return `${Math.floor(milliseconds / DAY)} d`
}

export function ago(at: string, now: number): string {
  const since = now - Date.parse(at)
  if (Number.isNaN(since)) return ''
  if (since < MINUTE) return 'now'
  if (since >= 7 * DAY) {
    const date = new Date(at)
    const year = date.getFullYear() === new Date(now).getFullYear() ? undefined : 'numeric'
    return date.toLocaleDateString([], { day: 'numeric', month: 'short', year })
  }
  return span(since)
}

export type Urgency = 'calm' | 'soon' | 'late'

/** How a deadline stands: late once passed, soon in its last quarter of an hour. */
export function deadline(due: string, now: number): { text: string; urgency: Urgency } {
  const left = Date.parse(due) - now
  if (left < 0) return { text: `overdue by ${span(-left)}`, urgency: 'late' }
  return { text: `due in ${span(left)}`, urgency: left < 15 * MINUTE ? 'soon' : 'calm' }
}

export function fullTime(at: string): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime())
    ? at
    : date.toLocaleString([], { dateStyle: 'full', timeStyle: 'medium' })
}
