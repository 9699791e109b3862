import type { Approval } from '@answerable/sdk'
import { useEffect } from 'react'
import { Link, Outlet, useMatch, useParams } from 'react-router'
import { changeTitle } from '../changes'
import { useKeys } from '../keys'
import { contactName, Deadline, teamTitle } from '../parts/badges'
import { Fence } from '../parts/fence'
import { ChannelIcon } from '../parts/icon'
import { step } from '../parts/item'
import { Empty, Failure, Loading, More, Problems } from '../parts/states'
import { Ago } from '../parts/time'
import { useApprovals, useTeams } from '../queries'

/** Changes that contacts have proven, and that a second person consents to or refuses. */
export function ApprovalsPage() {
  const { change } = useParams()
  const reading = useMatch('/approvals/:change') !== null
  useKeys({ j: () => step(1), k: () => step(-1) })
  useEffect(() => {
    if (!reading) document.title = 'Approvals · Answerable'
  }, [reading])
  return (
    <div className="inbox">
      <section className="list" aria-labelledby="list-title">
        <div className="list-head">
          <h1 id="list-title">Approvals</h1>
        </div>
        <Waiting />
      </section>
      <Fence key={change ?? ''}>
        <Outlet />
      </Fence>
    </div>
  )
}

export function NoApprovalChosen() {
  return (
    <section className="detail none" aria-label="Change">
      <Empty title="No change chosen">
        Choose one from the list to see old and new values. That you looked is noted in the ledger.
      </Empty>
    </section>
  )
}

function Waiting() {
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } =
    useApprovals()
  const items = data?.pages.flatMap((page) => page.items) ?? []
  if (isPending) return <Loading label="Reading approvals" />
  if (error && items.length === 0) return <Failure error={error} onRetry={() => void refetch()} />
  if (items.length === 0) {
    return (
      <Empty title="Nothing waits for approval">
        Changes that customers have proven with a code appear here.
      </Empty>
    )
  }
  return (
    <div className="list-scroll">
      {error && <Problems error={error} />}
      <ul className="items">
        {items.map((one) => (
          <WaitingItem key={one.id} approval={one} />
        ))}
      </ul>
      {hasNextPage && (
        <More
          label="Load more"
          busyLabel="Loading"
          isBusy={isFetchingNextPage}
          onMore={() => void fetchNextPage()}
        />
      )}
    </div>
  )
}

function WaitingItem({ approval }: { approval: Approval }) {
  const chosen = useParams()['change'] === approval.id
  const teams = useTeams()
  return (
    <li>
      <Link
        to={`/approvals/${approval.id}`}
        className="item"
        aria-current={chosen ? 'true' : undefined}
      >
        <span className="item-top">
          <ChannelIcon channel={approval.channel} />
          <span className="item-name" dir="auto">
            {contactName(approval.contact)}
          </span>
          <span className="item-time">
            <Ago at={approval.requested_at} />
          </span>
        </span>
        <span className="item-subject">{changeTitle(approval.kind)}</span>
        <span className="item-foot">
          {approval.team && <span className="owner">{teamTitle(teams.data, approval.team)}</span>}
          {approval.approvers > 1 && (
            <span className="badge">
              {approval.consents} of {approval.approvers} approved
            </span>
          )}
          <Deadline at={approval.expires_at} />
        </span>
      </Link>
    </li>
  )
}
