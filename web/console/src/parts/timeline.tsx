import type { LedgerEvent } from '@answerable/sdk'
import { Link } from 'react-router'
import { useEvents } from '../queries'
import { Empty, Failure, Loading, Problems } from './states'
import { Moment } from './time'

/** Every event of the conversation as the ledger has it, with its place in the hash chain. */
export function Timeline({ id }: { id: string }) {
  const { data, error, isPending, refetch } = useEvents(id, true)
  if (isPending) return <Loading label="Reading the ledger" />
  if (error && !data) return <Failure error={error} onRetry={() => void refetch()} />
  if (!data || data.length === 0) return <Empty title="No events yet" />
  return (
    <>
      <Problems error={error} />
      <ol className="timeline">
        {data.map((event) => (
          <Entry key={event.seq} event={event} />
        ))}
      </ol>
    </>
  )
}

function Entry({ event }: { event: LedgerEvent }) {
  return (
    <li>
      <details>
        <summary>
          <span className="event-seq">{event.seq}</span>
          <span className="event-main">
            <span className="event-title">{event.title || event.kind}</span>
            <span className="event-by">
              {actorName(event.actor)} · <Moment at={event.at} />
            </span>
          </span>
        </summary>
        <ChangeLink event={event} />
        <dl className="event-data">
          <div>
            <dt>Kind</dt>
            <dd>
              <code>{event.kind}</code>
            </dd>
          </div>
          <div>
            <dt>Data</dt>
            <dd>
              {/* Focusable so that the keyboard can scroll it. */}
              {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
              <pre tabIndex={0} role="group" aria-label={`Data of event ${event.seq}`}>{JSON.stringify(event.data, null, 2)}</pre>
            </dd>
          </div>
          <div>
            <dt>Hash</dt>
            <dd>
              <code className="hash">{event.hash}</code>
            </dd>
          </div>
        </dl>
      </details>
    </li>
  )
}

/** To the change that an agent has to decide on, or has decided. */
function ChangeLink({ event }: { event: LedgerEvent }) {
  const { change } = event.data as { change?: unknown }
  if (event.kind !== 'approval_requested' || typeof change !== 'string') return null
  return (
    <p className="event-link">
      <Link to={`/approvals/${change}`}>Look at the change</Link>
    </p>
  )
}

const ACTORS = new Map(
  Object.entries({
    contact: 'Contact',
    assistant: 'Assistant',
    agent: 'Agent',
    system: 'Answerable',
  }),
)

/** actor: a kind, or a kind and an id; the sentence beside it has the name. */
function actorName(actor: string): string {
  const [kind = ''] = actor.split(':')
  return ACTORS.get(kind) ?? actor
}
