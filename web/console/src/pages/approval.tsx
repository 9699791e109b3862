import { isProblem, newKey, type ApprovalDetail, type ApprovalDocument } from '@answerable/sdk'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useId, useRef, useState, type FormEvent } from 'react'
import { Link, useParams } from 'react-router'
import { api } from '../api'
import { changeTitle, fieldTitle, shownSize, shownValue } from '../changes'
import { contactName, Deadline, teamTitle } from '../parts/badges'
import { Popup } from '../parts/dialog'
import { FormFoot } from '../parts/form-foot'
import { ChannelIcon, Icon } from '../parts/icon'
import { Empty, Failure, Loading, Problems } from '../parts/states'
import { Moment } from '../parts/time'
import { rereadApprovals, useApproval, useTeams } from '../queries'

/** One change: what is and what would be, how it was proven, and the decision. */
export function ApprovalPage() {
  const { change = '' } = useParams()
  const { data, error, refetch } = useApproval(change)
  useEffect(() => {
    if (data) document.title = `${changeTitle(data.kind)}: ${contactName(data.contact)} · Answerable`
  }, [data])
  return (
    <section className="detail approval" aria-label="Change">
      {data ? (
        <Opened key={change} approval={data} />
      ) : (
        <>
          <BackLink />
          <h1 className="sr">Change</h1>
          {isProblem(error) && error.status === 404 ? (
            <Empty title="There is no such change">
              It may have been erased, or the address is not right.{' '}
              <Link to="/approvals">Back to the list</Link>
            </Empty>
          ) : error ? (
            <Failure error={error} onRetry={() => void refetch()} />
          ) : (
            <Loading label="Reading the change" />
          )}
        </>
      )}
    </section>
  )
}

function BackLink() {
  return (
    <Link to="/approvals" className="icon-button back" aria-label="Back to the list">
      <Icon name="back" />
    </Link>
  )
}

function Opened({ approval }: { approval: ApprovalDetail }) {
  return (
    <>
      <header className="detail-head">
        <BackLink />
        <div className="detail-names">
          <h1>{changeTitle(approval.kind)}</h1>
          <p className="detail-facts">
            <span className="fact">
              <ChannelIcon channel={approval.channel} />
              <bdi>{contactName(approval.contact)}</bdi>
            </span>
            <span className="fact">
              <Link to={`/all/${approval.conversation}`}>The conversation</Link>
            </span>
            {approval.outcome === null && <Deadline at={approval.expires_at} />}
          </p>
        </div>
      </header>
      <Decision approval={approval} />
      <div className="approval-body">
        <Changes approval={approval} />
        <Proof approval={approval} />
        <History approval={approval} />
      </div>
    </>
  )
}

function Decision({ approval }: { approval: ApprovalDetail }) {
  const [refusing, setRefusing] = useState(false)
  const approve = useDecision(approval, (key) => api.approve(approval.id, approval.commitment, key))
  if (approval.outcome !== null) return <Decided approval={approval} />
  return (
    <div className="actions" role="group" aria-label="Decision">
      <Consents approval={approval} />
      {!approval.consented && (
        <button
          type="button"
          className="button primary"
          disabled={approve.isPending}
          onClick={() => approve.mutate()}
        >
          Approve this change
        </button>
      )}
      <button type="button" className="button" onClick={() => setRefusing(true)}>
        Refuse …
      </button>
      <Problems error={approve.error} />
      {refusing && <Refuse approval={approval} onClose={() => setRefusing(false)} />}
    </div>
  )
}

/** How far it is where several have to consent. */
function Consents({ approval }: { approval: ApprovalDetail }) {
  const { approvers, consents, consented } = approval
  if (approvers === 1) return null
  return (
    <span role="status" className="consents">
      <span className="badge">
        {consents} of {approvers} approved
      </span>
      {consented && <span className="soft">You have approved this; a colleague has to, too.</span>}
    </span>
  )
}

const OUTCOMES = {
  approved: 'Approved',
  refused: 'Refused',
  expired: 'Nobody decided in time',
  withdrawn: 'The customer withdrew it',
} as const

function Decided({ approval }: { approval: ApprovalDetail }) {
  const { outcome, decided_by: by } = approval
  if (outcome === null) return null
  return (
    <div className="actions" role="status">
      <span className={outcome === 'approved' ? 'badge good' : 'badge bad'}>
        {OUTCOMES[outcome]}
      </span>
      {by && (outcome === 'approved' || outcome === 'refused') && (
        <span className="soft">
          by <bdi>{by}</bdi>
        </span>
      )}
    </div>
  )
}

function Refuse({ approval, onClose }: { approval: ApprovalDetail; onClose: () => void }) {
  const [reason, setReason] = useState('')
  const id = useId()
  const refuse = useDecision(
    approval,
    (key) => api.refuseApproval(approval.id, approval.commitment, reason.trim(), key),
    onClose,
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    refuse.mutate()
  }
  return (
    <Popup title="Refuse this change" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <div className="field">
          <label htmlFor={id}>Reason</label>
          <textarea
            id={id}
            rows={4}
            required
            maxLength={2000}
            value={reason}
            aria-describedby={`${id}-hint`}
            onChange={(event) => {
              setReason(event.target.value)
              event.target.setCustomValidity(event.target.value.trim() ? '' : 'Say why.')
            }}
          />
          <span id={`${id}-hint`} className="hint">
            For your colleagues and the ledger; the customer does not see it. Nothing is changed, and
            the conversation goes to people.
          </span>
        </div>
        <Problems error={refuse.error} />
        <FormFoot onCancel={onClose} pending={refuse.isPending}>
          Refuse change
        </FormFoot>
      </form>
    </Popup>
  )
}

/** A decision names what was shown. Whoever was second is shown what is true now. */
function useDecision(
  approval: ApprovalDetail,
  decide: (key: string) => Promise<unknown>,
  onDone?: () => void,
) {
  const client = useQueryClient()
  const key = useRef(newKey())
  return useMutation({
    mutationFn: () => decide(key.current),
    onSuccess: () => {
      rereadApprovals(client, approval.conversation)
      onDone?.()
    },
    onError: (error) => {
      key.current = newKey() // another try may be about another text, or another commitment
      if (isProblem(error) && error.status === 409) rereadApprovals(client, approval.conversation)
    },
  })
}

const SUBJECTS = {
  open: 'What would change',
  approved: 'What was approved',
  refused: 'What was refused',
  expired: 'What was asked for',
  withdrawn: 'What was asked for',
} as const

function Changes({ approval }: { approval: ApprovalDetail }) {
  return (
    <section aria-labelledby="changes-title">
      <h2 id="changes-title">{SUBJECTS[approval.outcome ?? 'open']}</h2>
      {/* Focusable so that the keyboard can scroll a table wider than the page. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="table-scroll" tabIndex={0} role="region" aria-label="Old and new values">
        <table className="table changes">
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {approval.changes.map(({ field, before, after }) => (
              <tr key={field} className={before === after ? undefined : 'differs'}>
                <th scope="row">{fieldTitle(field)}</th>
                <td data-label="Before" dir="auto">
                  <Value field={field} value={before} />
                </td>
                <td data-label="After" dir="auto">
                  {before === after ? (
                    <span className="soft">unchanged</span>
                  ) : (
                    <Value field={field} value={after} />
                  )}
                </td>
              </tr>
            ))}
            {approval.documents.map((document) => (
              <tr key={document.field} className="differs">
                <th scope="row">{fieldTitle(document.field)}</th>
                <td data-label="Before">
                  <span className="soft">nothing</span>
                </td>
                <td data-label="After">
                  <Document change={approval.id} document={document} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Value({ field, value }: { field: string; value: string | null }) {
  if (value === null) return <span className="soft">nothing</span>
  return <>{shownValue(field, value)}</>
}

/** In a window of its own, where it runs nothing and reaches nothing. */
function Document({ change, document }: { change: string; document: ApprovalDocument }) {
  return (
    <>
      <a
        href={api.documentAddress(change, document.field)}
        target="_blank"
        rel="noreferrer"
        aria-label={`Show the document ${document.name}, in a new window`}
      >
        Show the document
      </a>{' '}
      <span className="soft">
        <bdi>{document.name}</bdi>, {shownSize(document.size_bytes)}
      </span>
    </>
  )
}

function Proof({ approval }: { approval: ApprovalDetail }) {
  const teams = useTeams()
  const { method, to_last2: last2, at } = approval.proof
  const proven = at !== null
  return (
    <section aria-labelledby="proof-title">
      <h2 id="proof-title">How it was proven</h2>
      <dl className="proof-facts">
        <div>
          <dt>Proof</dt>
          <dd>
            <span className={proven ? 'badge good' : 'badge bad'}>
              {proven ? method : 'not proven'}
            </span>
            {last2 && <span> to the number on file that ends in {last2}</span>}
            {at && (
              <span className="soft">
                {' '}
                · <Moment at={at} />
              </span>
            )}
          </dd>
        </div>
        <div>
          <dt>Asked for</dt>
          <dd>
            <Moment at={approval.requested_at} />
          </dd>
        </div>
        {approval.team && (
          <div>
            <dt>Team</dt>
            <dd>{teamTitle(teams.data, approval.team)}</dd>
          </div>
        )}
        <div>
          <dt>Commitment</dt>
          <dd>
            <code className="hash">{approval.commitment}</code>
          </dd>
        </div>
      </dl>
    </section>
  )
}

function History({ approval }: { approval: ApprovalDetail }) {
  return (
    <section aria-labelledby="history-title">
      <h2 id="history-title">What happened</h2>
      <ol className="history">
        {approval.history.map((line, index) => (
          <li key={index}>
            <span className="soft">
              <Moment at={line.at} />
            </span>
            <span>{line.title}</span>
          </li>
        ))}
      </ol>
    </section>
  )
}
