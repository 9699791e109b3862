/**
 * Milliseconds to wait before the attempt of this number (0, 1, 2 ...): doubling, at most 30 s.
 *
 * random: 0..1. Half of the wait is drawn by lot, so that a restarted service is not met by all at once.
 */
export function backoff(attempt: number, random: number): number {
  const full = Math.min(30_000, 500 * 2 ** Math.min(attempt, 10))
  return Math.round(full / 2 + (full / 2) * random)
}
