import { isProblem } from '@answerable/sdk'
import type { ReactNode } from 'react'
import { Icon } from './icon'

export function Loading({ label, full = false }: { label: string; full?: boolean }) {
  return (
    <div className={full ? 'state full' : 'state'} role="status">
      <span className="spinner" aria-hidden="true" />
      <p>{label} …</p>
    </div>
  )
}

export function Failure(props: { error: unknown; onRetry?: () => void; full?: boolean }) {
  const { title, detail } = explain(props.error)
  return (
    <div className={props.full ? 'state full' : 'state'} role="alert">
      <Icon name="warning" />
      <p className="strong">{title}</p>
      {detail && <p className="soft">{detail}</p>}
      {props.onRetry && (
        <button type="button" className="button" onClick={props.onRetry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** The next page of a list. */
export function More(props: { label: string; busyLabel: string; isBusy: boolean; onMore: () => void }) {
  return (
    <button type="button" className="button more" disabled={props.isBusy} onClick={props.onMore}>
      {props.isBusy ? `${props.busyLabel} …` : props.label}
    </button>
  )
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <p className="strong">{title}</p>
      {children && <p className="soft">{children}</p>}
    </div>
  )
}

/** What went wrong in a person's words; unknown errors are not shown as they are. */
export function explain(error: unknown): { title: string; detail: string } {
  if (isProblem(error)) {
    const wait = error.retryAfterSeconds ? ` Try again in ${Math.ceil(error.retryAfterSeconds)} s.` : ''
    // The detail is a sentence for people; the title may be the bare name of the status.
    return { title: sentence(error.detail || error.title), detail: wait.trim() }
  }
  return { title: 'Something went wrong in this page.', detail: 'Reloading it helps in most cases.' }
}

function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`
}

export function Problems({ error }: { error: unknown }) {
  if (!error) return null
  const { title, detail } = explain(error)
  return (
    <p className="problem" role="alert">
      <Icon name="warning" />
      <span>
        {title} {detail}
      </span>
    </p>
  )
}
