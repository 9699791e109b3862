import type { Conversation } from '@answerable/sdk'
import { Link } from 'react-router'
import { useTeams } from '../queries'
import { useSession } from '../session'
import { contactName, intentTitle, percent, Proof, teamTitle } from './badges'
import { MaskedText } from './masked-text'
import { Ago } from './time'
import { UnderstoodAs } from './understood-as'

const DECISIONS = new Map(
  Object.entries({
  run_playbook: 'Answer by playbook',
  ask: 'Ask the contact',
  draft: 'Draft for an agent',
  hand_off: 'Hand off to people',
  set_aside: 'Set aside',
  }),
)

/** From here on churn and abuse are worth a word. */
const LIKELY = 0.5

/** All that a person needs to answer well without reading everything first. */
export function BriefingPanel(props: { conversation: Conversation; onInsert: (text: string) => void }) {
  const { conversation, onInsert } = props
  const { agent } = useSession()
  const teams = useTeams()
  const { owner, status } = conversation
  const mine = status === 'open' && owner.kind === 'agent' && owner.id === agent.id
  const { briefing, decision, reasons } = conversation
  return (
    <div className="briefing">
      {briefing ? (
        <>
          <section>
            <h2>Summary</h2>
            <p dir="auto">
              <MaskedText text={briefing.summary} links={false} />
            </p>
            {briefing.reason && (
              <p className="why">
                <span className="label">Why a person</span>
                <MaskedText text={briefing.reason} links={false} />
              </p>
            )}
          </section>
          {(briefing.suggested ?? []).length > 0 && (
            <section>
              <h2>Suggested</h2>
              <ol className="steps">
                {briefing.suggested.map((step, index) => (
                  <li key={index}>
                    <MaskedText text={step} links={false} />
                    {mine && (
                      <button type="button" className="link" onClick={() => onInsert(step)}>
                        Use in the reply
                      </button>
                    )}
                  </li>
                ))}
              </ol>
            </section>
          )}
        </>
      ) : (
        <section>
          <h2>Summary</h2>
          <p className="soft">There is no briefing: the assistant has not handed this conversation off.</p>
        </section>
      )}
      <UnderstoodAs conversation={conversation} />
      <section>
        <h2>Decision</h2>
        <p>
          {decision ? (DECISIONS.get(decision.kind) ?? decision.kind) : 'None yet'}
          {decision?.team ? `: ${teamTitle(teams.data, decision.team)}` : ''}
        </p>
        {(reasons ?? []).length > 0 && <Reasons conversation={conversation} />}
      </section>
      {conversation.related.length > 0 && <OthersOf conversation={conversation} />}
      <Facts conversation={conversation} />
    </div>
  )
}

function Reasons({ conversation }: { conversation: Conversation }) {
  return (
    <table className="reasons">
      <caption>Reasons</caption>
      <thead>
        <tr>
          <th scope="col">Rule</th>
          <th scope="col">Threshold</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {conversation.reasons.map((reason, index) => (
          <tr key={index}>
            <th scope="row">
              <code>{reason.rule}</code>
              {reason.text && <span className="soft">{reason.text}</span>}
            </th>
            <td>{plain(reason.threshold)}</td>
            <td>{plain(reason.value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Suggested, never merged: what one answer may settle as well. */
function OthersOf({ conversation }: { conversation: Conversation }) {
  return (
    <section>
      <h2>Same contact</h2>
      <ul className="near">
        {conversation.related.map((one) => (
          <li key={one.id}>
            <Link to={`/${one.status === 'open' ? 'all' : 'closed'}/${one.id}`}>
              {one.intent ? intentTitle(one.intent) : 'Not recognised'}
            </Link>
            <span className="soft">
              {' '}
              {one.matter ? 'the same matter, ' : ''}
              {one.elsewhere ? 'from another address, ' : ''}
              {one.channel}, {one.status}, <Ago at={one.updated_at} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Facts({ conversation }: { conversation: Conversation }) {
  const { briefing, contact, understood } = conversation
  return (
    <section>
      <h2>Facts</h2>
      <dl className="facts">
        {briefing?.facts?.map((fact, index) => (
          <div key={index}>
            <dt>{fact.label}</dt>
            <dd>
              <MaskedText text={plain(fact.value)} links={false} />
            </dd>
          </div>
        ))}
        <div>
          <dt>Contact</dt>
          <dd>
            <bdi>{contactName(contact)}</bdi> <Proof proof={contact.proof} />
          </dd>
        </div>
        {contact.addresses_masked.length > 0 && (
          <div>
            <dt>Addresses</dt>
            <dd>{contact.addresses_masked.join(', ')}</dd>
          </div>
        )}
        <div>
          <dt>Inbox</dt>
          <dd>{conversation.inbox}</dd>
        </div>
        {conversation.language && (
          <div>
            <dt>Language</dt>
            <dd>{conversation.language}</dd>
          </div>
        )}
        {conversation.sentiment !== null && (
          <div>
            <dt>Sentiment</dt>
            <dd>{mood(conversation.sentiment, conversation.trend)}</dd>
          </div>
        )}
        {(understood?.churn ?? 0) >= LIKELY && (
          <div>
            <dt>Leaving</dt>
            <dd>may leave ({percent(understood?.churn ?? 0)})</dd>
          </div>
        )}
        {(understood?.abuse ?? 0) >= LIKELY && (
          <div>
            <dt>Tone</dt>
            <dd>insulting or threatening ({percent(understood?.abuse ?? 0)})</dd>
          </div>
        )}
        <div>
          <dt>Opened</dt>
          <dd>
            <Ago at={conversation.opened_at} />
          </dd>
        </div>
      </dl>
    </section>
  )
}

/** sentiment: -1 (angry) to 1 (glad). trend: over the messages of the conversation. */
function mood(sentiment: number, trend: Conversation['trend']): string {
  const word = sentiment < -0.5 ? 'angry' : sentiment < -0.15 ? 'unhappy' : sentiment > 0.4 ? 'glad' : 'neutral'
  const way = trend === 'falling' || trend === 'rising' ? `, ${trend}` : ''
  return `${word} (${sentiment.toFixed(2)})${way}`
}

function plain(value: unknown): string {
  if (value === null || value === undefined || value === '') return '–'
  if (typeof value === 'number') return String(Math.round(value * 1000) / 1000)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
