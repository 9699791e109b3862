import { useEffect, useRef, useState } from 'react'

const HELD_MS = 2000

/** What is shown of a list while it must not move: what stood there stays where it was, with what is
 * new about it. What is new in the list waits, but for what follows the last one: that was asked for. */
export function unmoved<T extends { id: string }>(shown: readonly T[], fresh: readonly T[]): readonly T[] {
  const found = new Map(fresh.map((one) => [one.id, one]))
  const stood = new Set(shown.map((one) => one.id))
  const last = fresh.findLastIndex((one) => stood.has(one.id))
  const more = last < 0 ? [] : fresh.slice(last + 1)
  return [...shown.map((one) => found.get(one.id) ?? one), ...more]
}

/** A list that stays as it is while the pointer moves over it, and two seconds longer: a click would
 * otherwise meet another conversation than the one that it was meant for. */
export function useUnmoved<T extends { id: string }>(fresh: readonly T[]) {
  const [held, setHeld] = useState<readonly T[] | null>(null)
  const timer = useRef<number | undefined>(undefined)
  const items = held ? unmoved(held, fresh) : fresh
  function release() {
    window.clearTimeout(timer.current)
    setHeld(null)
  }
  function hold() {
    window.clearTimeout(timer.current)
    timer.current = window.setTimeout(release, HELD_MS)
    setHeld((before) => before ?? items)
  }
  useEffect(() => () => window.clearTimeout(timer.current), [])
  return { items, hold, release }
}
