import { ago, fullTime, useNow } from '../time'

/** How long ago, with the full time on hover. */
export function Ago({ at }: { at: string }) {
  const now = useNow()
  return (
    <time dateTime={at} title={fullTime(at)}>
      {ago(at, now)}
    </time>
  )
}

/** The time of day, and the day too unless it is today. */
export function Moment({ at }: { at: string }) {
  const date = new Date(at)
  const today = date.toDateString() === new Date().toDateString()
  const time = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  const day = date.toLocaleDateString([], { day: 'numeric', month: 'short' })
  return (
    <time dateTime={at} title={fullTime(at)}>
      {Number.isNaN(date.getTime()) ? at : today ? time : `${day}, ${time}`}
    </time>
  )
}
